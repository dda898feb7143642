// What is read of the cells of a model beyond their values: they give a record then, and a tensor otherwise.

import type { Core, Instance, RecordType } from '../language/check/core.ts';
import { operandsOf } from '../language/check/walk.ts';
import type { Definition } from '../language/generated/ast.ts';

export class Wanted {
  readonly #fields = new Map<Definition, Set<string>>();
  readonly #whole = new Set<Definition>();

  constructor(root: Instance) {
    this.#survey(root);
  }

  /** Lines that are read of what a cell gives, in order of their names. */
  fields(cell: Definition): readonly string[] {
    return [...(this.#fields.get(cell) ?? [])].sort();
  }

  /** More than its value is wanted. */
  isWhole(cell: Definition): boolean {
    return this.#whole.has(cell);
  }

  #survey(instance: Instance): void {
    const visit = (core: Core): void => {
      if (core.op === 'field' && core.of.type.kind === 'record') this.#wantField(core.of.type, core.name);
      if (core.op === 'function' && core.name === 'last' && core.operands[0]!.core.type.kind === 'record')
        this.#wantWhole(core.operands[0]!.core.type);
      if (core.op === 'call' && core.from?.type.kind === 'record') this.#wantWhole(core.from.type);
      operandsOf(core).forEach(visit);
    };
    for (const { core } of instance.lines) visit(core);
    for (const { initial } of instance.states) if (initial !== undefined) visit(initial);
    for (const nested of instance.nested) this.#survey(nested);
  }

  #wantField({ instances = [], layers }: RecordType, name: string): void {
    for (const { cell, params } of [...instances, ...(layers ?? []).flatMap((layer) => layer.instances ?? [])]) {
      if (params.some(({ binding }) => binding.name === name)) continue;
      this.#whole.add(cell);
      this.#fields.set(cell, (this.#fields.get(cell) ?? new Set()).add(name));
    }
  }

  #wantWhole({ instances = [], layers }: RecordType): void {
    for (const { cell, stateful } of [...instances, ...(layers ?? []).flatMap((layer) => layer.instances ?? [])])
      if (stateful) this.#whole.add(cell);
  }
}
