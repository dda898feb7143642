// Cells as classes: those of the same equations share one, whatever their sizes.
//
// A cell without state has its equations in `forward`; one with state in `step`, and `forward` is the loop over time. Tensors have the batch first,
// then time, then the dimensions of the source; the equations count dimensions from the end, so that they hold for one step and for all at once.

import type { Core, Instance, InstanceInput, Parameter, RecordType, TensorType } from '../language/check/core.ts';
import { isSame } from '../language/check/dimensions.ts';
import { isDefault, operandsOf } from '../language/check/walk.ts';
import { docComment, lineComment } from '../language/places.ts';
import { CallWriter } from './calls.ts';
import { notExported, PytorchError } from './errors.ts';
import { ExpressionWriter, pyOf } from './expressions.ts';
import { implicitOf, isSetting, modulePath, placeOf, stateKey } from './instances.ts';
import { atom, attributeName, binds, className, docstring, fieldName, identifier, indented, localName, scalar, within } from './python.ts';
import { lengthsName, rankOf, Scope } from './scope.ts';
import { Wanted } from './wanted.ts';

/** A cell as it is called. */
export interface CellClass {
  readonly name: string;
  /** Its sizes, in the order of `__init__`. */
  readonly sizes: readonly string[];
  /** Dimensions whose lengths its methods take. */
  readonly lengths: readonly string[];
  readonly usesStep: boolean;
  readonly stateful: boolean;
  /** \`forward\` gives the value alone. */
  readonly plain: boolean;
  /** Its inputs, by name, with the names of Python. */
  readonly inputs: readonly { readonly input: string; readonly name: string }[];
  /** Inputs that the states' initial values need. */
  readonly starting: readonly string[];
}

interface Written {
  readonly cell: CellClass;
  /** Up to \`forward\`. */
  readonly text: string;
  forward: string | undefined;
}

export class CellWriter {
  readonly expressions = new ExpressionWriter((core, scope) => this.#calls.write(core, scope));
  readonly #calls = new CallWriter(this.expressions, (instance) => this.classOf(instance));
  readonly #wanted: Wanted;
  readonly #sizes: (name: string) => number | undefined;
  readonly #byInstance = new Map<Instance, CellClass>();
  readonly #written: Written[] = [];
  readonly #names = new Set<string>();

  constructor(root: Instance, sizes: (name: string) => number | undefined, reserved: readonly string[]) {
    this.#sizes = sizes;
    for (const name of reserved) this.#names.add(name);
    this.#wanted = new Wanted(root);
  }

  /** The classes, each below those that it needs. */
  get classes(): readonly string[] {
    return this.#written.map(({ text, forward }) => (forward === undefined ? text : `${text}\n\n${forward}`));
  }

  // -------------------------------------------------------------------------------------------------------------------- classes

  classOf(instance: Instance): CellClass {
    const known = this.#byInstance.get(instance);
    if (known !== undefined) return known;
    const isStateful = instance.stateful;
    const scope = new Scope(instance, this.#sizes, isStateful);
    const inputs = instance.inputs.filter(({ binding }) => binding.type.kind !== 'cell' && binding.type.kind !== 'text');
    const given = inputs.filter((input) => !isDefault(input));
    for (const input of given) this.#bindInput(input, scope);
    const body = isStateful ? this.#step(instance, scope) : this.#equations(instance, scope);
    const initial = isStateful ? this.#initial(instance, scope) : { lines: [], inputs: [] };
    const init = this.#init(instance, scope);
    const sizes = scope.fixed.filter((name) => scope.used.has(name));
    const lengths = [...scope.lengths];
    const cell: Omit<CellClass, 'name'> = {
      sizes,
      lengths,
      usesStep: scope.usesStep,
      stateful: isStateful,
      plain: !this.#wanted.isWhole(instance.cell),
      inputs: given.map(({ binding }) => ({ input: binding.name, name: localName(binding.name) })),
      starting: initial.inputs,
    };
    const names = cell.inputs.map(({ name }) => name);
    const asked = [
      ...names,
      ...(isStateful ? ['state'] : []),
      ...(scope.usesStep ? ['t=torch.tensor(0)'] : []),
      ...lengths.map((name) => `${lengthsName(name)}=None`),
    ];
    const initLines = [`def __init__(${['self', ...sizes.map(identifier)].join(', ')}):`, ...indented(['super().__init__()', ...init], 1)];
    const describe = this.#describe(instance);
    const methods: string[][] = [initLines];
    if (isStateful && (instance.states.length > 0 || implicitOf(instance).length > 0))
      methods.push([`def initial(${['self', 'lead', ...initial.inputs.map(localName)].join(', ')}):`, ...indented(initial.lines, 1)]);
    methods.push([`def ${isStateful ? 'step' : 'forward'}(${['self', ...asked].join(', ')}):`, ...indented(body, 1)]);
    const text = [...indented(docstring([describe]), 1), ...methods.flatMap((lines) => ['', ...indented(lines, 1)])].join('\n');
    const forward = isStateful && instance.lift.length > 0 ? this.#forward(instance, cell, scope) : undefined;
    return this.#share(instance, cell, text, forward);
  }

  /** The class of these equations; a new one where none has them. */
  #share(instance: Instance, cell: Omit<CellClass, 'name'>, body: string, forward: string | undefined): CellClass {
    const base = `(${cell.stateful ? 'Recurrent' : 'nn.Module'}):\n${body}`;
    const found = this.#written.find(
      (each) =>
        each.text === `class ${each.cell.name}${base}` && (each.forward === undefined || forward === undefined || each.forward === forward),
    );
    if (found !== undefined) {
      found.forward ??= forward;
      this.#byInstance.set(instance, found.cell);
      return found.cell;
    }
    const name = this.#className(instance);
    const made: Written = { cell: { ...cell, name }, text: `class ${name}${base}`, forward };
    this.#written.push(made);
    this.#byInstance.set(instance, made.cell);
    return made.cell;
  }

  /** `BidirectionalLstm`, where the cell takes a cell. */
  #className({ cell, inputs }: Instance): string {
    const taken = inputs.flatMap(({ binding: { type } }) =>
      type.kind === 'cell' ? [type.callee.kind === 'cell' ? type.callee.cell.name : type.callee.name] : [],
    );
    const plain = [cell.name, ...taken].map(className).join('');
    let name = plain;
    for (let k = 2; this.#names.has(name); k += 1) name = `${plain}${k}`;
    this.#names.add(name);
    return name;
  }

  #describe({ cell }: Instance): string {
    return docComment(cell) ?? `The cell ${cell.name}.`;
  }

  #bindInput({ binding }: InstanceInput, scope: Scope): void {
    const name = localName(binding.name);
    const { type } = binding;
    if (type.kind === 'record') scope.bindings.set(binding, { kind: 'record', code: name, plain: false });
    else if (type.kind === 'tensor')
      scope.bindings.set(
        binding,
        isSetting(binding) ? scalar(name, binds.atom, type.boolean ? { truth: true } : {}) : atom(name, type.shape.length, true),
      );
    scope.temporary(name);
  }

  // ------------------------------------------------------------------------------------------------------------- parameters

  #init(instance: Instance, scope: Scope): string[] {
    const read = new Set(scope.used);
    scope.prefix = '';
    const lines: string[] = [];
    const parameters = instance.params.map((parameter) => this.parameter(parameter, instance, scope));
    const modules = this.modules(instance, scope);
    scope.prefix = 'self.';
    for (const name of scope.fixed) if (read.has(name)) lines.push(`self.${identifier(name)} = ${identifier(name)}`);
    return [...lines, ...parameters, ...modules];
  }

  /** The calls of an instance as modules; several layers are a list. */
  modules(instance: Instance, scope: Scope): string[] {
    const lists = new Map<string, string[]>();
    for (const nested of instance.nested) {
      const { attribute, index } = placeOf(nested);
      const cell = this.classOf(nested);
      const sizes = cell.sizes.map((name) => scope.sizeOfCall(nested, name));
      const made = `${cell.name}(${sizes.join(', ')})`;
      if (index === undefined) lists.set(attribute, [made]);
      else lists.set(attribute, [...(lists.get(attribute) ?? ['']), made]);
    }
    return [...lists].map(([attribute, [first, ...layers]]) =>
      first === '' ? `self.${attribute} = nn.ModuleList([${layers.join(', ')}])` : `self.${attribute} = ${first}`,
    );
  }

  parameter(parameter: Parameter, instance: Instance, scope: Scope): string {
    return `self.${attributeName(parameter.binding.name)} = ${this.#start(parameter, instance, scope)}`;
  }

  /** How a parameter starts, as build/starts.ts has it. */
  #start({ shape, initial, contracted }: Parameter, instance: Instance, scope: Scope): string {
    const sizes = shape.map((dimension) => scope.size(dimension)!);
    const call = (name: string, more?: string): string => `${name}(${[...sizes, ...(more === undefined ? [] : [more])].join(', ')})`;
    if (initial === undefined) {
      if (shape.length < 2) return call('constant');
      const own = contracted ?? shape.at(-1)!;
      const isOfState = instance.states.some(
        ({ binding: { type } }) => type.kind === 'tensor' && type.shape.length === 1 && isSame(type.shape[0]!, shape[0]!),
      );
      if (isOfState && !isSame(own, shape[0]!)) return call('glorot');
      return call('uniform', `within=1 / math.sqrt(${scope.size(own)!})`);
    }
    const [number] = initial.numbers;
    const value = number === undefined ? '0' : this.expressions.tensor(number, scope).code;
    switch (initial.name) {
      case undefined:
        return call('constant', `value=${value}`);
      case 'uniform':
        return call('uniform', `within=${value}`);
      case 'normal':
        return call('normal', `deviation=${value}`);
      case 'chrono':
        return call('chrono', `steps=${value}`);
      default:
        return call(initial.name);
    }
  }

  // --------------------------------------------------------------------------------------------------------------- equations

  #equations(instance: Instance, scope: Scope): string[] {
    const lines = this.#lines(instance, scope);
    const last = instance.lines.at(-1)!;
    const value = pyOf(scope.bindings.get(last.binding)!, last.core);
    if (!this.#wanted.isWhole(instance.cell)) return [...lines, `return ${value.code}`];
    const fields = this.#fieldsOf(instance, scope).map(([name, code]) => `, ${fieldName(name)}=${code}`);
    return [...lines, `return Lines(value=${value.code}${fields.join('')})`];
  }

  /** Every equation on a line of its own, with its comment. */
  #lines(instance: Instance, scope: Scope): string[] {
    const before = this.#settings(instance, scope);
    for (const { binding } of instance.params)
      scope.bindings.set(binding, atom(`self.${attributeName(binding.name)}`, rankOf(binding.type), false));
    const lines: string[] = [...before];
    for (const line of instance.lines) lines.push(...this.line(line, scope));
    return lines;
  }

  line({ binding, core, equation }: Instance['lines'][number], scope: Scope): string[] {
    const built = this.expressions.write(core, scope);
    const statements = scope.statements.splice(0);
    const name = localName(binding.name);
    const comment = lineComment(equation);
    const isTensor = binding.type.kind === 'tensor' || built.kind === 'tensor';
    const value = isTensor ? pyOf(built, core) : built;
    statements.push(`${name} = ${value.code}${comment === undefined ? '' : `  # ${comment}`}`);
    scope.temporary(name);
    if (value.kind === 'record') {
      // the top layer is the line itself
      const own = { ...value, code: name };
      const layers = value.layers?.map((layer, k, all) => (k === all.length - 1 ? { ...layer, code: name } : layer));
      scope.bindings.set(binding, { ...own, ...(layers === undefined ? {} : { layers }) });
    } else {
      const counted = value.counted;
      scope.bindings.set(binding, { ...value, code: name, level: binds.atom, ...(counted === undefined ? {} : { counted }) });
    }
    return statements;
  }

  /** Inputs that nobody gives have the value of the header. */
  #settings(instance: Instance, scope: Scope): string[] {
    const lines: string[] = [];
    for (const input of instance.inputs) {
      const { argument, binding } = input;
      if (!isDefault(input) || argument === undefined || argument.op === 'cell' || argument.op === 'text') continue;
      const value = this.expressions.tensor(argument, scope);
      const name = localName(binding.name);
      lines.push(`${name} = ${value.code}`);
      scope.bindings.set(binding, { ...value, code: name, level: binds.atom });
    }
    return lines;
  }

  #fieldsOf(instance: Instance, scope: Scope): [name: string, code: string][] {
    return this.#wanted.fields(instance.cell).flatMap((name): [string, string][] => {
      const line = instance.lines.find(({ binding }) => binding.name.replace(/'$/, '') === name);
      if (line === undefined) return [];
      const value = scope.bindings.get(line.binding)!;
      if (value.kind === 'tensor' && !value.lead)
        throw notExported(`the field \`${name}\`, which is the same for all rows,`, line.core.source);
      return [[name, value.kind === 'record' ? pyOf(value, line.core).code : value.code]];
    });
  }

  // -------------------------------------------------------------------------------------------------------------------- states

  #step(instance: Instance, scope: Scope): string[] {
    const { states } = instance;
    const lines: string[] = [];
    if (states.length > 0) {
      const names = states.map(({ binding }) => localName(binding.name));
      lines.push(`${names.join(', ')} = ${states.map(({ binding }) => `state.${fieldName(binding.name)}`).join(', ')}`);
      for (const { binding } of states) {
        const name = localName(binding.name);
        scope.temporary(name);
        scope.bindings.set(
          binding,
          binding.type.kind === 'record' ? { kind: 'record', code: name, plain: false } : atom(name, rankOf(binding.type), true),
        );
      }
    }
    lines.push(...this.#lines(instance, scope));
    const last = instance.lines.at(-1)!;
    const value = pyOf(scope.bindings.get(last.binding)!, last.core);
    const next = states.map(({ binding }) => {
      const line = instance.lines.find((each) => each.binding.name === `${binding.name}'`)!;
      const after = scope.bindings.get(line.binding)!;
      const isRecord = binding.type.kind === 'record';
      const code = isRecord ? `${after.code}.state` : pyOf(after, line.core).code;
      return `${fieldName(binding.name)}=${code}`;
    });
    const implicit = implicitOf(instance).map((nested) => {
      return `${fieldName(stateKey(nested))}=${stateKey(nested)}_state`;
    });
    const fields = this.#fieldsOf(instance, scope).map(([name, code]) => `, ${fieldName(name)}=${code}`);
    return [...lines, `return Lines(value=${value.code}, state=Lines(${[...next, ...implicit].join(', ')})${fields.join('')})`];
  }

  /** The state before the first step. */
  #initial(instance: Instance, scope: Scope): { lines: string[]; inputs: readonly string[] } {
    const own = new Scope(instance, this.#sizes, false);
    for (const [binding, value] of scope.bindings)
      if (binding.kind === 'input' || binding.kind === 'param') own.bindings.set(binding, value);
    const needed = new Set<string>();
    const visit = (core: Core): void => {
      if (core.op === 'read' && core.binding.kind === 'input') needed.add(core.binding.name);
      operandsOf(core).forEach(visit);
    };
    const parts = instance.states.map(({ binding, initial }) => {
      if (initial !== undefined) visit(initial);
      for (const dimension of binding.type.kind === 'tensor' ? binding.type.shape : []) {
        const input = own.inputOf(dimension);
        if (input !== undefined) needed.add(input.binding.name);
      }
      return `${fieldName(binding.name)}=${this.#first(binding.type, initial, own)}`;
    });
    for (const nested of implicitOf(instance)) {
      const cell = this.classOf(nested);
      if (cell.starting.length > 0)
        throw new PytorchError(
          `${nested.path}: a state that starts at a value of another line, within a step, cannot be exported to PyTorch yet.`,
        );
      parts.push(`${fieldName(stateKey(nested))}=self.${modulePath(nested)}.initial(lead)`);
    }
    for (const name of own.lengths) scope.lengths.add(name);
    for (const name of own.used) scope.used.add(name);
    if (own.lengths.size > 0)
      throw new PytorchError(
        `${instance.path}: the first state looks along rows of different lengths, which cannot be exported to PyTorch yet.`,
      );
    const inputs = instance.inputs.filter(({ binding }) => needed.has(binding.name)).map(({ binding }) => binding.name);
    return { lines: [...own.statements, `return Lines(${parts.join(', ')})`], inputs };
  }

  #first(type: RecordType | TensorType | Parameter['binding']['type'], initial: Core | undefined, scope: Scope): string {
    if (type.kind === 'record') {
      if (initial !== undefined) {
        const given = this.expressions.write(initial, scope);
        if (given.kind === 'record') return given.code;
      }
      const parts = [...type.states].map(([name, part]) => `${fieldName(name)}=${this.#first(part, initial, scope)}`);
      return `Lines(${parts.join(', ')})`;
    }
    const { shape } = type as TensorType;
    const sizes = shape.map((dimension) => scope.named(dimension) ?? '?');
    const zeros = `self.zeros(${['lead', ...sizes].join(', ')})`;
    if (initial === undefined) return zeros;
    const value = this.expressions.tensor(initial, scope);
    if (value.scalar) return value.code === '0' ? zeros : `${zeros} + ${within(value, binds.product)}`;
    return `${zeros} + ${within(value, binds.product)}`;
  }

  /** The loop over time. */
  #forward(instance: Instance, cell: Omit<CellClass, 'name'>, scope: Scope): string {
    const lifted = instance.inputs.filter((input) => input.lifted && !isDefault(input));
    const name = (input: InstanceInput): string => localName(input.binding.name);
    const [first] = lifted;
    const rank = (input: InstanceInput): number => rankOf(input.binding.type);
    const held = cell.lengths.map(lengthsName);
    const asked = [...cell.inputs.map((each) => each.name), 'state=None', 'lengths=None', ...held.map((each) => `${each}=None`)];
    const lead = `${name(first!)}.shape[:${-rank(first!) - 1}]`;
    const start = [lead, ...cell.starting.map(localName)];
    const unbound = lifted.map((input) => `${name(input)}.unbind(${-rank(input) - 1})`);
    const one = lifted.map((input) => `${name(input)}_t`);
    const isLifted = new Set(lifted.map(name));
    const given = cell.inputs.map((each) => (isLifted.has(each.name) ? `${each.name}_t` : each.name));
    const loop =
      lifted.length === 1
        ? cell.usesStep
          ? `for t, ${one[0]} in enumerate(${unbound[0]}):`
          : `for ${one[0]} in ${unbound[0]}:`
        : `for ${cell.usesStep ? `t, (${one.join(', ')})` : one.join(', ')} in ${cell.usesStep ? `enumerate(zip(${unbound.join(', ')}))` : `zip(${unbound.join(', ')})`}:`;
    const step = [...given, 'run.state', ...(cell.usesStep ? ['t=torch.tensor(t)'] : []), ...held.map((each) => `${each}=${each}`)];
    const last = instance.lines.at(-1)!;
    const dims = [
      ['value', -rankOf(last.core.type) - 1] as const,
      ...this.#fieldsOf(instance, scope).map(([field]) => {
        const line = instance.lines.find(({ binding }) => binding.name.replace(/'$/, '') === field)!;
        return [fieldName(field), -rankOf(line.binding.type) - 1] as const;
      }),
    ];
    const stacked = dims.map(([field, dim]) => `"${field}": ${dim}`).join(', ');
    return indented(
      [
        `def forward(${['self', ...asked].join(', ')}):`,
        ...indented(
          [
            `run = Run(self, self.initial(${start.join(', ')}), state, lengths)`,
            loop,
            `    run.take(self.step(${step.join(', ')}))`,
            `return run.end({${stacked}})${cell.plain ? '.value' : ''}`,
          ],
          1,
        ),
      ],
      1,
    ).join('\n');
  }
}
