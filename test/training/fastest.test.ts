import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { Runtime, Session, SessionOptions } from '../../src/runtime/runtime.ts';
import { fastestTrainer } from '../../src/training/fastest.ts';
import type { Trainer } from '../../src/training/trainer.ts';
import { languageModel, settingsWith, startOf } from '../passes/models.ts';

type GivenDevice = SessionOptions['device'];
/** Milliseconds of a matrix product and of a step on each device; NaN: the step fails. */
type Machine = Partial<Record<GivenDevice, { product: number; step: number }>>;

const model = languageModel('rnn');
const given = { model, settings: settingsWith(), start: startOf(model) };

async function choose(machine: Machine): Promise<{ device: GivenDevice; events: string[] }> {
  const events: string[] = [];
  const runtime: Runtime = {
    devices: async () => (Object.keys(machine) as GivenDevice[]).map((device) => ({ device, available: true })),
    open: async (_, { device }) =>
      ({ compute: () => delay(machine[device]!.product), release: async () => undefined }) as unknown as Session,
  };
  const open = async (device: GivenDevice): Promise<Trainer> => ({
    device,
    async step() {
      const { step } = machine[device]!;
      if (Number.isNaN(step)) throw new Error('out of memory');
      await delay(step);
      return { loss: 0, gradientNorm: 0 };
    },
    evaluate: async () => ({ sum: 0, count: 0 }),
    state: async () => new Map(),
    restore: async () => void events.push(`restore ${device}`),
    close: async () => void events.push(`close ${device}`),
  });
  const trainer = await fastestTrainer(runtime, open, given, (text) => events.push(text.replaceAll(/\d+(\.\d+)? ms/g, 'N ms')));
  return { device: trainer.device, events };
}

describe('the fastest device', () => {
  it('is the CPU where there is nothing else', async () => {
    assert.deepEqual(await choose({ cpu: { product: 1, step: 1 } }), { device: 'cpu', events: [] });
  });

  it('is the accelerator that takes less time, begun afresh', async () => {
    assert.deepEqual(await choose({ cpu: { product: 20, step: 30 }, webgpu: { product: 2, step: 2 } }), {
      device: 'webgpu',
      events: ['A step takes N ms on webgpu and N ms on cpu: training on webgpu.', 'close cpu', 'restore webgpu'],
    });
  });

  it('is the CPU where the accelerator is fast at products and slow at the model', async () => {
    assert.deepEqual(await choose({ cpu: { product: 20, step: 2 }, webgpu: { product: 2, step: 30 } }), {
      device: 'cpu',
      events: ['A step takes N ms on webgpu and N ms on cpu: training on cpu.', 'close webgpu', 'restore cpu'],
    });
  });

  it('is not a software driver, which is not even tried with the model', async () => {
    assert.deepEqual(await choose({ cpu: { product: 2, step: 30 }, webgpu: { product: 20, step: 1 } }), { device: 'cpu', events: [] });
  });

  it('is the best of three', async () => {
    const machine = { cpu: { product: 20, step: 40 }, cuda: { product: 1, step: 20 }, webgpu: { product: 1, step: 2 } };
    assert.equal((await choose(machine)).device, 'webgpu');
  });

  it('is what works where an accelerator fails', async () => {
    assert.deepEqual(await choose({ cpu: { product: 20, step: 2 }, webgpu: { product: 2, step: Number.NaN } }), {
      device: 'cpu',
      events: ['close webgpu', 'webgpu is not used: out of memory'],
    });
  });
});
