// What was found of a cell or model, kept until it, or a cell that it calls, changes: an edit costs the check of what depends on it.

import { type AstNode, AstUtils } from 'langium';
import type { Fault } from '../../shared/source.ts';
import type { Definition } from '../generated/ast.ts';
import { markFaulty } from './calls.ts';
import type { CheckedFile, Instance, Type } from './core.ts';
import type { ModelArguments } from './definitions.ts';
import type { Notes } from './scope.ts';

interface Kept {
  /** The cells that it calls, and what those call: while they are the same trees, so is what was found. */
  readonly calls: readonly unknown[];
  readonly instance: Instance;
  readonly notes: Notes;
  readonly faults: readonly Fault[];
}

const kept = new WeakMap<Definition, Kept>();

export const emptyNotes = (): Notes => ({
  types: new Map<AstNode, Type>(),
  declarations: new Map(),
  instances: new Map(),
});

/** As `check` finds it, or as it was found before. Reports its faults. */
export function keptOr(
  definition: Definition,
  file: CheckedFile,
  given: ModelArguments,
  report: (fault: Fault) => void,
  check: (report: (fault: Fault) => void, notes: Notes) => Instance,
): { readonly instance: Instance; readonly notes: Notes } {
  const calls = callsOf(definition, file, given);
  let found = kept.get(definition);
  if (
    found === undefined ||
    !isSame(found.calls, calls) ||
    (found.faults.length > 0 && !isSame(placesOf(found), placesNow(definition, file)))
  ) {
    const faults: Fault[] = [];
    const notes = emptyNotes();
    markFaulty(definition, false);
    const instance = check((fault) => faults.push(fault), notes);
    found = { calls, instance, notes, faults };
    kept.set(definition, found);
    places.set(found, placesNow(definition, file));
  } else
    markFaulty(
      definition,
      found.faults.some(({ severity }) => severity === 'error'),
    );
  found.faults.forEach(report);
  return found;
}

/** Faults name lines and cells: what they say holds while nothing has moved and nothing has another name. */
const places = new WeakMap<Kept, readonly unknown[]>();
const placesOf = (found: Kept): readonly unknown[] => places.get(found) ?? [];
const placesNow = (definition: Definition, { cells }: CheckedFile): readonly unknown[] => [
  definition.$cstNode?.range.start.line,
  ...[...cells].flatMap(([name, { cell }]) => [name, cell.$cstNode?.range.start.line]),
];

const isSame = (a: readonly unknown[], b: readonly unknown[]): boolean => a.length === b.length && a.every((each, k) => each === b[k]);

function callsOf(definition: Definition, file: CheckedFile, given: ModelArguments): unknown[] {
  const found: unknown[] = [...Object.entries(given).flat(), ...(file.networks?.values() ?? [])];
  const seen = new Set<Definition>();
  const follow = (each: Definition, within: CheckedFile): void => {
    if (seen.has(each)) return;
    seen.add(each);
    for (const name of namesIn(each)) {
      const called = within.cells.get(name);
      if (called === undefined) continue;
      found.push(name, called.cell);
      follow(called.cell, called.file);
    }
  };
  // What a cell is given for may be any; and a gru stands in for what is not told.
  for (const name of ['gru', ...Object.values(given).map(String)]) {
    const called = file.cells.get(name);
    if (called === undefined) continue;
    found.push(name, called.cell);
    follow(called.cell, called.file);
  }
  follow(definition, file);
  return found;
}

const names = new WeakMap<Definition, readonly string[]>();
function namesIn(definition: Definition): readonly string[] {
  let found = names.get(definition);
  if (found === undefined) {
    const all = new Set<string>();
    for (const node of AstUtils.streamAst(definition)) {
      if (node.$type === 'Reference') all.add((node as unknown as { name: string }).name);
      if (node.$type === 'StateType') all.add((node as unknown as { cell: string }).cell);
    }
    found = [...all];
    names.set(definition, found);
  }
  return found;
}
