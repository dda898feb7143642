import { ForeignModel } from '../../src/foreign/model.ts';
import { groupsOf, replayGroup } from '../../src/foreign/session.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';

const runtime = createRuntime();
for (const f of process.argv.slice(2)) {
  try {
    const m = await ForeignModel.open(f, runtime);
    console.log(f, JSON.stringify(m.info.parts), JSON.stringify(m.info.inputs), m.info.producer, m.info.remarks);
    const run = await m.run({
      all: { kind: 'random', seed: 1 },
      dimensions: Object.fromEntries(
        m.ports.flatMap((p) =>
          (p.shape ?? []).flatMap((d, k) => (typeof d === 'number' ? [] : [[d === '?' ? `${p.name}[${k}]` : d, k === 0 ? 2 : 12]])),
        ),
      ),
    });
    console.log(
      run.dimensions,
      run.remarks,
      run.idle.map((i) => i.why),
    );
    for (const g of groupsOf(run.ran)) {
      const r = await replayGroup(runtime, g, { id: 1, title: '', model: 'Net', file: m.name, uri: '/x.rnn' });
      console.log(g.steps, g.items.length, r.parity);
      await r.trace.close();
    }
    await m.release();
  } catch (e) {
    console.log(f, e instanceof Error ? e.message : e);
  }
}
