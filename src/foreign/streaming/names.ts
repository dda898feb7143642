// Names of inputs and outputs: which look like a state and its next value, a frame, an option.

/** Words that tell the side or the moment of a value, and nothing of what it is. */
const sides = new Set(
  'in out input output inputs outputs new next prev previous past present old init initial updated update cur current last first n t next0 ret return returned'.split(
    ' ',
  ),
);

/** How alike the names of an input and of the output that may be its next value are: 2 where only side and moment differ, 1 where numbers differ too, else 0. */
export function nameLikeness(input: string, output: string): 0 | 1 | 2 {
  const [before, after] = [wordsOf(input), wordsOf(output)];
  for (const [strict, likeness] of [
    [true, 2],
    [false, 1],
  ] as const) {
    const keep = (words: readonly string[]): string =>
      words.filter((word) => !sides.has(word) && (strict || !/^\d+$/.test(word))).join(' ');
    const [a, b] = [keep(before), keep(after)];
    if (a === '') continue;
    if (
      a === b ||
      `${a}n` === b ||
      `${a}t` === b ||
      a === `${b}t` ||
      `${a}1` === b ||
      `${a}out` === b ||
      `${a}next` === b ||
      a === `${b}in` ||
      a === `${b}prev`
    )
      return likeness;
  }
  return 0;
}

const stateWords =
  /^(h|c|hx|cx|hc|hn|cn|hidden|hiddens|cell|state|states|cache|cached|mem|memory|past|context|ctx|buffer|buf|carry|rnn|lstm|gru|ssm)$/;
const frameWords =
  /^(x|xs|input|frame|frames|mag|magnitude|audio|signal|wav|waveform|samples|speech|feat|feats|feature|features|fbank|mel|spec|spectrum|tok|token|tokens|ids|chunk|mix|noisy|obs|observation|data)$/;
const optionWords = /^(sr|rate|len|lens|length|lengths|size|sizes|mask|step|steps|temperature|threshold)$/;

const some = (name: string, pattern: RegExp): boolean =>
  wordsOf(name).some((word) => pattern.test(word) || pattern.test(word.replace(/(in|out|n|t)$/, '')));
export const looksLikeState = (name: string): boolean => some(name, stateWords);
export const looksLikeFrame = (name: string): boolean => wordsOf(name).some((word) => frameWords.test(word));
export const looksLikeOption = (name: string): boolean => wordsOf(name).some((word) => optionWords.test(word));
export const looksLikeRate = (name: string): boolean => /^(sr|fs)$|sample.?rate/i.test(name);

/** `stateN`, `h_in_1`, `serving_default_h:0` as lower-case words and numbers; a port number (`:0`) is none. */
function wordsOf(name: string): string[] {
  return name
    .slice(0, 200)
    .replace(/:\d+$/, '')
    .replace(/^(serving_default|StatefulPartitionedCall)_?/i, '')
    .split(/[^A-Za-z0-9]+/)
    .flatMap((part) => part.match(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+/g) ?? [])
    .map((word) => word.toLowerCase());
}
