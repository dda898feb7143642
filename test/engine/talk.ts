// A model that answers what was said, and conversations for it: sixty turns in a file, learned by heart in a second.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const chatSource = `model Chat(said: [S] of Word, reply: [T] of Word) {
  x       = embed(said, 24)
  y       = embed(reply, 24, weights: x)
  encoder = bidirectional(gru, x, 24)
  decoder = attending_decoder(y, encoder, 32)
  logits  = linear(decoder, Word)
  loss    = cross_entropy(logits, next(reply))
}

data talk = dialogue("talk.txt", by: word, lower: true, minimum: 2, validation: 2)

train Chat on talk { device: cpu, epochs: 60, batch: 16, optimizer: adam(0.01), clip: 1 }

generate Chat { search: sample(temperature: 0.5, top_k: 10), length: 12 }
`;

const places = { red: 'in the house', blue: 'on the hill', green: 'by the door' } as const;

/** Fifteen conversations of four turns, and one with words that occur once. */
export const talk = `${Object.entries(places)
  .flatMap(([colour, place]) =>
    ['cat', 'dog', 'bird', 'horse', 'mouse'].map((animal) =>
      [
        `Do you have a ${colour} ${animal}?`,
        `Yes, I have a ${colour} ${animal}.`,
        `Where is the ${animal}?`,
        `The ${animal} is ${place}.`,
      ].join('\n'),
    ),
  )
  .join('\n\n')}\n\nDo you have a purple yak?\nYes.`;

/** Writes `chat.rnn` and its data into a folder. */
export function writeChat(folder: string, source = chatSource): string {
  writeFileSync(join(folder, 'talk.txt'), `${talk}\n`);
  writeFileSync(join(folder, 'chat.rnn'), source);
  return join(folder, 'chat.rnn');
}
