// Event files that TensorBoard reads: records of a length, its checksum, an Event of TensorFlow's schema, and its checksum (tensorflow/core/lib/io/record_writer,
// tensorflow/core/util/event.proto and framework/summary.proto; CRC-32C, masked).

import { appendFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import protobuf from 'protobufjs/minimal.js';
import type { StepRecord } from '../shared/training.ts';
import { cannotWrite } from './files.ts';
import { EVENTS } from './run.ts';

export interface EventFile {
  /** Throws DiskError. */
  record(record: StepRecord): void;
}

/** A new event file in a run's folder; a training that goes on adds another, as TensorFlow does, and says at which step it begins: what was written of
 *  that step and later ones counts no more. `now` in milliseconds since 1970. Throws DiskError. */
export function openEventFile(folder: string, first: number, now: () => number = Date.now): EventFile {
  const path = join(folder, `${EVENTS}${Math.floor(now() / 1000)}.${hostname()}.${process.pid}`);
  const write = (event: Uint8Array): void => {
    try {
      appendFileSync(path, framed(event));
    } catch (error) {
      throw cannotWrite(path, error);
    }
  };
  write(eventOf(now() / 1000, undefined, (writer) => writer.uint32(field(3, TEXT)).string('brain.Event:2')));
  const started = protobuf.Writer.create().uint32(field(1, VARINT)).int32(START).finish();
  write(eventOf(now() / 1000, first, (writer) => writer.uint32(field(7, TEXT)).bytes(started)));
  return {
    record(record) {
      write(eventOf(now() / 1000, record.step, (writer) => writer.uint32(field(5, TEXT)).bytes(summaryOf(record))));
    },
  };
}

/** Wire types of protocol buffers. */
const DOUBLE = 1;
const TEXT = 2;
const FLOAT = 5;
const VARINT = 0;
/** SessionLog.START: TensorBoard drops what it has read of this step and later ones. */
const START = 1;
const field = (number: number, type: number): number => (number << 3) | type;

function eventOf(seconds: number, step: number | undefined, write: (writer: protobuf.Writer) => protobuf.Writer): Uint8Array {
  const writer = protobuf.Writer.create().uint32(field(1, DOUBLE)).double(seconds);
  if (step !== undefined) writer.uint32(field(2, VARINT)).int64(step);
  return write(writer).finish();
}

function summaryOf(record: StepRecord): Uint8Array {
  const { loss, validationLoss, gradientNorm, learningRate, clipped, metrics = {}, updateRatios = {}, sample } = record;
  const { stepsPerSecond, stepsOfDataPerSecond } = record;
  const scalars: (readonly [string, number])[] = [
    ['loss/training', loss],
    ...(validationLoss === undefined ? [] : [['loss/validation', validationLoss] as const]),
    ...Object.entries(metrics).map(([name, value]) => [`validation/${name}`, value] as const),
    ['optimiser/learning_rate', learningRate],
    ['gradient/norm', gradientNorm],
    ['gradient/clipped', Number(clipped)],
    ...Object.entries(updateRatios).map(([name, value]) => [`update_ratio/${name}`, value] as const),
    ...memoryScalars(record),
    ['speed/steps_per_second', stepsPerSecond],
    ...(stepsOfDataPerSecond === undefined ? [] : [['speed/steps_of_data_per_second', stepsOfDataPerSecond] as const]),
  ];
  const writer = protobuf.Writer.create();
  for (const [tag, value] of scalars)
    writer
      .uint32(field(1, TEXT))
      .bytes(protobuf.Writer.create().uint32(field(1, TEXT)).string(tag).uint32(field(2, FLOAT)).float(value).finish());
  if (sample !== undefined) {
    const text =
      sample.kind === 'text'
        ? sample.text
        : sample.rows.map(({ input, truth, predicted }) => `${input} → ${predicted} (${truth})`).join('\n');
    writer.uint32(field(1, TEXT)).bytes(textValue('sample', text));
  }
  return writer.finish();
}

/** What the memory was like, by layer. */
const memoryScalars = ({ memory, clipRate }: StepRecord): (readonly [string, number])[] => [
  ...(clipRate === undefined ? [] : [['gradient/clip_rate', clipRate] as const]),
  ...(memory?.layers ?? []).flatMap(({ layer, lags, gradient, units, dead, stuck, saturated }) => [
    ...Object.entries(gradient).flatMap(([state, values]) =>
      lags.map((lag, k) => [`memory/${layer}/${state}/lag_${lag}`, values[k]!] as const),
    ),
    [`units/${layer}/dead`, dead / units] as const,
    [`units/${layer}/stuck`, stuck / units] as const,
    ...saturated.map(
      ({ line, units: all, low, high }) => [`units/${layer}/${line.replace("'", '')}_saturated`, (low + high) / all] as const,
    ),
  ]),
];

/** A text, as the text plugin wants it: a tensor of one string. */
function textValue(tag: string, text: string): Uint8Array {
  const plugin = protobuf.Writer.create().uint32(field(1, TEXT)).string('text').finish();
  const metadata = protobuf.Writer.create().uint32(field(1, TEXT)).bytes(plugin).finish();
  const one = protobuf.Writer.create().uint32(field(1, VARINT)).int64(1).finish();
  const shape = protobuf.Writer.create().uint32(field(2, TEXT)).bytes(one).finish();
  const DT_STRING = 7;
  const tensor = protobuf.Writer.create()
    .uint32(field(1, VARINT))
    .int32(DT_STRING)
    .uint32(field(2, TEXT))
    .bytes(shape)
    .uint32(field(8, TEXT))
    .string(text);
  return protobuf.Writer.create()
    .uint32(field(1, TEXT))
    .string(tag)
    .uint32(field(8, TEXT))
    .bytes(tensor.finish())
    .uint32(field(9, TEXT))
    .bytes(metadata)
    .finish();
}

function framed(data: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(12 + data.length + 4);
  bytes.writeBigUInt64LE(BigInt(data.length), 0);
  bytes.writeUInt32LE(masked(bytes.subarray(0, 8)), 8);
  bytes.set(data, 12);
  bytes.writeUInt32LE(masked(data), 12 + data.length);
  return bytes;
}

/** Rotated and moved, so that the checksum of data with checksums in it is sound. */
function masked(data: Uint8Array): number {
  const sum = crc32c(data);
  return (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0;
}

const table = Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value >>> 0;
});

/** CRC-32C (Castagnoli 1993; RFC 3720, appendix B.4). */
export function crc32c(data: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of data) sum = (sum >>> 8) ^ table[(sum ^ byte) & 0xff]!;
  return (sum ^ 0xffffffff) >>> 0;
}
