// Reads the settings of `data`, `train` and `generate`: each by its name and kind, faults with their place.

import type { AstNode } from 'langium';
import type { Fault } from '../../shared/source.ts';
import { closest } from '../check/scope.ts';
import type { Argument, Call, Expression, Setting } from '../generated/ast.ts';
import { rangeOf, rangeOfProperty, textOf } from '../places.ts';

export class SettingsReader {
  readonly #given = new Map<string, Argument | Setting>();
  readonly #uri: string;
  readonly #report: (fault: Fault) => void;
  /** Nothing was wrong. */
  isSound = true;

  /** `what` is spoken of: `train`, `text`. `known` are all settings that the language has. */
  constructor(given: readonly (Argument | Setting)[], what: string, known: readonly string[], uri: string, report: (fault: Fault) => void) {
    this.#uri = uri;
    this.#report = report;
    for (const each of given) {
      const { name } = each;
      if (name === undefined) continue;
      const range = rangeOfProperty(each, 'name', uri);
      if (!known.includes(name)) {
        const meant = closest(name, known);
        const hint = meant === undefined ? ` It has ${known.join(', ')}.` : ` Did you mean \`${meant}\`?`;
        this.#say({
          range,
          severity: 'error',
          code: 'unknown-setting',
          message: `\`${name}\` is no setting of ${what}.${hint}`,
          ...(meant === undefined ? {} : { repair: meant }),
        });
      } else if (this.#given.has(name))
        this.#say({ range, severity: 'error', code: 'given-twice', message: `\`${name}\` is given twice.` });
      else this.#given.set(name, each);
    }
  }

  #say(fault: Fault): void {
    if (fault.severity === 'error') this.isSound = false;
    this.#report(fault);
  }

  fault(node: AstNode, message: string, code = 'setting', severity: Fault['severity'] = 'error'): void {
    this.#say({ range: rangeOf(node, this.#uri), severity, code, message });
  }

  has(name: string): boolean {
    return this.#given.has(name);
  }

  value(name: string): Expression | undefined {
    return this.#given.get(name)?.value;
  }

  number(name: string, rule: NumberRule): number | undefined {
    const node = this.value(name);
    return node === undefined ? undefined : this.checked(node, `\`${name}\``, rule);
  }

  /** A number in an expression, with its bounds. */
  checked(node: Expression, what: string, { least, below, above, whole }: NumberRule): number | undefined {
    const value = plainNumber(node);
    const isFine =
      value !== undefined &&
      (least === undefined || value >= least) &&
      (above === undefined || value > above) &&
      (below === undefined || value < below) &&
      (!whole || Number.isInteger(value));
    if (isFine) return value;
    const bounds = [
      least === undefined ? '' : ` from ${least}`,
      above === undefined ? '' : ` above ${above}`,
      below === undefined ? '' : ` below ${below}`,
    ];
    this.fault(node, `${what} takes a ${whole ? 'whole ' : ''}number${bounds.join('')}, not \`${textOf(node)}\`.`);
    return undefined;
  }

  word<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const node = this.value(name);
    if (node === undefined) return undefined;
    const word = node.$type === 'Reference' ? words.find((each) => each === node.name) : undefined;
    if (word === undefined) {
      const meant = node.$type === 'Reference' ? closest(node.name, words) : undefined;
      this.fault(
        node,
        `\`${name}\` is ${words.join(', ').replace(/, ([^,]*)$/, ' or $1')}, not \`${textOf(node)}\`.${meant === undefined ? '' : ` Did you mean \`${meant}\`?`}`,
      );
    }
    return word;
  }

  boolean(name: string): boolean | undefined {
    const node = this.value(name);
    if (node === undefined) return undefined;
    if (node.$type === 'BooleanLiteral') return node.value === 'true';
    this.fault(node, `\`${name}\` is true or false, not \`${textOf(node)}\`.`);
    return undefined;
  }

  text(name: string): string | undefined {
    const node = this.value(name);
    if (node === undefined) return undefined;
    if (node.$type === 'StringLiteral') return node.value;
    this.fault(node, `\`${name}\` takes a text in quotes, not \`${textOf(node)}\`.`);
    return undefined;
  }
}

export interface NumberRule {
  readonly least?: number;
  readonly above?: number;
  readonly below?: number;
  readonly whole?: boolean;
}

export function plainNumber(node: Expression): number | undefined {
  if (node.$type === 'NumberLiteral') return node.value;
  if (node.$type === 'Parentheses') return plainNumber(node.inner);
  if (node.$type !== 'Unary' || node.operator === 'not') return undefined;
  const inner = plainNumber(node.operand);
  return inner === undefined ? undefined : node.operator === '-' ? -inner : inner;
}

/** A word, alone or called: `greedy`, `adam(0.001)`. */
export function wordOf(node: Expression): { readonly word: string; readonly call?: Call } | undefined {
  if (node.$type === 'Reference') return { word: node.name };
  return node.$type === 'Call' && node.callee?.$type === 'Reference' ? { word: node.callee.name, call: node } : undefined;
}
