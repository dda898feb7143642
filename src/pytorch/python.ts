// Python as text: expressions with their precedence, names, and what is known of a value's shape.

import { basename } from 'node:path';
import type { NetworkUse } from '../shared/network.ts';
import { supportNames } from './support.ts';

/** How tightly an operator binds; a part that binds less stands in parentheses. */
export const binds = {
  or: 1,
  and: 2,
  not: 3,
  comparison: 4,
  bitOr: 5,
  bitAnd: 6,
  sum: 7,
  product: 8,
  sign: 9,
  power: 10,
  atom: 11,
} as const;

/** A tensor in Python. Its dimensions are the leading ones (the batch, and what is run over), where `lead` says so, and then `rank` of its own. */
export interface Py {
  readonly kind: 'tensor';
  readonly code: string;
  readonly level: number;
  readonly rank: number;
  readonly lead: boolean;
  /** A number or truth value of Python. */
  readonly scalar?: true;
  /** It holds truth values. */
  readonly truth?: true;
  /** Of a loss: where there is anything. */
  readonly counted?: string;
}

/** What a call gives, or a state. */
export interface PyRecord {
  readonly kind: 'record';
  readonly code: string;
  /** Only the value, as a tensor: nobody asks for more. */
  readonly plain: boolean;
  /** Where its value as a tensor is, if not in the field `value`. */
  readonly value?: string;
  /** Where the parameters are: `self.x`. */
  readonly module?: string;
  readonly layers?: readonly PyRecord[];
}

export const atom = (code: string, rank: number, lead: boolean, more: Partial<Py> = {}): Py => ({
  kind: 'tensor',
  code,
  level: binds.atom,
  rank,
  lead,
  ...more,
});
export const scalar = (code: string, level: number = binds.atom, more: Partial<Py> = {}): Py => ({
  ...atom(code, 0, false, more),
  level,
  scalar: true,
});

export const within = ({ code, level }: Pick<Py, 'code' | 'level'>, least: number): string => (level < least ? `(${code})` : code);

const keywords =
  'False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield print len range enumerate zip sum min max any all abs float int bool list dict tuple vars getattr hasattr super isinstance type'.split(
    ' ',
  );
/** What the modules themselves use: lines of a model must not hide it. */
const own = ['torch', 'math', 'nn', 'F', 'self', 'state', 'run', 'now', 'lead', 'lengths', 't'];
const taken = new Set([...keywords, ...supportNames, ...own]);

/** Attributes of nn.Module, and of the classes here. */
const attributes = new Set(
  (
    'forward train eval type half float double to cpu cuda apply parameters buffers modules children training zero_grad requires_grad_ share_memory ' +
    'state_dict load_state_dict named_parameters named_buffers named_modules named_children add_module register_buffer register_parameter ' +
    'register_module get_submodule get_parameter get_buffer extra_repr compile bfloat16 xpu ipu double T_destination dump_patches ' +
    'step initial zeros carry kept loss last value state carry_on weights'
  ).split(' '),
);

/** A name of the source as a Python identifier; `c'` is `c_next`. */
export function identifier(name: string): string {
  const plain = name.replace(/'$/, '_next').replace(/[^\p{L}\p{Nd}_]/gu, (mark) => `_${mark.codePointAt(0)!.toString(16)}`);
  const normal = plain.normalize('NFKC');
  return /^\p{Nd}/u.test(normal) ? `_${normal}` : normal;
}

export const localName = (name: string): string => {
  const plain = identifier(name);
  return taken.has(plain) ? `${plain}_` : plain;
};

/** The argument that has what a network from a file makes: `mobilenet_features`. */
export const networkArgument = ({ path, gives }: NetworkUse): string => {
  const file = basename(path).replace(/\.onnx$/i, '');
  return localName(`${file}_${gives}`.replace(/[^\p{L}\p{Nd}_]+/gu, '_'));
};

export const attributeName = (name: string): string => {
  const plain = identifier(name);
  return attributes.has(plain) || keywords.includes(plain) ? `${plain}_` : plain;
};

/** A field of what a call gives. */
export const fieldName = (name: string): string => {
  const plain = identifier(name);
  return ['value', 'last', 'state'].includes(plain) || keywords.includes(plain) ? `${plain}_` : plain;
};

/** `tagger` and `peephole_lstm` as classes: Tagger, PeepholeLstm. */
export const className = (name: string): string =>
  identifier(name)
    .split('_')
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1))
    .join('');

/** Lines `depth` levels in. */
export const indented = (lines: readonly string[], depth: number): string[] =>
  lines.map((line) => (line === '' ? '' : `${'    '.repeat(depth)}${line}`));

/** A docstring. */
export function docstring(paragraphs: readonly string[]): string[] {
  const text = paragraphs
    .filter((each) => each !== '')
    .join('\n\n')
    .replaceAll('\\', '\\\\')
    .replaceAll('"""', '\\"\\"\\"');
  const lines = text.split('\n');
  if (lines.length === 1) return [`"""${lines[0]}"""`];
  return [`"""${lines[0]}`, ...lines.slice(1), '"""'];
}
