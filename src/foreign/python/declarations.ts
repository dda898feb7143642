// Where modules are made in Python files: `self.rnn = nn.LSTM(8, 16)` inside `class Encoder`. A plain text search, so what it finds is a guess.

import { indentOf } from './lines.ts';
import type { PythonModule, PythonScopes } from './scopes.ts';

/** One line that makes a module, or begins a class. */
export interface Declaration {
  readonly path: string;
  /** One-based. */
  readonly line: number;
  /** The class that it stands in, or begins. */
  readonly class?: string;
  /** `rnn` of `self.rnn = ...`; absent for a class. */
  readonly attribute?: string;
  /** What stands on the right, and in the few lines after it. */
  readonly made?: string;
}

export interface Guess {
  /** The best of them; several where they are equally good, none where nothing fits. */
  readonly places: readonly Declaration[];
  /** What was searched for, in words. */
  readonly sought: string;
}

/** The declarations of a Python file; `text` longer than a megabyte is not read. */
export function declarationsOf(path: string, text: string): Declaration[] {
  if (text.length > 1 << 20) return [];
  const lines = text.split(/\r?\n/);
  const found: Declaration[] = [];
  const classes: { name: string; indent: number }[] = [];
  lines.forEach((line, k) => {
    if (line.length > 4096 || line.trim() === '') return;
    const statement = /^\s*(?:class\s+(\w+)|self\.(\w+)\s*(?::[^=]+)?=(?!=)\s*(.*))/.exec(line);
    const indent = indentOf(line);
    if (!/^\s*[#)\]}]/.test(line)) while (classes.length > 0 && classes.at(-1)!.indent >= indent) classes.pop();
    if (statement === null) return;
    const [, name, attribute, right] = statement;
    const home = classes.at(-1)?.name;
    if (name !== undefined) {
      classes.push({ name, indent });
      found.push({ path, line: k + 1, class: name });
    } else if (attribute !== undefined) {
      const made = [right!, ...lines.slice(k + 1, k + 4)].join('\n').slice(0, 400);
      found.push({ path, line: k + 1, attribute, made, ...(home === undefined ? {} : { class: home }) });
    }
  });
  return found;
}

/**
 * The line that made the innermost module of `scopes`: an attribute of the class above it, else the class itself. `operator` is the
 * ONNX operator (LSTM), the class to look for where the scopes tell none.
 */
export function guessFrom(scopes: PythonScopes, operator: string, declarations: readonly Declaration[]): Guess {
  const inner = scopes.modules.at(-1);
  if (inner === undefined) return { places: [], sought: '' };
  const attribute = attributeOf(inner.path);
  const kind = plainName(inner.class) ?? (/^(LSTM|GRU|RNN)$/.test(operator) ? operator : undefined);
  const parent = attribute === undefined ? undefined : parentOf(inner, scopes.modules);
  const file = moduleFile(parent?.class ?? inner.class);
  const made = kind === undefined ? undefined : new RegExp(`\\b${escaped(kind)}\\w*\\s*\\(`);
  const score = (each: Declaration): number => {
    const near = file !== undefined && `/${each.path.replaceAll('\\', '/')}`.endsWith(`/${file}`) ? 2 : 0;
    if (each.attribute === undefined) return inner.class !== undefined && each.class === plainName(inner.class) ? 1 + near : 0;
    if (each.attribute !== attribute) return 0;
    const first = each.made!.split('\n')[0]!;
    const makes = made === undefined ? 0 : made.test(first) ? 6 : made.test(each.made!) ? 3 : 0;
    const belongs = parent?.class !== undefined && each.class === plainName(parent.class) ? 8 : 0;
    // An attribute that neither makes the class nor stands in the right one is something else of that name.
    return makes + belongs === 0 && kind !== undefined && scopes.from === 'metadata' ? 0 : 4 + makes + belongs + near;
  };
  let best = 0;
  let places: Declaration[] = [];
  for (const each of declarations) {
    const points = score(each);
    if (points === 0 || points < best) continue;
    if (points > best) places = [];
    best = points;
    places.push(each);
  }
  const sought =
    attribute === undefined
      ? `class ${kind ?? ''}`
      : `self.${attribute} = ${kind === undefined ? '' : `${kind}(`}${parent?.class === undefined ? '' : ` in class ${plainName(parent.class)}`}`;
  return { places, sought: sought.trim() };
}

/** `layers` of `encoder.layers.0`: items of a list have numbers. */
const attributeOf = (path: string): string | undefined => path.split('.').findLast((name) => name !== '' && !/^\d+$/.test(name));

/** The module whose class has the attribute: the nearest outer one that is not a list that holds the inner one. */
function parentOf({ path }: PythonModule, modules: readonly PythonModule[]): PythonModule | undefined {
  const names = path.split('.');
  while (names.length > 0 && /^\d+$/.test(names.at(-1)!)) names.pop();
  const owner = names.slice(0, -1).join('.');
  return modules.findLast((each) => each.path === owner && each.path !== path);
}

const plainName = (name: string | undefined): string | undefined => name?.split('.').at(-1)?.replace(/@.*$/, '');

/** `pkg/encoder.py` of `pkg.encoder.Encoder`; none of `__main__.Net` and of PyTorch's own. */
function moduleFile(name: string | undefined): string | undefined {
  const parts = name?.split('.').slice(0, -1) ?? [];
  return parts.length === 0 || parts[0] === '__main__' || parts[0] === 'torch' ? undefined : `${parts.join('/')}.py`;
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
