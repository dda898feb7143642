import assert from 'node:assert/strict';
import type { Beam, BeamNode } from '../../src/training/decoding/beam.ts';
import { beamPage } from '../../src/views/pages/beam-page.ts';
import { placedTree } from '../../src/views/pages/beam-tree.ts';

const node = (id: number, parent: number | undefined, step: number, token: number, sum: number, isEnd = false): BeamNode => ({
  id,
  ...(parent === undefined ? {} : { parent }),
  step,
  token,
  logProbability: sum,
  sum,
  score: sum,
  isForced: false,
  isEnd,
});

/** a → b → end; a → c (given up); d → end. */
const beam: Beam = {
  nodes: [
    node(0, undefined, 0, 1, -0.2),
    node(1, undefined, 0, 4, -1.5),
    node(2, 0, 1, 3, -0.4),
    node(3, 0, 1, 2, -0.9),
    node(4, 1, 1, 0, -1.6, true),
    node(5, 3, 2, 0, -1, true),
  ],
  hypotheses: [
    { tokens: [1, 2], ended: true, lines: [], node: 5, score: -1 },
    { tokens: [4], ended: true, lines: [], node: 4, score: -1.6 },
  ],
};

describe('the beam as a tree', () => {
  it('has the best hypothesis in its first line, what was given up behind it', () => {
    const { nodes, columns, lanes } = placedTree(beam);
    assert.deepEqual(
      nodes.map((each) => [each.node.id, each.column, each.lane, each.fate]),
      [
        [0, 0, 0, 'best'],
        [3, 1, 0, 'best'],
        [5, 2, 0, 'best'],
        [2, 1, 1, 'dropped'],
        [1, 0, 2, 'kept'],
        [4, 1, 2, 'kept'],
      ],
    );
    assert.deepEqual([columns, lanes], [3, 3]);
  });

  it('is a page of boxes that can be pressed, but for the ends', () => {
    const row = {
      text: 'ab',
      tokens: ['a', 'b'],
      ids: [1, 2],
      ended: true,
      source: [],
      unknown: [],
      attention: {},
      score: -1,
      beam,
      words: { 0: '‹end›', 1: 'a', 2: 'b', 3: '<', 4: 'd' },
    };
    const page = beamPage({ run: 'M-1', source: '5 < 6', row, forced: 0, width: 3 });
    assert.equal(page.match(/data-action="continue"/g)?.length, 6);
    assert.equal(page.match(/data-node="\d" disabled/g)?.length, 2);
    assert.match(page, /aria-label="step 1, b, log p −.90, sum −.90, score −.90, in the best"/);
    assert.match(page, /5 &lt; 6/);
    assert.ok(page.indexOf('<code>ab</code>') < page.indexOf('<code>d</code>'));
  });
});
