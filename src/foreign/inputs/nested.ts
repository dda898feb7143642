// Lists of numbers in JSON: nested as deep as the input has axes, all of a level of one length; or an object of them by the inputs' names.

import { basename } from 'node:path';
import type { Reading } from '../../data/text-stream.ts';
import { readWholeText } from './bytes.ts';
import type { Value } from './elements.ts';
import { badFile, badValue, type InputError, listed, noArray } from './errors.ts';
import type { Asked, Found } from './found.ts';
import { GrowingElements } from './growing.ts';

/** The value of a .json file; NaN and Infinity, as Python writes them, are texts in it. Throws InputError. */
export async function readJson(path: string, reading: Reading): Promise<unknown> {
  return parseJson(path, await readWholeText(path, reading));
}

/** Throws InputError where a text is no JSON. */
export function parseJson(path: string, text: string): unknown {
  if (text.trim() === '') throw badFile(path, 'it holds only white space. Choose a file that holds the input.');
  try {
    return JSON.parse(text);
  } catch (error) {
    if (/NaN|Infinity/.test(text)) {
      const written = text.replace(/"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g, (part) => (part.startsWith('"') ? part : `"${part}"`));
      try {
        return JSON.parse(written);
      } catch {
        // What is said is about the text as it stands.
      }
    }
    throw badFile(path, `it is no JSON, or was cut short (${error instanceof Error ? error.message : String(error)}).`);
  }
}

/** The part of a value that an input takes: the chosen key, the input's name, or all of it. Throws InputError where an object has no such key. */
export function partFor(
  value: unknown,
  { port, choice }: Asked,
  ports: readonly string[],
): { readonly part: unknown; readonly name: string } {
  const { path, array } = choice;
  if (!isObject(value)) {
    if (array !== undefined) throw badFile(path, `it is one list, without names: there is no ${array} in it. Leave the name away.`);
    return { part: value, name: '' };
  }
  const names = Object.keys(value);
  const wanted = array ?? (names.length === 1 && ports.length === 1 ? names[0]! : port.name);
  if (!Object.hasOwn(value, wanted)) throw noArray(path, port.name, wanted, names);
  return { part: value[wanted], name: wanted };
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A list of objects: the rows of a table. */
export const isRecords = (value: unknown): value is readonly Readonly<Record<string, unknown>>[] =>
  Array.isArray(value) && value.length > 0 && value.every(isObject);

/** The elements of nested lists. `name`: what the list is called. Throws InputError where lists of a level differ in length, or an element is none. */
export function nestedElements({ port, element, choice }: Pick<Asked, 'port' | 'element' | 'choice'>, value: unknown, name: string): Found {
  const { path } = choice;
  if (isObject(value))
    throw badFile(
      path,
      `${name === '' ? 'it' : name} is an object (${listed(Object.keys(value))}) where ${port.name} wants lists of numbers.`,
    );
  const dims: number[] = [];
  for (let inner = value; Array.isArray(inner); inner = inner[0]) {
    dims.push(inner.length);
    if (dims.length > DEEPEST) throw badFile(path, `its lists are nested more than ${DEEPEST} deep. Inputs have fewer axes.`);
  }
  const elements = new GrowingElements(element, path);
  fill(value, dims, [], elements, (at, why) =>
    badValue(path, `${name === '' ? 'element' : name}${at.length === 0 ? '' : ` [${at.join(', ')}]`}`, why),
  );
  return { dims, data: elements.finish(), what: name === '' ? basename(path) : `${name} of ${basename(path)}` };
}

const DEEPEST = 32;

type Fault = (at: readonly number[], why: string) => InputError;

function fill(value: unknown, dims: readonly number[], at: number[], elements: GrowingElements, fault: Fault): void {
  const depth = at.length;
  if (depth === dims.length) {
    if (Array.isArray(value)) throw fault(at, `it is a list where the first one of its level is a number. All have the same shape.`);
    const why = elements.push(plain(value, (text) => fault(at, text)));
    if (why !== undefined) throw fault(at, `${why}.`);
    return;
  }
  if (!Array.isArray(value))
    throw fault(at, `it is no list where the first one of its level is one of ${dims[depth]}. All have the same shape.`);
  if (value.length !== dims[depth])
    throw fault(at, `it has ${value.length} elements where the first list of its level has ${dims[depth]}. Make them of one length.`);
  for (let k = 0; k < value.length; k += 1) {
    at.push(k);
    fill(value[k], dims, at, elements, fault);
    at.pop();
  }
}

function plain(value: unknown, fault: (why: string) => InputError): Value {
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') return value;
  if (value === null) throw fault('there is null instead of a number. Fill it in, or write NaN where it is missing.');
  throw fault('there is an object instead of a number.');
}
