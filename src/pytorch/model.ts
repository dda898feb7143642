// A model as a Python module: its cells as classes, the model itself with `forward` and `loss`, and what all exported modules share.

import {
  type Binding,
  type CheckedLine,
  type Core,
  type FunctionNode,
  type Instance,
  isLossName,
  type TensorType,
} from '../language/check/core.ts';
import { showShape } from '../language/check/dimensions.ts';
import { mapOperands, operandsOf } from '../language/check/walk.ts';
import { docComment } from '../language/places.ts';
import { type NetworkUse, networkInput } from '../shared/network.ts';
import { CellWriter } from './cells.ts';
import { PytorchError } from './errors.ts';
import { pyOf } from './expressions.ts';
import { modulePath } from './instances.ts';
import { atom, attributeName, className, docstring, identifier, indented, localName, networkArgument } from './python.ts';
import { lengthsName, rankOf, Scope } from './scope.ts';
import { supportNames } from './support.ts';

export interface ModuleText {
  readonly text: string;
  readonly className: string;
  /** What `loss` takes, in order: inputs by the names of the source and of Python. */
  readonly inputs: readonly { readonly input: string; readonly name: string; readonly ahead: boolean }[];
  /** Dimensions whose lengths `loss` takes, and the argument that has them. */
  readonly lengths: readonly { readonly dimension: string; readonly argument: string }[];
  readonly forwardLengths: ModuleText['lengths'];
  /** Inputs of `forward`. */
  readonly read: readonly string[];
  /** The weights of the source by the names of PyTorch. */
  readonly weights: ReadonlyMap<string, string>;
}

/** The module of a checked model. `sizes`: lengths of dimensions that data binds to a number, vocabularies among them. Throws PytorchError. */
export function writeModule(root: Instance, sizes: (name: string) => number | undefined, carried: readonly string[]): ModuleText {
  return new ModelWriter(root, sizes, carried).write();
}

class ModelWriter {
  readonly #root: Instance;
  readonly #sizes: (name: string) => number | undefined;
  readonly #carried: readonly string[];
  readonly #cells: CellWriter;
  readonly #name: string;

  constructor(root: Instance, sizes: (name: string) => number | undefined, carried: readonly string[]) {
    this.#root = root;
    this.#sizes = sizes;
    this.#carried = carried;
    this.#name = className(root.cell.name);
    this.#cells = new CellWriter(root, sizes, [this.#name, 'F', ...supportNames]);
  }

  write(): ModuleText {
    const { lines } = this.#root;
    const lossLine = lines.find(({ binding }) => binding.name === 'loss');
    const comparison = this.#comparison();
    const scores = comparison?.scores;
    const lastLine = lines.findLast(({ role }) => role !== 'loss');
    if (scores === undefined && lastLine === undefined)
      throw new PytorchError(`The model ${this.#root.cell.name} has no line but its loss: there is nothing to export.`);

    const forward = this.#method();
    const asked: Core = scores ?? ({ ...lastLine!.core, op: 'read', binding: lastLine!.binding } as Core);
    const forwardBody = this.#lines(this.#needed([asked]), forward.scope);
    const result = pyOf(this.#cells.expressions.write(asked, forward.scope), asked);
    forwardBody.push(...forward.scope.statements.splice(0), `return ${result.code}`);
    const forwardInputs = this.#inputs(forward.read(asked));
    const forwardLengths = this.#inOrder(forward.scope.lengths);

    const loss = lossLine === undefined ? undefined : this.#loss(lossLine, scores, forwardInputs, forwardLengths);
    const used = new Set([...forward.scope.used, ...(loss?.used ?? [])]);
    const init = this.#init(used);
    const methods = [
      [`def __init__(${['self', ...init.sizes].join(', ')}):`, ...indented(init.lines, 1)],
      [
        `def forward(${['self', ...forwardInputs.map(({ name }) => name), ...this.#lengthArguments(forwardLengths)].join(', ')}):`,
        ...indented([...docstring([this.#describe(forwardInputs)]), ...forwardBody], 1),
      ],
      ...(loss === undefined
        ? []
        : [[`def loss(${['self', ...loss.arguments].join(', ')}):`, ...indented([...docstring([loss.says]), ...loss.lines], 1)]]),
      ...(this.#carried.length === 0 ? [] : [this.#carryOn()]),
    ];
    const weights = this.#weights();
    const renamed = [...weights].filter(([key, source]) => key !== source).map(([key, source]) => `    ${quote(key)}: ${quote(source)},`);
    const modelText = [
      `class ${this.#name}(nn.Module):`,
      ...indented(docstring([docComment(this.#root.cell) ?? `The model ${this.#root.cell.name}.`]), 1),
      '',
      ...indented(['# What the source calls a weight, where PyTorch calls it otherwise.'], 1),
      ...indented(renamed.length === 0 ? ['SOURCE_NAMES = {}'] : ['SOURCE_NAMES = {', ...renamed, '}'], 1),
      ...methods.flatMap((method) => ['', ...indented(method, 1)]),
    ].join('\n');
    const body = [...this.#cells.classes, modelText].map((part) => part.trim()).join('\n\n\n');
    const text = `${headOf(this.#root.cell.name, body)}\n\n\n${body}`;
    return {
      text: `${text}\n`,
      className: this.#name,
      inputs: loss?.inputs ?? forwardInputs.map(({ input, name }) => ({ input, name, ahead: false })),
      lengths: (loss?.lengths ?? forwardLengths).map((dimension) => ({ dimension, argument: lengthsName(dimension) })),
      forwardLengths: forwardLengths.map((dimension) => ({ dimension, argument: lengthsName(dimension) })),
      read: forwardInputs.map(({ name }) => name),
      weights,
    };
  }

  #method(): { scope: Scope; read: (core: Core) => ReadonlySet<Binding> } {
    const scope = new Scope(this.#root, this.#sizes, false);
    for (const { binding, declaration, argument } of this.#root.inputs) {
      if (binding.type.kind !== 'tensor' || declaration.type === undefined || argument !== undefined) continue;
      scope.bindings.set(binding, atom(localName(binding.name), rankOf(binding.type), true));
      scope.temporary(localName(binding.name));
    }
    for (const { binding } of this.#root.params)
      scope.bindings.set(binding, atom(`self.${attributeName(binding.name)}`, rankOf(binding.type), false));
    for (const input of this.#root.inputs) {
      const { binding, argument } = input;
      if (argument === undefined || argument.op === 'cell' || argument.op === 'text' || binding.type.kind !== 'tensor') continue;
      scope.bindings.set(binding, this.#cells.expressions.tensor(argument, scope));
    }
    const read = (core: Core): ReadonlySet<Binding> => {
      const found = new Set<Binding>();
      const visit = (each: Core): void => {
        if (each.op === 'read') {
          if (each.binding.kind === 'input') found.add(each.binding);
          const line = this.#root.lines.find(({ binding }) => binding === each.binding);
          if (line !== undefined) visit(line.core);
        }
        if (each.op === 'function' && each.network !== undefined) found.add(this.#made(each, each.network));
        else operandsOf(each).forEach(visit);
      };
      visit(core);
      return found;
    };
    return { scope, read };
  }

  /** What networks from files make of an input, as inputs; by their names. */
  readonly #networks = new Map<string, { readonly binding: Binding; readonly argument: string }>();
  #made({ type, operands }: Extract<Core, { op: 'function' }>, use: NetworkUse): Binding {
    const input = networkInput(use);
    const of = operands[1]?.core ?? operands[0]!.core;
    const known = this.#networks.get(input) ?? {
      binding: { ...(of as Extract<Core, { op: 'read' }>).binding, name: input, type },
      argument: networkArgument(use),
    };
    this.#networks.set(input, known);
    return known.binding;
  }

  /** Those lines that some expressions need, in order. */
  #needed(cores: readonly Core[], but?: Core): ReadonlySet<CheckedLine> {
    const found = new Set<CheckedLine>();
    const visit = (core: Core): void => {
      if (core === but) return;
      if (core.op === 'read') {
        const line = this.#root.lines.find(({ binding }) => binding === core.binding);
        if (line !== undefined && !found.has(line)) {
          found.add(line);
          visit(line.core);
        }
      }
      operandsOf(core).forEach(visit);
    };
    cores.forEach(visit);
    return found;
  }

  #lines(needed: ReadonlySet<CheckedLine>, scope: Scope): string[] {
    return this.#root.lines.filter((line) => needed.has(line)).flatMap((line) => this.#cells.line(line, scope));
  }

  /** What the first loss function compares. */
  #comparison(): { readonly node: FunctionNode; readonly scores: Core; readonly line: CheckedLine } | undefined {
    for (const line of this.#root.lines) {
      let found: { node: FunctionNode; scores: Core } | undefined;
      const visit = (core: Core): void => {
        if (found !== undefined) return;
        if (core.op === 'function' && isLossName(core.name)) found = { node: core, scores: core.operands[0]!.core };
        else operandsOf(core).forEach(visit);
      };
      visit(line.core);
      if (found !== undefined) return { ...found, line };
    }
    return undefined;
  }

  #inputs(read: ReadonlySet<Binding>): { input: string; name: string; binding: Binding }[] {
    const own = this.#root.inputs
      .filter(({ binding, argument }) => read.has(binding) && argument === undefined)
      .map(({ binding }) => ({ input: binding.name, name: localName(binding.name), binding }));
    const made = [...this.#networks]
      .filter(([, { binding }]) => read.has(binding))
      .map(([input, { binding, argument }]) => ({ input, name: argument, binding }));
    return [...own, ...made];
  }

  #inOrder(lengths: ReadonlySet<string>): string[] {
    return [...this.#root.dimensions.keys()].filter((name) => lengths.has(name));
  }

  #lengthArguments(lengths: readonly string[]): string[] {
    return lengths.map((name) => `${lengthsName(name)}=None`);
  }

  #loss(line: CheckedLine, scores: Core | undefined, forward: readonly { name: string }[], forwardLengths: readonly string[]) {
    const { scope, read } = this.#method();
    const lines: string[] = [];
    const ahead = this.#ahead(line.core);
    const direct = scores !== undefined && this.#needed([line.core], scores).size === 0 && contains(line.core, scores);
    for (const binding of ahead) {
      const type = binding.type as TensorType;
      const name = localName(binding.name);
      const [first] = type.shape;
      const lengths = scope.lengthsOf(first!);
      lines.push(
        `if next_${name} is None:`,
        `    next_${name} = ahead(${name}, ${-type.shape.length}${lengths === undefined ? '' : `, ${lengths}`})`,
      );
    }
    // `next(x)` of an input is data of its own
    const rewrite = (core: Core): Core => {
      if (core.op === 'function' && core.name === 'next') {
        const of = core.operands[0]!.core;
        if (of.op === 'read' && of.binding.kind === 'input')
          return { ...core, op: 'read', binding: this.#aheadBinding(of.binding, scope) } as Core;
      }
      if (direct && core === scores) return { ...core, op: 'read', binding: scoresBinding } as Core;
      return mapOperands(core, rewrite);
    };
    const scoresBinding: Binding = {
      name: 'scores',
      kind: 'line',
      type: scores?.type ?? { kind: 'unknown' },
      declaration: line.binding.declaration,
    };
    if (direct) {
      const name = scores.op === 'read' ? localName(scores.binding.name) : 'scores';
      for (const each of forwardLengths) scope.lengths.add(each);
      const given = [...forward.map((each) => each.name), ...forwardLengths.map((each) => `${lengthsName(each)}=${lengthsName(each)}`)];
      lines.push(`${name} = self(${given.join(', ')})`);
      scope.bindings.set(scoresBinding, atom(name, rankOf(scores.type), true));
    } else {
      const needed = this.#needed([line.core]);
      for (const each of this.#root.lines)
        if (needed.has(each)) lines.push(...this.#cells.line({ ...each, core: rewrite(each.core) }, scope));
    }
    const core = rewrite(line.core);
    const value = pyOf(this.#cells.expressions.write(core, scope), core);
    lines.push(...scope.statements.splice(0));
    const shape = (core.type as TensorType).shape;
    const time = shape.length > 0 && scope.number(shape[0]!) === undefined ? 1 : 0;
    const inner = shape.length - time;
    const isSimple = /^\w+$/.test(value.code);
    const needsName = shape.some((dimension) => scope.number(dimension) === undefined);
    if (!isSimple && needsName) {
      lines.push(`loss = ${value.code}`);
    }
    const code = isSimple || !needsName ? value.code : 'loss';
    const there = [
      ...(value.counted === undefined ? [] : [value.counted]),
      ...shape.flatMap((dimension, k) => {
        const lengths = scope.lengthsOf(dimension);
        return lengths === undefined ? [] : [`real(${code}, ${k - shape.length}, ${lengths})`];
      }),
    ];
    lines.push(
      there.length === 0
        ? `return ${code}${value.rank === 0 && !value.lead ? '' : '.mean()'}`
        : `return mean_of(${[code, ...there, ...(inner > 0 ? [`inner=${inner}`] : [])].join(', ')})`,
    );
    const inputs = this.#inputs(read(line.core)).flatMap(({ input, name, binding }) => [
      { input, name, ahead: false },
      ...(ahead.includes(binding) ? [{ input, name: `next_${name}`, ahead: true }] : []),
    ]);
    const lengths = this.#inOrder(scope.lengths);
    const plain = inputs.filter((each) => !each.ahead).map(({ name }) => name);
    const next = inputs.filter((each) => each.ahead).map(({ name }) => `${name}=None`);
    const says =
      ahead.length === 0
        ? 'What training minimises: the mean over everything that is there.'
        : `What training minimises: the mean over everything that is there.\n\n${ahead.map(({ name }) => `next_${localName(name)}: what ${name} holds one step later, below 0 (or NaN) where nothing follows; taken from ${name} itself where it is not given.`).join('\n')}`;
    return { lines, inputs, lengths, used: scope.used, arguments: [...plain, ...next, ...this.#lengthArguments(lengths)], says };
  }

  /** Inputs of which `next` is asked. */
  #ahead(core: Core): Binding[] {
    const found = new Set<Binding>();
    const seen = new Set<Core>();
    const visit = (each: Core): void => {
      if (seen.has(each)) return;
      seen.add(each);
      if (each.op === 'function' && each.name === 'next') {
        const of = each.operands[0]!.core;
        if (of.op === 'read' && of.binding.kind === 'input') found.add(of.binding);
      }
      if (each.op === 'read') {
        const line = this.#root.lines.find(({ binding }) => binding === each.binding);
        if (line !== undefined) visit(line.core);
      }
      operandsOf(each).forEach(visit);
    };
    visit(core);
    return [...found];
  }

  readonly #aheadBindings = new Map<string, Binding>();
  #aheadBinding(input: Binding, scope: Scope): Binding {
    const key = input.name;
    const known = this.#aheadBindings.get(key) ?? { ...input, name: `next(${input.name})` };
    this.#aheadBindings.set(key, known);
    scope.bindings.set(known, atom(`next_${localName(input.name)}`, rankOf(input.type), true));
    return known;
  }

  #init(used: ReadonlySet<string>): { sizes: string[]; lines: string[] } {
    const scope = new Scope(this.#root, this.#sizes, false);
    scope.prefix = '';
    const modules = this.#cells.modules(this.#root, scope);
    const own = this.#root.params.map((parameter) => this.#cells.parameter(parameter, this.#root, scope));
    const names = scope.fixed.filter((name) => used.has(name) || scope.used.has(name));
    const sizes = names.map((name) => `${identifier(name)}=${scope.number(this.#root.dimensions.get(name)!)}`);
    const kept = names.filter((name) => used.has(name)).map((name) => `self.${identifier(name)} = ${identifier(name)}`);
    return { sizes, lines: ['super().__init__()', ...kept, ...own, ...modules, ...this.#shared()] };
  }

  /** Parameters that a call has from another. */
  #shared(): string[] {
    const owners = new Map<string, string>();
    const lines: string[] = [];
    for (const { instance, parameter, key } of this.#parameters()) {
      const own = instance.path === '' ? parameter.binding.name : `${instance.path}.${parameter.binding.name}`;
      if (own === parameter.weight) owners.set(own, key);
    }
    for (const { parameter, key } of this.#parameters()) {
      const owner = owners.get(parameter.weight);
      if (owner !== undefined && owner !== key) lines.push(`${pythonPath(key)} = ${pythonPath(owner)}`);
    }
    return lines;
  }

  *#parameters(): Generator<{ instance: Instance; parameter: Instance['params'][number]; key: string }> {
    function* walk(
      instance: Instance,
      prefix: string,
    ): Generator<{ instance: Instance; parameter: Instance['params'][number]; key: string }> {
      for (const parameter of instance.params) yield { instance, parameter, key: `${prefix}${attributeName(parameter.binding.name)}` };
      for (const nested of instance.nested) {
        yield* walk(nested, `${prefix}${modulePath(nested).replace(/\[(\d+)\]$/, '.$1')}.`);
      }
    }
    yield* walk(this.#root, '');
  }

  #weights(): Map<string, string> {
    return new Map([...this.#parameters()].map(({ parameter, key }) => [key, parameter.weight]));
  }

  #carryOn(): string[] {
    const modules = new Map<string, string>();
    const walk = (instance: Instance, prefix: string): void => {
      for (const nested of instance.nested) {
        const path = `${prefix}.${modulePath(nested)}`;
        modules.set(nested.path, path);
        walk(nested, path);
      }
    };
    walk(this.#root, 'self');
    const own = this.#carried.map((path) => modules.get(path)!);
    return [
      'def carry_on(self, carry=True):',
      ...indented(
        [
          '"""Whether a call starts from the state that the call before ended with, as windows of a running text do. Forgets what was kept."""',
          `for cell in [${own.join(', ')}]:`,
          '    cell.carry, cell.kept = carry, None',
        ],
        1,
      ),
    ];
  }

  #describe(inputs: readonly { name: string; binding: Binding }[]): string {
    const parts = inputs.map(({ name, binding }) => {
      const type = binding.type as TensorType;
      return `${name} [${['B', ...type.shape.map((dimension) => showShape([dimension]).slice(1, -1))].join(', ')}]${type.classes === undefined ? '' : ' of classes'}`;
    });
    return `${parts.join('; ')}.`;
  }
}

/** The docstring of a module, and the imports that its classes use. */
function headOf(model: string, body: string): string {
  const uses = (name: string): boolean => new RegExp(`(?<![\\w.])${name}\\b`).test(body);
  const taken = supportNames.filter((name) => new RegExp(`(?<![\\w.])(?:${name}\\(|\\w+\\(${name}\\):)`).test(body)).sort();
  const imports = [
    ...(uses('math') ? ['import math', ''] : []),
    ...(uses('torch') ? ['import torch'] : []),
    'from torch import nn',
    ...(uses('F') ? ['from torch.nn import functional as F'] : []),
    ...(taken.length === 0 ? [] : ['', ...importLines(taken)]),
  ];
  return `"""${model}, exported by Unroll from its source; see README.md.

Tensors have the batch first, then time, then what the source says: a line [T, H] is [B, T, H] here. Dimensions of an equation are counted
from the end. \`lengths\` [B] says how long each row of a padded batch is: a state stands still behind its row's end, functions along time
skip the padding, and the loss leaves it out.
"""

${imports.join('\n')}`;
}

function importLines(names: readonly string[]): string[] {
  const line = `from support import ${names.join(', ')}`;
  return line.length <= 140 ? [line] : ['from support import (', ...names.map((name) => `    ${name},`), ')'];
}

const quote = (text: string): string => JSON.stringify(text);
const pythonPath = (key: string): string => `self.${key.replace(/\.(\d+)(?=\.)/g, '[$1]')}`;

function contains(core: Core, part: Core): boolean {
  return core === part || operandsOf(core).some((each) => contains(each, part));
}
