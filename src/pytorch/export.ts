// A trained model for PyTorch: a module that a person would have liked to write, its weights, and a program that trains it on.

import { buildModel, type ModelArguments, type Program } from '../language/index.ts';
import type { Instance } from '../language/check/core.ts';
import { checkModel } from '../language/check/definitions.ts';
import { type ModuleText, writeModule } from './model.ts';

export interface PytorchSource {
  readonly program: Program;
  readonly model: string;
  readonly arguments?: ModelArguments;
  /** Lengths that data binds to a number: of vocabularies, and of other dimensions. */
  readonly sizes: Readonly<Record<string, number>>;
}

/** The text of model.py. Throws ModelFaults where the program is not sound, PytorchError where a line has no counterpart. */
export function writePytorch({ program, model, arguments: given = {}, sizes }: PytorchSource): ModuleText {
  const { states } = buildModel(program, { model, arguments: given, classes: sizes });
  const root = checkModel(program.model(model), program.main, given, () => undefined);
  const byPath = new Map<string, Instance>();
  const walk = (instance: Instance): void => {
    byPath.set(instance.path, instance);
    instance.nested.forEach(walk);
  };
  walk(root);
  // the state of a cell that is called within a step is part of the run around it
  const runOf = (path: string): string => {
    let found = byPath.get(path)!;
    while (found.lift.length === 0 && found.parent !== undefined) found = found.parent;
    return found.path;
  };
  return writeModule(root, (name) => sizes[name], [...new Set(states.map(({ instance }) => runOf(instance)))].filter((path) => path !== ''));
}
