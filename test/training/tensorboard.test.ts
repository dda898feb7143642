// Event files: read back by the format's description, with the checksums of its own.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import protobuf from 'protobufjs/light.js';
import { crc32c, openEventFile } from '../../src/training/tensorboard.ts';

const schema = protobuf.Root.fromJSON({
  nested: {
    Event: {
      fields: {
        wallTime: { type: 'double', id: 1 },
        step: { type: 'int64', id: 2 },
        fileVersion: { type: 'string', id: 3 },
        summary: { type: 'Summary', id: 5 },
        sessionLog: { type: 'SessionLog', id: 7 },
      },
    },
    SessionLog: { fields: { status: { type: 'int32', id: 1 } } },
    Summary: { fields: { value: { rule: 'repeated', type: 'Value', id: 1 } } },
    Value: {
      fields: {
        tag: { type: 'string', id: 1 },
        simpleValue: { type: 'float', id: 2 },
        tensor: { type: 'Tensor', id: 8 },
        metadata: { type: 'Metadata', id: 9 },
      },
    },
    Tensor: { fields: { dtype: { type: 'int32', id: 1 }, stringVal: { rule: 'repeated', type: 'bytes', id: 8 } } },
    Metadata: { fields: { plugin: { type: 'Plugin', id: 1 } } },
    Plugin: { fields: { name: { type: 'string', id: 1 } } },
  },
}).lookupType('Event');

interface Event {
  readonly step?: number;
  readonly fileVersion?: string;
  readonly sessionLog?: { readonly status: number };
  readonly summary?: {
    readonly value: readonly {
      readonly tag: string;
      readonly simpleValue?: number;
      readonly tensor?: { readonly stringVal: readonly string[] };
      readonly metadata?: { readonly plugin: { readonly name: string } };
    }[];
  };
}

function eventsOf(bytes: Buffer): Event[] {
  const events: Event[] = [];
  const unmasked = (sum: number): number => {
    const turned = (sum - 0xa282ead8) >>> 0;
    return ((turned >>> 17) | (turned << 15)) >>> 0;
  };
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    assert.equal(unmasked(bytes.readUInt32LE(at + 8)), crc32c(bytes.subarray(at, at + 8)));
    const data = bytes.subarray(at + 12, at + 12 + length);
    assert.equal(unmasked(bytes.readUInt32LE(at + 12 + length)), crc32c(data));
    events.push(schema.toObject(schema.decode(data), { longs: Number, bytes: String }) as Event);
    at += 16 + length;
  }
  return events;
}

describe('event files', () => {
  it('have the checksum of RFC 3720', () => {
    assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
    assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
    assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, k) => k)), 0x46dd794e);
    assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  });

  it('hold every figure of a step, and samples as texts', () => {
    const folder = mkdtempSync(join(tmpdir(), 'unroll-events-'));
    const file = openEventFile(folder, 7, () => 1_700_000_000_000);
    const record = {
      kind: 'step',
      step: 7,
      epoch: 1,
      loss: 1.5,
      gradientNorm: 0.25,
      clipped: true,
      learningRate: 0.5,
      stepsPerSecond: 8,
    } as const;
    file.record({
      ...record,
      validationLoss: 2,
      metrics: { accuracy: 0.5 },
      updateRatios: { 'h.f': 0.125 },
      stepsOfDataPerSecond: 64,
      clipRate: 0.25,
      memory: {
        sequences: 8,
        steps: 12,
        layers: [
          {
            layer: 'h',
            lags: [1, 10],
            gradient: { c: [0.5, 0.125] },
            units: 8,
            dead: 1,
            stuck: 2,
            saturated: [{ line: 'f', units: 4, low: 1, high: 2 }],
          },
        ],
      },
      sample: { kind: 'text', text: 'Ada ω' },
    });
    const [name] = readdirSync(folder);
    assert.match(name!, /^events\.out\.tfevents\.1700000000\./);
    const [head, start, step] = eventsOf(readFileSync(join(folder, name!)));
    assert.equal(head!.fileVersion, 'brain.Event:2');
    assert.deepEqual([start!.step, start!.sessionLog?.status], [7, 1]);
    assert.equal(step!.step, 7);
    const values = step!.summary!.value;
    assert.deepEqual(
      Object.fromEntries(values.flatMap(({ tag, simpleValue }) => (simpleValue === undefined ? [] : [[tag, simpleValue]]))),
      {
        'loss/training': 1.5,
        'loss/validation': 2,
        'validation/accuracy': 0.5,
        'optimiser/learning_rate': 0.5,
        'gradient/norm': 0.25,
        'gradient/clipped': 1,
        'update_ratio/h.f': 0.125,
        'gradient/clip_rate': 0.25,
        'memory/h/c/lag_1': 0.5,
        'memory/h/c/lag_10': 0.125,
        'units/h/dead': 0.125,
        'units/h/stuck': 0.25,
        'units/h/f_saturated': 0.75,
        'speed/steps_per_second': 8,
        'speed/steps_of_data_per_second': 64,
      },
    );
    const sample = values.at(-1)!;
    assert.deepEqual(
      [sample.tag, sample.metadata?.plugin.name, Buffer.from(sample.tensor!.stringVal[0]!, 'base64').toString()],
      ['sample', 'text', 'Ada ω'],
    );
    rmSync(folder, { recursive: true });
  });
});
