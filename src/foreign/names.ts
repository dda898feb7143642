// Names for parts: from what the file calls them to names of the language.

/** Words that no line can be called. */
const KEYWORDS = new Set([
  'cell',
  'model',
  'data',
  'train',
  'generate',
  'state',
  'param',
  'size',
  'on',
  'use',
  'of',
  'one',
  'from',
  'over',
  'where',
  't',
  'token',
  'loss',
]);

const OPERATOR = /^(?:node_)?(?:lstm|gru|rnn|scan|loop|dynamicquantizelstm|softmax|div)(?:_\d+)?$/i;

/** Gives each title a name of its own: `/encoder/rnn/LSTM` is `encoder_rnn`. `otherwise` is for titles that say nothing. */
export class PartNames {
  readonly #taken = new Set<string>();

  name(title: string, otherwise: string): string {
    const segments = title.split(/[/.:\\]+/).filter((segment) => segment !== '');
    // The last one is often the operator alone.
    const isOperator = OPERATOR.test(segments.at(-1) ?? '');
    const said = isOperator && segments.length > 1 ? segments.slice(0, -1) : /^node_/i.test(title) && isOperator ? [] : segments;
    const base = wordOf(said.slice(-3).join('_')) || wordOf(otherwise) || 'part';
    let name = base;
    for (let count = 2; this.#isTaken(name); count += 1) name = `${base}_${count}`;
    this.#taken.add(name);
    return name;
  }

  /** Also what would be read as another part's reverse direction or input. */
  #isTaken(name: string): boolean {
    if (KEYWORDS.has(name) || this.#taken.has(name)) return true;
    return [...this.#taken].some((taken) => name.startsWith(`${taken}_`) && /^_(?:reverse|x|h_0|c_0|cell)/.test(name.slice(taken.length)));
  }
}

/** A text as a name of the language; empty where nothing of it can stand in one. */
export function wordOf(text: string): string {
  const word = text
    .replace(/[^A-Za-z0-9_]+/g, '_')
    .replace(/_+/g, '_')
    .replace(/^_|_$/g, '')
    .slice(0, 40);
  return /^\d/.test(word) ? `part_${word}` : word;
}
