// The numbers of a tensor that a file keeps in typed fields (float_data, int32_data, ...), as the little-endian bytes that raw_data would have.

import type { TensorProto } from './proto.ts';
import { DecodeError, type Reader } from './wire.ts';

/** Bytes of one number, by the field, and the element types (TensorProto.DataType) that are kept in it; int32_data has all others. */
type Field = 'float_data' | 'double_data' | 'int32_data' | 'int64_data' | 'uint64_data';
const fields: Readonly<Record<Field, { readonly size: 4 | 8; readonly types: readonly number[] }>> = {
  float_data: { size: 4, types: [1, 14] },
  double_data: { size: 8, types: [11, 15] },
  int64_data: { size: 8, types: [7] },
  uint64_data: { size: 8, types: [12, 13] },
  int32_data: { size: 4, types: [] },
};

/** The field that the numbers of an element type are kept in. */
export const fieldOf = (type: number): Field =>
  (Object.keys(fields) as Field[]).find((name) => fields[name].types.includes(type)) ?? 'int32_data';

/** Of 32-bit numbers in int32_data, those bytes that count; 1 where it is not listed: small integers, booleans, and what is packed into bytes. */
const widths: Readonly<Record<number, number>> = { 4: 2, 5: 2, 6: 4, 10: 2, 16: 2 };

export class TensorNumbers {
  readonly reader: Reader;
  /** Little-endian bytes, by the field. */
  readonly chunks = new Map<Field, Uint8Array[]>();
  /** Numbers that the file has one by one. */
  readonly single = new Map<Field, number[]>();

  constructor(reader: Reader) {
    this.reader = reader;
  }

  takes(name: string): name is Field {
    return Object.hasOwn(fields, name);
  }

  read(name: Field, type: string, wire: number, end: number): void {
    const { reader } = this;
    const { size } = fields[name];
    const fixed = type === 'float' || type === 'double';
    if (wire !== 2) {
      if (wire !== (fixed ? (size === 4 ? 5 : 1) : 0)) {
        reader.skip(wire, end);
        return;
      }
      // Two halves a number, so that 64 bits stay exact.
      const halves = this.single.get(name) ?? [];
      this.single.set(name, halves);
      reader.spend(16);
      if (fixed) {
        reader.need(size, end);
        for (let k = 0; k < size; k += 4) halves.push(reader.bytes.readUInt32LE(reader.at + k));
        reader.at += size;
      } else {
        reader.varint(end);
        halves.push(reader.low);
        if (size === 8) halves.push(reader.high);
      }
      return;
    }
    this.flush(name);
    const stop = reader.stop(end);
    if (fixed && (stop - reader.at) % size !== 0)
      throw new DecodeError('damaged', `it has ${stop - reader.at} bytes, which is no multiple of ${size}`);
    this.add(name, fixed ? reader.view(stop) : this.integers(size, stop));
  }

  /** Gives the tensor its raw_data. Numbers in a field that the tensor's type is not kept in stay there, for whoever reads the tensor to say so. */
  settle(tensor: TensorProto): void {
    for (const name of Object.keys(fields) as Field[]) {
      this.flush(name);
      const chunks = this.chunks.get(name);
      if (chunks === undefined) continue;
      const bytes = chunks.length === 1 ? chunks[0]! : this.joined(chunks);
      if (bytes.length === 0 || (tensor.raw_data?.length ?? 0) > 0) continue;
      if (fieldOf(tensor.data_type) === name) tensor.raw_data = this.narrowed(bytes, name, tensor.data_type);
      else tensor[name] = this.listed(bytes, name);
    }
  }

  narrowed(bytes: Uint8Array, name: Field, type: number): Uint8Array {
    const { size } = fields[name];
    const width = name === 'int32_data' ? (widths[type] ?? 1) : name === 'uint64_data' && type === 12 ? 4 : size;
    if (width === size) return bytes;
    const count = bytes.length / size;
    this.reader.spend(count * width);
    const narrow = new Uint8Array(count * width);
    for (let k = 0; k < count; k += 1) for (let b = 0; b < width; b += 1) narrow[k * width + b] = bytes[k * size + b]!;
    return narrow;
  }

  listed(bytes: Uint8Array, name: Field): number[] {
    const { size } = fields[name];
    const count = bytes.length / size;
    this.reader.spend(count * 8);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const at = {
      float_data: (k: number) => view.getFloat32(k, true),
      double_data: (k: number) => view.getFloat64(k, true),
      int32_data: (k: number) => view.getInt32(k, true),
      int64_data: (k: number) => Number(view.getBigInt64(k, true)),
      uint64_data: (k: number) => Number(view.getBigUint64(k, true)),
    }[name];
    return Array.from({ length: count }, (_, k) => at(k * size));
  }

  integers(size: 4 | 8, stop: number): Uint8Array {
    const { reader } = this;
    let count = 0;
    for (let k = reader.at; k < stop; k += 1) if (reader.bytes[k]! < 128) count += 1;
    reader.spend(160 + count * size);
    const halves = new Uint32Array((count * size) / 4);
    for (let k = 0; reader.at < stop; ) {
      reader.varint(stop);
      halves[k++] = reader.low;
      if (size === 8) halves[k++] = reader.high;
    }
    return new Uint8Array(halves.buffer);
  }

  flush(name: Field): void {
    const halves = this.single.get(name);
    if (halves === undefined) return;
    this.single.delete(name);
    this.add(name, new Uint8Array(Uint32Array.from(halves).buffer));
  }

  add(name: Field, bytes: Uint8Array): void {
    const list = this.chunks.get(name);
    if (list === undefined) this.chunks.set(name, [bytes]);
    else list.push(bytes);
  }

  joined(chunks: readonly Uint8Array[]): Uint8Array {
    this.reader.spend(chunks.reduce((sum, { length }) => sum + length, 0));
    return Buffer.concat(chunks);
  }
}
