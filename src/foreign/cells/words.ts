// Names that a file has for its values, where they are words.

import { isOperatorName } from './operators.ts';

/** What a file calls a value, where that is a word and says more than the operator's name. */
export function wordOf(name: string): string | undefined {
  const own = name
    .split(/[./:]+/)
    .at(-1)!
    .replace(/_output_\d+$|(?:_\d+)+$/, '');
  const word = /^[A-Za-z][A-Za-z_]{0,13}[0-9]?$/.exec(own)?.[0];
  const plain = word?.replace(/_?\d$/, '').toLowerCase();
  if (plain === undefined || plainWords.has(plain) || isOperatorName(plain)) return undefined;
  return word;
}

/** Operators' and frameworks' own names, which say nothing; and what the language has other uses for. */
const plainWords = new Set(
  (
    'equal output input out in value tensor var temp tmp body state cell param size model data train generate of one from over on use number t token loss ' +
    'true false and or not linear layer_norm repeat reverse last first next previous x range onnx minimum maximum norm variance entropy argmax any all embed'
  ).split(' '),
);
