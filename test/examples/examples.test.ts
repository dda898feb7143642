// The examples: without faults, and each of their trainings takes its first steps and is judged. The data is what its script makes.

import assert from 'node:assert/strict';
import { cpSync, globSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { root } from '../../scripts/root.ts';
import { trainsOf } from '../../src/engine/job.ts';
import { runTraining } from '../../src/engine/training.ts';
import { faultsOf } from '../templates/checked.ts';

const files = globSync('*.rnn', { cwd: join(root, 'examples') }).toSorted();

describe('examples', function () {
  this.timeout(60_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unroll-examples-'));
    cpSync(join(root, 'examples'), folder, { recursive: true, filter: (path) => !path.includes('runs') });
  });
  after(() => rm(folder, { recursive: true }));

  for (const name of files) {
    it(`${name} has no faults, and begins to learn`, async () => {
      const file = join(folder, name);
      const faults = await faultsOf(file);
      if (name === 'my-text.rnn') {
        assert.match(faults.join(), /^There is no file .*my-text\.txt\. Put the text there/);
        return;
      }
      assert.deepEqual(faults, []);
      for (const statement of (await trainsOf(file)).keys()) {
        const run = await runTraining(
          { file, statement, steps: 2, threads: 1, device: 'cpu', out: join(folder, 'runs', `${name}-${statement}`) },
          {},
        );
        assert.ok(Number.isFinite(run.validationLoss), `${name}, statement ${statement}`);
      }
    });
  }

  it('stand in the table of examples/README.md, each of them', () => {
    const told = readFileSync(join(root, 'examples', 'README.md'), 'utf8');
    assert.deepEqual(
      files.filter((name) => !told.includes(`\`${name}\``)),
      [],
    );
  });

  it('have data of less than 310 kB each', () => {
    const large = globSync('*.{csv,tsv,txt,jsonl,npz}', { cwd: join(root, 'examples') }).filter(
      (name) => statSync(join(root, 'examples', basename(name))).size > 310_000,
    );
    assert.deepEqual(large, []);
  });
});
