// Calls of cells: a module that is applied to its arguments, layer above layer, heads side by side.

import type { CallNode, Core, Instance, RecordType } from '../language/check/core.ts';
import type { CellClass } from './cells.ts';
import { notExported } from './errors.ts';
import { type ExpressionWriter, pyOf } from './expressions.ts';
import { implicitOf, isSetting, modulePath, placeOf, stateCode, stateKey } from './instances.ts';
import { fieldName, localName, type PyRecord } from './python.ts';
import { lengthsName, rankOf, type Scope, type Value } from './scope.ts';

type Call = CallNode & Core;

/** One call: what it is given, as arguments in Python. */
interface Given {
  readonly cell: CellClass;
  readonly instance: Instance;
  readonly module: string;
  readonly inputs: readonly string[];
  readonly lengths: readonly string[];
  /** Code of an input that is run over, and how many dimensions a step of it has. */
  readonly runOver: { readonly code: string; readonly rank: number } | undefined;
  readonly state: string | undefined;
}

export class CallWriter {
  readonly #expressions: ExpressionWriter;
  readonly #classOf: (instance: Instance) => CellClass;

  constructor(expressions: ExpressionWriter, classOf: (instance: Instance) => CellClass) {
    this.#expressions = expressions;
    this.#classOf = classOf;
  }

  write(core: Call, scope: Scope): PyRecord {
    const { heads = 1 } = core;
    const type = core.type as RecordType;
    const count = core.layers.length / heads;
    const isLayered = count > 1 || (type.layers !== undefined && type.heads !== true);
    const from = core.from === undefined ? undefined : this.#expressions.write(core.from, scope);
    const layers: PyRecord[] = [];
    for (let layer = 0; layer < count; layer += 1) {
      const instances = core.layers.slice(layer * heads, (layer + 1) * heads);
      const start = from?.kind === 'record' && from.layers !== undefined && count > 1 ? from.layers[layer] : from;
      const below = layer === 0 ? undefined : this.#between(core, layers.at(-1)!, heads > 1, scope);
      const beside = instances.map((instance) => this.#one(core, instance, start, below, scope));
      const record = core.heads === undefined ? beside[0]! : joined(beside);
      layers.push(layer === count - 1 ? record : this.#kept(record, instances[0]!, layer, scope));
    }
    const top = layers.at(-1)!;
    return isLayered ? { ...top, layers } : top;
  }

  /** A layer below another has a name of its own. */
  #kept(record: PyRecord, instance: Instance, layer: number, scope: Scope): PyRecord {
    const name = scope.temporary(localName(`${placeOf(instance).attribute}_${layer}`));
    scope.statements.push(`${name} = ${record.code}`);
    return { ...record, code: name };
  }

  /** What the layer above takes. Heads take the same, dropped once. */
  #between({ dropout }: Call, below: PyRecord, isShared: boolean, scope: Scope): string {
    const value = below.plain ? below.code : `${below.code}.value`;
    if (dropout === undefined) return value;
    const dropped = `F.dropout(${value}, ${dropout}, self.training)`;
    if (!isShared) return dropped;
    const name = scope.temporary('dropped');
    scope.statements.push(`${name} = ${dropped}`);
    return name;
  }

  #one(core: Call, instance: Instance, from: Value | undefined, below: string | undefined, scope: Scope): PyRecord {
    const given = this.#given(core, instance, from, below, scope);
    if (!instance.stateful) return this.#apply(given, scope);
    return instance.lift.length > 0 ? this.#run(given, scope) : this.#step(core, given, scope);
  }

  #given(core: Call, instance: Instance, from: Value | undefined, below: string | undefined, scope: Scope): Given {
    const cell = this.#classOf(instance);
    const lifts = instance.lift.length;
    const isRun = cell.stateful && lifts > 0;
    let runOver: Given['runOver'];
    const inputs = cell.inputs.map(({ input }) => {
      const { binding, lifted, argument } = instance.inputs.find((each) => each.binding.name === input)!;
      if (below !== undefined && input === core.chained) {
        runOver = { code: below, rank: rankOf(binding.type) };
        return below;
      }
      const value = this.#expressions.write(argument!, scope);
      if (binding.type.kind === 'record') {
        if (value.kind !== 'record' || (lifts > 0 && !isRun))
          throw notExported('a state handed to a cell that runs over more than time', argument!.source);
        return value.code;
      }
      const tensor = pyOf(value, argument!);
      if (lifted) {
        runOver ??= { code: tensor.code, rank: rankOf(binding.type) };
        return tensor.code;
      }
      if (isSetting(binding) || lifts === 0 || isRun || !tensor.lead) return tensor.code;
      return `spread(${tensor.code}${`, ${-tensor.rank - 1}`.repeat(lifts)})`;
    });
    const lengths = cell.lengths.map((name) => {
      const own = scope.lengthsOf(instance.dimensions.get(name)!);
      if (own === undefined) throw notExported(`the length ${name} of ${instance.cell.name}`, core.source);
      return `${lengthsName(name)}=${lifts > 0 && !isRun ? `spread(${own}${', -1'.repeat(lifts)})` : own}`;
    });
    const state = from === undefined ? undefined : stateCode(from, instance);
    return { cell, instance, module: `self.${modulePath(instance)}`, inputs, lengths, runOver, state };
  }

  /** Over time. */
  #run({ cell, instance, module, inputs, lengths, state }: Given, scope: Scope): PyRecord {
    const own = scope.lengthsOf(instance.lift[0]!);
    const more = [...(state === undefined ? [] : [`state=${state}`]), ...(own === undefined ? [] : [`lengths=${own}`]), ...lengths];
    return { kind: 'record', code: `${module}(${[...inputs, ...more].join(', ')})`, plain: cell.plain, module };
  }

  /** Within a step of the cell around. */
  #step(core: Call, { cell, instance, module, inputs, lengths, state }: Given, scope: Scope): PyRecord {
    const t = this.#timestep(cell, scope);
    if (state !== undefined && implicitOf(instance).length > 0)
      throw notExported('`from:` for a cell with cells of its own that remember', core.source);
    if (scope.steps && state === undefined) {
      // its state is part of the state around
      const key = stateKey(instance);
      const name = scope.temporary(localName(`${key}_now`));
      scope.statements.push(`${name} = ${module}.step(${[...inputs, `state.${fieldName(key)}`, ...t, ...lengths].join(', ')})`);
      scope.statements.push(`${key}_state = ${name}.state`);
      return { kind: 'record', code: name, plain: false, module };
    }
    const starting = cell.starting.map((each) => inputs[cell.inputs.findIndex(({ input }) => input === each)]!);
    const lead = `${inputs[0]!}.shape[:${-rankOf(instance.inputs[0]!.binding.type) || ''}]`;
    const before = state ?? `${module}.initial(${[lead, ...starting].join(', ')})`;
    return { kind: 'record', code: `${module}.step(${[...inputs, before, ...t, ...lengths].join(', ')})`, plain: false, module };
  }

  /** Without state: at all places at once. */
  #apply({ cell, instance, module, inputs, lengths, runOver }: Given, scope: Scope): PyRecord {
    const lifts = instance.lift.length;
    const t = lifts === 0 || !cell.usesStep ? this.#timestep(cell, scope) : [`t=${steps(runOver!, lifts, scope)}`];
    return { kind: 'record', code: `${module}(${[...inputs, ...t, ...lengths].join(', ')})`, plain: cell.plain, module };
  }

  #timestep({ usesStep }: CellClass, scope: Scope): readonly string[] {
    if (!usesStep) return [];
    scope.usesStep = true;
    return ['t=t'];
  }
}

/** The timesteps of what is run over. */
function steps({ code, rank }: NonNullable<Given['runOver']>, lifts: number, { like }: Scope): string {
  const size = `${/^[\w.]+$/.test(code) ? code : `(${code})`}.shape[${-rank - lifts}]`;
  return `torch.arange(${size}, device=${like}.device)${'.unsqueeze(-1)'.repeat(lifts - 1)}`;
}

/** Heads, one behind the other along the last dimension. */
function joined(heads: readonly PyRecord[]): PyRecord {
  const values = heads.map(({ code, plain }) => (plain ? code : `${code}.value`));
  return { kind: 'record', code: `join(${values.join(', ')})`, plain: true, layers: heads };
}
