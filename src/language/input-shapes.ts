// What the model of a `train` statement wants of its data.

import type { InputShape } from '../shared/dataset.ts';
import { networkInput } from '../shared/network.ts';
import { predictionsOf } from './check/causality.ts';
import { type Binding, type Core, type Instance, isLossName, type TensorType } from './check/core.ts';
import { checkModel, type ModelArguments } from './check/definitions.ts';
import { evaluate, show, variableOf } from './check/dimensions.ts';
import { operandsOf } from './check/walk.ts';
import type { Program } from './program.ts';

/** The inputs that are data, in their order. Dimensions have the names that they have in the graph: the user's B is `B.2`. */
export function inputShapes(
  program: Program,
  train: { readonly model: string; readonly arguments: ModelArguments },
): readonly InputShape[] {
  const model = program.model(train.model);
  const isFirst = program.statements.trains.find((each) => each.model === train.model)?.arguments === train.arguments;
  const known = isFirst ? program.instances.get(model) : undefined;
  return shapesOf(known ?? checkModel(model, program.main, train.arguments, () => undefined));
}

export function shapesOf(root: Instance): readonly InputShape[] {
  const predicted = new Set(predictionsOf(root).map(({ input }) => input));
  const read = new Set<Binding>();
  const compared = new Set<Binding>();
  const made = new Map<string, Pick<InputShape, 'shape' | 'network'>>();
  const visit = (core: Core): void => {
    if (core.op === 'read') read.add(core.binding);
    if (core.op === 'function' && isLossName(core.name)) {
      const [scores, target] = core.operands;
      if (target?.core.op === 'read') {
        compared.add(target.core.binding);
        if (scores !== undefined) visit(scores.core);
        return;
      }
    }
    if (core.op === 'function' && core.network !== undefined) {
      const shape = (core.type as TensorType).shape.map((dimension) => evaluate(dimension, () => undefined)!);
      made.set(networkInput(core.network), { shape, network: core.network });
      return;
    }
    operandsOf(core).forEach(visit);
  };
  for (const { core } of root.lines) visit(core);
  const networks = [...made.values()].map(({ network }) => network!);
  const given = root.inputs.flatMap(({ binding, declaration, argument }): InputShape[] => {
    if (argument !== undefined || binding.type.kind !== 'tensor' || declaration.type === undefined) return [];
    const { shape, classes } = binding.type as TensorType;
    return [
      {
        name: binding.name,
        shape: shape.map((dimension) => {
          const name = variableOf(dimension)?.name ?? show(dimension);
          return evaluate(dimension, () => undefined) ?? (name === 'B' ? 'B.2' : name);
        }),
        ...(classes === undefined ? {} : { classes: show(classes) }),
        predicted: predicted.has(binding),
        compared: compared.has(binding) && !read.has(binding),
        ...(!read.has(binding) && networks.some(({ of }) => of === binding.name) ? { forNetworks: true as const } : {}),
      },
    ];
  });
  return [...given, ...[...made].map(([name, each]) => ({ name, ...each, predicted: false, compared: false }))];
}
