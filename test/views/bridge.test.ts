import assert from 'node:assert/strict';
import { Bridge, BridgeClosed } from '../../src/shared/bridge.ts';
import { pack, unpack } from '../../src/shared/packed.ts';
import { ports } from './gallery/ports.ts';

interface Left {
  double: { parameters: { readonly n: number }; result: number };
  fail: { parameters: null; result: null };
  never: { parameters: null; result: null };
}
interface Right {
  name: { parameters: null; result: string };
}

function joined() {
  const [a, b] = ports();
  const never = new Promise<null>(() => {});
  const left = new Bridge<Left, Right>(a, {
    double: ({ n }) => 2 * n,
    fail: () => {
      throw new Error('the disk is full');
    },
    never: () => never,
  });
  const right = new Bridge<Right, Left>(b, { name: async () => 'right' });
  return { left, right };
}

describe('bridge', () => {
  it('answers requests in both directions', async () => {
    const { left, right } = joined();
    assert.deepEqual(
      await Promise.all([right.request('double', { n: 21 }), left.request('name', null), right.request('double', { n: 4 })]),
      [42, 'right', 8],
    );
  });

  it('carries errors across, with their text', async () => {
    const { right } = joined();
    await assert.rejects(right.request('fail', null), /the disk is full/);
  });

  it('says when a request is unknown to the other side', async () => {
    const { right } = joined();
    await assert.rejects(right.request('toString' as 'fail', null), /No request is called toString/);
  });

  it('rejects what is still asked when it is closed, and everything after', async () => {
    const { right } = joined();
    const waiting = right.request('never', null);
    right.close();
    await assert.rejects(waiting, BridgeClosed);
    await assert.rejects(right.request('double', { n: 1 }), BridgeClosed);
  });
});

describe('packed numbers', () => {
  it('come out as they went in, gaps and infinities too, through a channel that copies', async () => {
    const [a, b] = ports();
    const received = new Promise<ReturnType<typeof pack>>((resolve) => b.listen((message) => resolve(message as ReturnType<typeof pack>)));
    a.post(pack({ heat: [1, Number.NaN, 3], empty: [], low: new Float32Array([Number.NEGATIVE_INFINITY]) }));
    const arrays = unpack(await received);
    assert.deepEqual([...arrays.heat!], [1, Number.NaN, 3]);
    assert.deepEqual([...arrays.empty!], []);
    assert.deepEqual([...arrays.low!], [Number.NEGATIVE_INFINITY]);
    assert.equal(arrays.other, undefined);
  });
});
