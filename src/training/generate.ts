// A model that predicts its own input runs free: what it predicts is what it reads next.

import { DataError } from '../data/errors.ts';
import { decode, encode, type Vocabulary } from '../data/vocabulary.ts';
import { type Random, random } from '../shared/random.ts';
import type { GenerateSettings } from '../shared/settings.ts';

/** A model read step by step; it remembers what it has read. */
export interface Predictor {
  /** Reads tokens and gives the scores of each class to come next. */
  read(ids: Int32Array): Promise<Float32Array>;
}

/** A search that looks at one step at a time. */
export type StepwiseSearch = Exclude<GenerateSettings['search'], { readonly kind: 'beam' }>;

/** The text that a model writes after the prompt, `length` tokens of it, or fewer where it comes to an end. `onToken` sees it grow. Throws DataError for
 *  a prompt with unknown characters. */
export async function generate(
  predictor: Predictor,
  vocabulary: Vocabulary,
  { search, length, prompt }: Pick<GenerateSettings, 'length' | 'prompt'> & { readonly search: StepwiseSearch },
  seed: number,
  onToken?: (text: string) => void,
): Promise<string> {
  const chance = random(seed, 'generate');
  const { begin, end, unknown } = vocabulary;
  const read = encode(vocabulary, prompt);
  if (prompt !== '' && read.length === 0) throw new DataError('prompt', `The prompt ${JSON.stringify(prompt)} holds no word.`);
  let scores = await predictor.read(startOf(vocabulary, read));
  const written: number[] = [];
  while (written.length < length) {
    const id = choose(scores, search, chance, [unknown, begin]);
    if (id === end) break;
    written.push(id);
    onToken?.(vocabulary.tokens[id]!);
    if (written.length < length) scores = await predictor.read(Int32Array.of(id));
  }
  return decode(vocabulary, written);
}

/** What is read before the first token is written: rows begin with ‹begin›; a text without a prompt after a line's end, or after its first token. */
function startOf({ begin, tokens }: Vocabulary, read: Int32Array): Int32Array {
  if (begin !== undefined) return Int32Array.from([begin, ...read]);
  return read.length > 0 ? read : Int32Array.of(Math.max(0, tokens.indexOf('\n')));
}

/** A class by its score: the best, or one drawn from softmax(scores / temperature) among the `topK` best and the fewest whose probabilities
 *  reach `topP` (Holtzman et al. 2020). None of `never` is chosen. */
export function choose(scores: Float32Array, search: StepwiseSearch, chance: Random, never: readonly (number | undefined)[] = []): number {
  if (search.kind === 'greedy' || search.temperature === 0) return best(scores, never);
  const order = Array.from(scores.keys())
    .filter((id) => !never.includes(id))
    .sort((a, b) => scores[b]! - scores[a]!);
  const among = order.slice(0, search.topK ?? order.length);
  const weights = among.map((id) => Math.exp((scores[id]! - scores[among[0]!]!) / search.temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let kept = 0;
  let mass = 0;
  while (kept < weights.length && (kept === 0 || mass < (search.topP ?? 1) * total)) mass += weights[kept++]!;
  let left = chance.uniform() * mass;
  for (let k = 0; k < kept; k += 1) {
    left -= weights[k]!;
    if (left < 0) return among[k]!;
  }
  return among[kept - 1]!;
}

/** The class with the largest score, the first of equals. */
export function best(scores: Float32Array, never: readonly (number | undefined)[]): number {
  let found = -1;
  for (let id = 0; id < scores.length; id += 1) if ((found < 0 || scores[id]! > scores[found]!) && !never.includes(id)) found = id;
  return found;
}
