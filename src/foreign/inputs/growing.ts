// Elements of an input of which nobody knows how many there will be.

import { LIMIT } from './bytes.ts';
import type { Element, ElementData, Value } from './elements.ts';
import { largeFile } from './errors.ts';

export class GrowingElements {
  readonly #element: Element;
  readonly #path: string;
  #data: ElementData;
  length = 0;

  constructor(element: Element, path: string) {
    this.#element = element;
    this.#path = path;
    this.#data = element.make(1024);
  }

  /** Says why where the type cannot have the value. Throws InputError where there are too many. */
  push(value: Value): string | undefined {
    if (this.length === this.#data.length) this.#grow();
    const why = this.#element.put(this.#data, this.length, value);
    if (why === undefined) this.length += 1;
    return why;
  }

  finish(): ElementData {
    const whole = this.#element.make(this.length);
    whole.set(this.#data.subarray(0, this.length) as never);
    return whole;
  }

  #grow(): void {
    const length = Math.ceil(this.#data.length * 1.5);
    if (length * this.#element.bytes > LIMIT) throw largeFile(this.#path, length * this.#element.bytes, LIMIT);
    const wider = this.#element.make(length);
    wider.set(this.#data as never);
    this.#data = wider;
  }
}
