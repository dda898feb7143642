// The attributes of a node, by their names.

import type { NodeProto } from './proto.ts';

export class Attributes {
  readonly #node: NodeProto;

  constructor(node: NodeProto) {
    this.#node = node;
  }

  int(name: string, otherwise: number): number {
    return Number(this.#find(name)?.i ?? otherwise);
  }

  float(name: string): number | undefined {
    return this.#find(name)?.f;
  }

  text(name: string, otherwise: string): string {
    const bytes = this.#find(name)?.s;
    return bytes === undefined ? otherwise : Buffer.from(bytes).toString();
  }

  texts(name: string): readonly string[] {
    return (this.#find(name)?.strings ?? []).map((bytes) => Buffer.from(bytes).toString());
  }

  floats(name: string): readonly number[] {
    return this.#find(name)?.floats ?? [];
  }

  ints(name: string): readonly number[] {
    return (this.#find(name)?.ints ?? []).map(Number);
  }

  #find(name: string) {
    return this.#node.attribute.find((each) => each.name === name);
  }
}
