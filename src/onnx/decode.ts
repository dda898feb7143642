// Protocol-buffer bytes to plain objects, led by the published schema. Bytes are not trusted: nothing is allocated by claim, what the objects take is counted,
// nesting is bounded, and an error says at which field it stands. Numbers of a tensor come as `raw_data` whatever field the file keeps them in; the packed floats
// of a file are such bytes already, so that they are a view of the file like `raw_data` itself.

import protobuf from 'protobufjs/light.js';
import type { TensorProto } from './proto.ts';
import { TensorNumbers } from './tensor-numbers.ts';
import { costs, DecodeError, type DecodeLimits, decodeLimits, Reader } from './wire.ts';

export type Decoded = Record<string, unknown>;

/** Values of fields that a message has even where the file lacks them, by the message's name. */
export type Promised = Readonly<Record<string, Readonly<Record<string, string | number>>>>;

/**
 * Absent repeated fields come back as empty lists, absent others not at all but those that are promised; 64-bit integers as numbers. One type has one set of
 * promises. Throws DecodeError.
 */
export function decodeMessage(type: protobuf.Type, promised: Promised, bytes: Uint8Array, limits: DecodeLimits = decodeLimits): Decoded {
  return read(new Reader(bytes, limits), planOf(type, promised), bytes.length, 0);
}

interface FieldPlan {
  readonly name: string;
  readonly type: string;
  readonly repeated: boolean;
  /** Of fields that hold a message. */
  readonly message: () => Plan;
}

interface Plan {
  readonly name: string;
  /** By the fields' numbers. */
  readonly fields: readonly (FieldPlan | undefined)[];
  readonly lists: readonly string[];
  readonly promised: readonly (readonly [string, string | number])[];
  /** What an empty message takes in memory. */
  readonly cost: number;
}

const plans = new Map<protobuf.Type, Plan>();

function planOf(type: protobuf.Type, promised: Promised): Plan {
  const known = plans.get(type);
  if (known !== undefined) return known;
  const fields: FieldPlan[] = [];
  for (const field of type.fieldsArray) {
    field.resolve();
    const resolved = field.resolvedType;
    const message = resolved instanceof protobuf.Type ? resolved : undefined;
    fields[field.id] = {
      name: field.name,
      type: message !== undefined ? 'message' : resolved === null ? field.type : 'int32',
      repeated: field.repeated,
      message: () => planOf(message!, promised),
    };
  }
  const lists = fields.filter((field) => field?.repeated).map(({ name }) => name);
  const plan = {
    name: type.name,
    fields,
    lists,
    promised: Object.entries(promised[type.name] ?? {}),
    cost: 64 + 8 * type.fieldsArray.length + 24 * lists.length,
  };
  plans.set(type, plan);
  return plan;
}

const wireTypes: Readonly<Record<string, number>> = { message: 2, string: 2, bytes: 2, float: 5, double: 1, int32: 0, int64: 0, uint64: 0 };

/** Reads a message up to `end`; into an earlier part of the same message where the file has it in parts. */
function read(reader: Reader, plan: Plan, end: number, depth: number, earlier?: Decoded): Decoded {
  if (depth > reader.limits.depth)
    throw new DecodeError('deep', `more than ${Math.floor(reader.limits.depth / 3)} bodies (or other parts) lie in each other`);
  const made: Decoded = earlier ?? {};
  if (earlier === undefined) {
    reader.spend(plan.cost);
    for (const list of plan.lists) made[list] = [];
  }
  const numbers = plan.name === 'TensorProto' ? new TensorNumbers(reader) : undefined;
  let field: FieldPlan | undefined;
  try {
    while (reader.at < end) {
      field = undefined;
      const tag = reader.unsigned(end);
      const wire = tag % 8;
      const id = Math.floor(tag / 8);
      if (id === 0) throw new DecodeError('damaged', `a field has number 0 at byte ${reader.at}`);
      field = plan.fields[id];
      if (field === undefined) reader.skip(wire, end);
      else if (numbers?.takes(field.name)) numbers.read(field.name, field.type, wire, end);
      else if (wire === wireTypes[field.type]) readField(reader, field, made, end, depth);
      else if (wire === 2 && field.repeated) readPacked(reader, field, made[field.name] as number[], end);
      else reader.skip(wire, end);
    }
    field = undefined;
    numbers?.settle(made as unknown as TensorProto);
  } catch (error) {
    if (error instanceof DecodeError && field !== undefined) error.place.unshift(placeOf(field, made));
    throw error;
  }
  for (const [name, value] of plan.promised) made[name] ??= value;
  return made;
}

function readField(reader: Reader, { name, type, repeated, message }: FieldPlan, made: Decoded, end: number, depth: number): void {
  let value: unknown;
  switch (type) {
    case 'message':
      value = read(reader, message(), reader.stop(end), depth + 1, repeated ? undefined : (made[name] as Decoded | undefined));
      break;
    case 'string':
      value = reader.string(end);
      break;
    case 'bytes':
      value = reader.view(reader.stop(end));
      break;
    default:
      value = reader.number(type, end);
  }
  if (!repeated) {
    made[name] = value;
    return;
  }
  reader.spend(costs.element);
  (made[name] as unknown[]).push(value);
}

/** Many numbers in one field. */
function readPacked(reader: Reader, { type }: FieldPlan, list: number[], end: number): void {
  const stop = reader.stop(end);
  while (reader.at < stop) {
    reader.spend(costs.element);
    list.push(reader.number(type, stop));
  }
}

/** `node[3]`; the place within it tells its name where that was read. */
function placeOf({ name, repeated, type }: FieldPlan, made: Decoded): string {
  if (!repeated) return name;
  const count = (made[name] as unknown[] | undefined)?.length ?? 0;
  return type === 'message' || type === 'string' || type === 'bytes' ? `${name}[${count}]` : name;
}
