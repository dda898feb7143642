// The flow that a cell's equations make, read from their text: an additive memory (LSTM), an interpolation (GRU), or neither.
// Names play no part: a cell whose gates are called `keep` and `add` has the flow of an LSTM if its equations have.

import type { Structure } from '../shared/messages.ts';
import type { InstanceDescription, LineDescription } from '../shared/trace.ts';

export function structureOf(instance: InstanceDescription): Structure {
  const lines = new Map(instance.lines.map((line) => [line.name, line]));
  for (const { name } of instance.states) {
    const next = lines.get(`${name}'`);
    if (next === undefined) continue;
    const found = interpolation(next, name, lines) ?? addition(next, name, lines, instance);
    if (found !== undefined) return found;
  }
  return { kind: 'equations' };
}

type Lines = ReadonlyMap<string, LineDescription>;

/** memory' = (1 - z) * n + z * memory */
function interpolation(next: LineDescription, memory: string, lines: Lines): Structure | undefined {
  const terms = products(next.text);
  if (terms === undefined) return undefined;
  const [carrying, other] = split(terms, memory);
  if (carrying === undefined || other === undefined) return undefined;
  const candidate = other.find((factor) => lines.has(factor) && lines.get(factor)?.role !== 'gate');
  const rest = other.find((factor) => factor !== candidate);
  if (candidate === undefined || rest === undefined) return undefined;
  const gate = complement(carrying) ?? complement(rest);
  if (gate === undefined || lines.get(gate)?.role !== 'gate') return undefined;
  const inverted = complement(carrying) === gate && rest === gate;
  if (!inverted && !(carrying === gate && complement(rest) === gate)) return undefined;
  const reset = [...lines.values()].find((line) => line.role === 'gate' && line.name !== gate)?.name;
  return { kind: 'interpolating', memory, gate, inverted, candidate, ...(reset === undefined ? {} : { reset }) };
}

/** memory' = f * memory + i * g, and h' = o * tanh(memory') */
function addition(next: LineDescription, memory: string, lines: Lines, instance: InstanceDescription): Structure | undefined {
  const terms = products(next.text);
  if (terms === undefined) return undefined;
  const [keep, other] = split(terms, memory);
  if (keep === undefined || other === undefined || lines.get(keep)?.role !== 'gate') return undefined;
  const store = other.find((factor) => lines.get(factor)?.role === 'gate');
  const candidate = other.find((factor) => factor !== store);
  if (store === undefined || candidate === undefined || !lines.has(candidate)) return undefined;
  for (const { name: state } of instance.states) {
    const factors = productOf(lines.get(`${state}'`)?.text ?? '');
    const gate = factors?.find((factor) => factor !== `tanh(${memory}')`);
    if (factors?.includes(`tanh(${memory}')`) && gate !== undefined && lines.get(gate)?.role === 'gate')
      return { kind: 'additive', memory, keep, store, candidate, output: { gate, state } };
  }
  return { kind: 'additive', memory, keep, store, candidate };
}

/** The factor beside `memory` in the one product that has it, and the factors of the other product. */
function split(terms: readonly (readonly string[])[], memory: string): readonly [string | undefined, readonly string[] | undefined] {
  const carrying = terms.find((factors) => factors.includes(memory));
  return [carrying?.find((factor) => factor !== memory), terms.find((factors) => factors !== carrying)];
}

/** `a` of `(1 - a)`. */
const complement = (factor: string): string | undefined => /^\(1-([\p{L}_][\p{L}\p{N}_]*)\)$/u.exec(factor)?.[1];

/** The factors of the two products of `a * b + c * d`. */
function products(text: string): readonly (readonly string[])[] | undefined {
  const terms = separate(text, '+').map(productOf);
  return terms.length === 2 && terms.every((factors) => factors !== undefined) ? terms : undefined;
}

function productOf(text: string): readonly string[] | undefined {
  const factors = separate(text, '*').map((factor) => factor.replaceAll(/\s/g, ''));
  return factors.length === 2 && separate(text, '-').length === 1 ? factors : undefined;
}

/** Cuts at an operator outside of all brackets. */
function separate(text: string, operator: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const sign of text) {
    if ('([{'.includes(sign)) depth++;
    if (')]}'.includes(sign)) depth--;
    if (sign === operator && depth === 0) parts.push('');
    else parts[parts.length - 1] += sign;
  }
  return parts;
}
