// The types of a model's inputs: how many bytes an element has, what holds them, and which values one can take.

import type { TensorData, TensorType } from '../../runtime/runtime.ts';
import { halfBits } from '../../shared/half.ts';
import { unsupportedType } from './errors.ts';

export type ElementName = TensorType;

/** Halves are the bits in a Uint16Array; bool is a Uint8Array of 0 and 1. */
export type ElementData = TensorData;

export type Value = number | bigint | boolean | string;

export interface Element {
  readonly name: ElementName;
  readonly bytes: number;
  readonly isFloat: boolean;
  make(length: number): ElementData;
  /** Writes a value; where the type cannot have it, says why, and writes nothing. */
  put(data: ElementData, at: number, value: Value): string | undefined;
}

/** The type of an input. Throws InputError where there is no such type, or it cannot be fed. */
export function elementOf({ name, type }: { readonly name: string; readonly type: string }): Element {
  const element = elements.get(type);
  if (element === undefined) throw unsupportedType(name, type);
  return element;
}

const elements: ReadonlyMap<string, Element> = new Map(
  [
    float('float32', 4, Float32Array, Math.fround),
    float('float64', 8, Float64Array, (value) => value),
    float('float16', 2, Uint16Array, halfBits, (bits) => (bits & 0x7fff) === 0x7c00),
    int('int8', Int8Array, -(2 ** 7), 2 ** 7 - 1),
    int('uint8', Uint8Array, 0, 2 ** 8 - 1),
    int('int16', Int16Array, -(2 ** 15), 2 ** 15 - 1),
    int('uint16', Uint16Array, 0, 2 ** 16 - 1),
    int('int32', Int32Array, -(2 ** 31), 2 ** 31 - 1),
    int('uint32', Uint32Array, 0, 2 ** 32 - 1),
    long('int64', BigInt64Array, -(2n ** 63n), 2n ** 63n - 1n),
    long('uint64', BigUint64Array, 0n, 2n ** 64n - 1n),
    bool(),
  ].map((element) => [element.name, element]),
);

type Numbers = Exclude<ElementData, BigInt64Array | BigUint64Array>;

function float(
  name: ElementName,
  bytes: number,
  Data: new (length: number) => Numbers,
  stored: (value: number) => number,
  isInfinite: (stored: number) => boolean = (value) => !Number.isFinite(value),
): Element {
  const put = (data: ElementData, at: number, value: Value): string | undefined => {
    const number = typeof value === 'string' ? numberOf(value) : Number(value);
    if (number === undefined) return noNumber(value);
    const written = stored(number);
    if (Number.isFinite(number) && isInfinite(written)) return `${valueText(value)} is too large for ${name}`;
    (data as Numbers)[at] = written;
    return undefined;
  };
  return { name, bytes, isFloat: true, make: (length) => new Data(length), put };
}

function int(
  name: ElementName,
  Data: (new (length: number) => Numbers) & { BYTES_PER_ELEMENT: number },
  low: number,
  high: number,
): Element {
  const put = (data: ElementData, at: number, value: Value): string | undefined => {
    const number = typeof value === 'string' ? numberOf(value) : Number(value);
    if (number === undefined) return noNumber(value);
    if (!Number.isInteger(number)) return notWhole(value, name);
    if (number < low || number > high) return outside(value, name, low, high);
    (data as Numbers)[at] = number;
    return undefined;
  };
  return { name, bytes: Data.BYTES_PER_ELEMENT, isFloat: false, make: (length) => new Data(length), put };
}

function long(name: ElementName, Data: new (length: number) => BigInt64Array | BigUint64Array, low: bigint, high: bigint): Element {
  const put = (data: ElementData, at: number, value: Value): string | undefined => {
    let whole: bigint;
    if (typeof value === 'bigint') whole = value;
    else if (typeof value === 'string' && WHOLE.test(value.trim()) && value.trim().length <= 40)
      whole = BigInt(value.trim().replace(/^\+/, ''));
    else {
      const number = typeof value === 'string' ? numberOf(value) : Number(value);
      if (number === undefined) return noNumber(value);
      if (!Number.isInteger(number)) return notWhole(value, name);
      if (number < Number(low) || number > Number(high)) return outside(value, name, low, high);
      if (!Number.isSafeInteger(number))
        return `${valueText(value)} may have lost digits. Write whole numbers beyond 2^53 as text, or in a .npy file`;
      whole = BigInt(number);
    }
    if (whole < low || whole > high) return outside(value, name, low, high);
    (data as BigInt64Array)[at] = whole;
    return undefined;
  };
  return { name, bytes: 8, isFloat: false, make: (length) => new Data(length), put };
}

function bool(): Element {
  const put = (data: ElementData, at: number, value: Value): string | undefined => {
    const number = typeof value === 'string' ? numberOf(value) : Number(value);
    if (number !== 0 && number !== 1) return `${valueText(value)} is neither true nor false (0 and 1 are taken too)`;
    (data as Uint8Array)[at] = number;
    return undefined;
  };
  return { name: 'bool', bytes: 1, isFloat: false, make: (length) => new Uint8Array(length), put };
}

const WHOLE = /^[+-]?\d+$/;
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

const words: Readonly<Record<string, number>> = {
  true: 1,
  false: 0,
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  '+inf': Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
  infinity: Number.POSITIVE_INFINITY,
  '+infinity': Number.POSITIVE_INFINITY,
  '-infinity': Number.NEGATIVE_INFINITY,
};

/** The number that a text is, as Python, C and JavaScript write them; undefined where it is none. */
export function numberOf(text: string): number | undefined {
  const trimmed = text.trim();
  if (DECIMAL.test(trimmed)) return Number(trimmed);
  const word = trimmed.toLowerCase();
  return Object.hasOwn(words, word) ? words[word] : undefined;
}

export const valueText = (value: Value): string => (typeof value === 'string' ? JSON.stringify(shortened(value)) : String(value));

const shortened = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}...` : text);

function noNumber(value: Value): string {
  if (typeof value === 'string' && value.trim() === '') return 'there is no number. Fill it in, or write NaN where it is missing';
  if (typeof value === 'string' && /^[+-]?\d+,\d+$/.test(value.trim())) return `${valueText(value)} is no number. Write it with a point`;
  return `${valueText(value)} is no number`;
}

const notWhole = (value: Value, name: string): string => `${valueText(value)} is no whole number, and the input is ${name}`;

const outside = (value: Value, name: string, low: number | bigint, high: number | bigint): string =>
  `${valueText(value)} does not fit ${name} (${low} to ${high})`;

export const elementsIn = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);
