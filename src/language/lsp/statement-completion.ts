// What may stand in `data`, `train` and `generate`: settings that are not given yet, their values, files, columns.

import { type CompletionItem, CompletionItemKind, InsertTextFormat } from 'vscode-languageserver-types';
import { taskNames } from '../../shared/settings.ts';
import type { Program } from '../program.ts';
import { fileSources, sourceSettings, taskSettings } from '../statements/data.ts';
import { devices, metricNames } from '../statements/train.ts';
import { type CallAt, callsAt } from './call-at.ts';
import { settingValueWords, sourceSettingWords, sourceWords, type Word } from './words.ts';

/** What is looked up on the disk; `path` as the source writes it. */
export interface DataFiles {
  /** Names of the files beside the source, or in a folder `below/`; those of folders end with a slash. */
  list(below?: string): Promise<readonly string[]>;
  /** The name of the source itself, which `use` does not offer. */
  readonly self?: string;
  columns(path: string): Promise<readonly { readonly name: string; readonly kind: string; readonly examples: readonly string[] }[]>;
}

/** A place of a snippet to be filled in. */
export const hole = (number: number, text: string): string => `\${${number}:${text}}`;

export const noFiles: DataFiles = { list: async () => [], columns: async () => [] };

const item = (label: string, { use, says }: Word, kind: CompletionItemKind, insertText = label): CompletionItem => ({
  label,
  kind,
  detail: use,
  documentation: { kind: 'markdown', value: says },
  insertText,
});

/** A call as it is usually written, with its places to be filled in. */
const call = (label: string, word: Word, usual: string, kind: CompletionItemKind = CompletionItemKind.Function): CompletionItem => ({
  ...item(label, word, kind, usual),
  insertTextFormat: InsertTextFormat.Snippet,
});

const endings: Readonly<Record<string, RegExp>> = {
  text: /\.(txt|md|text)$/i,
  table: /\.(csv|tsv|tab|jsonl|ndjson)$/i,
  series: /\.(csv|tsv|tab|jsonl|ndjson)$/i,
  arrays: /\.np[yz]$/i,
  pairs: /\.(tsv|tab|txt)$/i,
  dialogue: /\.(txt|tsv|tab)$/i,
  // A folder.
  images: /(?!)/,
};

/** Of settings that name a file. */
const settingEndings: Readonly<Record<string, RegExp>> = {
  captions: /\.(csv|tsv|tab|jsonl|ndjson|txt)$/i,
  alignments: /\.(txt|align|pharaoh|talp)$/i,
};

/** Sources whose line may say what an input of the model is taken from. */
const bindingSources: ReadonlySet<string> = new Set(['table', 'series', 'arrays']);

/** Within the value of a `data` item that begins at `start`. */
export async function inData(program: Program, text: string, offset: number, files: DataFiles): Promise<CompletionItem[]> {
  const calls = callsAt(text, offset);
  const [inner] = calls;
  const outer = calls.at(-1);
  const quoted = /"[^"\n]*$/.test(text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset).replace(/"[^"\n]*"/g, ''));
  if (inner === undefined || outer === undefined) return sourceItems();
  if (quoted) return inQuotes(inner, outer, text, offset, files);
  if (inner !== outer) return [];
  const { callee } = outer;
  const isFile = fileSources.some((each) => each === callee);
  const settings = isFile ? sourceSettings[callee as 'text'] : [...(taskSettings[callee as 'adding'] ?? []), 'validation', 'test', 'seed'];
  if (outer.name !== undefined) return valuesOf(outer.name, callee);
  const left = settings.filter((name) => !outer.given.includes(name));
  const inputs = bindingSources.has(callee) ? inputNames(program).filter((name) => !outer.given.includes(name)) : [];
  return [
    ...inputs.map(
      (name): CompletionItem => ({
        label: name,
        kind: CompletionItemKind.Variable,
        detail: 'an input of the model',
        insertText: `${name}: `,
        sortText: `1${name}`,
      }),
    ),
    ...left.map(
      (name): CompletionItem => ({
        ...item(name, sourceSettingWords[name]!, CompletionItemKind.Property, `${name}: `),
        sortText: `0${name}`,
      }),
    ),
  ];
}

/** Inputs of the models of the file that data may bind. */
const inputNames = (program: Program): string[] => [
  ...new Set(
    program.models.flatMap(({ inputs }) =>
      inputs.flatMap((input) =>
        input.$type === 'ValueInput' && input.type !== undefined && input.type.$type !== 'CellType' ? [input.name] : [],
      ),
    ),
  ),
];

function sourceItems(): CompletionItem[] {
  const usual: Readonly<Record<string, string>> = {
    text: `text("${hole(1, 'book.txt')}", by: \${2|char,word,pieces(8000)|})`,
    table: `table("${hole(1, 'rows.csv')}", by: \${2|char,word|}, test: 0.2)`,
    series: `series("${hole(1, 'series.csv')}", ${hole(2, 'x')}: column("${hole(3, 'column')}"), window: ${hole(4, '24')}, normalise: true, test: 0.2)`,
    arrays: `arrays("${hole(1, 'arrays.npz')}", ${hole(2, 'x')}: "${hole(3, 'x')}", ${hole(4, 'y')}: "${hole(5, 'y')}")`,
    pairs: `pairs("${hole(1, 'eng-fra.tsv')}", by: \${2|word,char,pieces(8000)|}, lower: true, minimum: ${hole(3, '2')})`,
    dialogue: `dialogue("${hole(1, 'films.txt')}", by: \${2|word,char,pieces(8000)|}, longest: ${hole(3, '30')})`,
    images: `images("${hole(1, 'photographs')}", captions: "${hole(2, 'captions.csv')}", minimum: ${hole(3, '5')})`,
    dates: `dates(${hole(1, '10_000')}, test: ${hole(2, '1000')})`,
    shapes: `shapes(${hole(1, '10_000')}, size: ${hole(2, '64')})`,
    copying: `copying(symbols: ${hole(1, '8')}, length: ${hole(2, '10')}, delay: ${hole(3, '100')})`,
    repeating: `repeating(${hole(1, '20_000')}, symbols: ${hole(2, '20')}, length: [${hole(3, '10')}, ${hole(4, '50')}])`,
    flip_flop: `flip_flop(switches: ${hole(1, '3')}, length: ${hole(2, '50')})`,
    embedded_reber: `embedded_reber(${hole(1, '20_000')})`,
  };
  return [...fileSources, ...taskNames].map((name) => call(name, sourceWords[name]!, usual[name] ?? `${name}(length: \${1:100})`));
}

/** Files and folders in the folder of a path that is being typed; `all`: folders are what is asked for. */
export async function pathsIn(typed: string, ending: RegExp, files: DataFiles, all = false): Promise<CompletionItem[]> {
  const folder = /^(.*\/)?/.exec(typed)![0];
  const names = await files.list(folder).catch(() => []);
  return names.flatMap((name): CompletionItem[] => {
    if (name.endsWith('/')) {
      const again = all ? {} : { command: { title: 'Suggest', command: 'editor.action.triggerSuggest' } };
      return /^(node_modules|\..*)\/$/.test(name) ? [] : [{ label: name, kind: CompletionItemKind.Folder, sortText: `1${name}`, ...again }];
    }
    return ending.test(name) && name !== files.self ? [{ label: name, kind: CompletionItemKind.File, sortText: `0${name}` }] : [];
  });
}

async function inQuotes(
  { callee, position }: CallAt,
  outer: CallAt,
  text: string,
  offset: number,
  files: DataFiles,
): Promise<CompletionItem[]> {
  if (callee === outer.callee && position === 0 && outer.name === undefined) {
    const typed = /"([^"\n]*)$/.exec(text.slice(0, offset))?.[1] ?? '';
    const ending = endings[callee];
    return ending === undefined ? [] : pathsIn(typed, ending, files, callee === 'images');
  }
  const ofSetting = settingEndings[outer.name ?? ''];
  if (callee === outer.callee && ofSetting !== undefined) {
    const typed = /"([^"\n]*)$/.exec(text.slice(0, offset))?.[1] ?? '';
    return pathsIn(typed, ofSetting, files);
  }
  const path = /^\s*"([^"\n]+)"/.exec(text.slice(outer.start))?.[1];
  const isColumn = callee === 'column' || callee === 'columns' || callee === 'following' || outer.callee === 'arrays';
  if (path === undefined || !isColumn) return [];
  const columns = await files.columns(path).catch(() => []);
  return columns.map(({ name, kind, examples }) => ({
    label: name,
    kind: CompletionItemKind.Field,
    detail: `${kind}${examples.length === 0 ? '' : `: ${examples.join(', ')}`}`,
  }));
}

function valuesOf(name: string, callee: string): CompletionItem[] {
  if (name === 'by')
    return [
      item('char', { use: 'by: char', says: 'Each character is a class.' }, CompletionItemKind.EnumMember),
      item('word', { use: 'by: word', says: 'Each word, and each mark of punctuation, is a class.' }, CompletionItemKind.EnumMember),
      call('pieces', settingValueWords.pieces!, `pieces(${hole(1, '8000')})`),
    ];
  if (name === 'lower' || name === 'normalise' || name === 'header') return plain(['true', 'false']);
  if (callee === 'table' || callee === 'series') {
    const names = callee === 'series' ? ['column', 'columns', 'following'] : ['column', 'columns'];
    const usual: Readonly<Record<string, string>> = {
      column: 'column("$1")',
      columns: 'columns("$1", "$2")',
      following: `following("$1", ${hole(2, '24')})`,
    };
    return names.map((each) => call(each, sourceWords[each]!, usual[each]!));
  }
  return [];
}

const plain = (labels: readonly string[]): CompletionItem[] => labels.map((label) => ({ label, kind: CompletionItemKind.EnumMember }));

const optimizers: Readonly<Record<string, string>> = {
  adam: `adam(${hole(1, '0.001')})`,
  adamw: `adamw(${hole(1, '0.001')})`,
  sgd: `sgd(${hole(1, '0.1')}, momentum: ${hole(2, '0.9')})`,
  rmsprop: `rmsprop(${hole(1, '0.001')})`,
};
const schedules: Readonly<Record<string, string>> = {
  cosine: `cosine(${hole(1, '0.001')}, warmup: ${hole(2, '100')})`,
  step: `step(${hole(1, '0.1')}, every: ${hole(2, '5')}, factor: ${hole(3, '0.5')})`,
  plateau: `plateau(${hole(1, '0.001')}, patience: ${hole(2, '3')}, factor: ${hole(3, '0.5')})`,
};

const calls = (usual: Readonly<Record<string, string>>): CompletionItem[] =>
  Object.entries(usual).map(([name, text]) => call(name, settingValueWords[name]!, text));

/** Behind the colon of a setting of `train` or `generate`; `before` is the line up to the place. */
export function settingValues(program: Program, name: string, text: string, offset: number): CompletionItem[] {
  const [inner] = callsAt(text, offset);
  if (inner !== undefined && inner.callee in optimizers && inner.position === 0 && inner.name === undefined) return calls(schedules);
  if (inner !== undefined) {
    const known = settingValueWords[inner.callee]?.use ?? '';
    const names = Array.from(known.matchAll(/(\w+):/g), (match) => match[1]!).filter((each) => !inner.given.includes(each));
    return names.map((label) => ({ label, kind: CompletionItemKind.Property, insertText: `${label}: ` }));
  }
  switch (name) {
    case 'optimizer':
      return calls(optimizers);
    case 'stop':
      return [call('plateau', settingValueWords.plateau!, `plateau(patience: ${hole(1, '5')})`)];
    case 'report':
      return metricNames.map((each) =>
        each === 'seasonal'
          ? call(each, settingValueWords.seasonal!, `seasonal(${hole(1, '24')})`)
          : { label: each, kind: CompletionItemKind.EnumMember },
      );
    case 'device':
      return plain(devices);
    case 'search':
      return [
        { label: 'greedy', kind: CompletionItemKind.EnumMember },
        call('sample', settingValueWords.sample!, `sample(temperature: ${hole(1, '0.8')})`),
        call('beam', settingValueWords.beam!, `beam(${hole(1, '5')}, penalty: ${hole(2, '0.6')})`),
      ];
    case 'teacher':
      return [call('ramp', settingValueWords.ramp!, `ramp(${hole(1, '1')}, ${hole(2, '0.7')}, epochs: ${hole(3, '5')})`)];
    case 'unknown':
      return [call('copy', settingValueWords.copy!, `copy(${hole(1, 'decoder.weights')})`)];
    case 'freeze':
      return program.models.flatMap(({ lines }) =>
        lines.flatMap((line) => (line.$type === 'Equation' ? [{ label: line.name, kind: CompletionItemKind.Variable }] : [])),
      );
    default:
      return [];
  }
}
