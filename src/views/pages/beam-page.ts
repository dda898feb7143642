// What a beam search had in hand at each step, on one page: the tree of its hypotheses with their scores, of which any can be gone on from.

import { escaped } from '../../shared/chart.ts';
import { visibleToken } from '../../shared/figures.ts';
import { numberText } from '../../shared/numbers.ts';
import type { WrittenRow } from '../../training/decoding/write.ts';
import { placedTree } from './beam-tree.ts';

export interface BeamPage {
  readonly run: string;
  /** What the model read. */
  readonly source: string;
  readonly row: WrittenRow;
  /** How many tokens the search was told to begin with. */
  readonly forced: number;
  readonly width: number;
}

const COLUMN = 66;
const LANE = 38;
const BOX = { width: 52, height: 34 } as const;

export function beamPage({ run, source, row, forced, width }: BeamPage): string {
  const { beam } = row;
  if (beam === undefined) return '<p class="empty">There is no beam.</p>';
  const begun = beam.nodes.filter(({ isForced }) => isForced).map(({ token }) => tokenOf(row, token));
  return [
    `<h1>Beam of ${escaped(run)}</h1>`,
    `<p>read: <code>${escaped(source)}</code></p>`,
    '<div class="actions">',
    ...[2, 3, 5, 8].map(
      (each) =>
        `<button type="button" data-action="width" data-width="${each}"${each === width ? ' class="primary" aria-pressed="true"' : ' aria-pressed="false"'}>width ${each}</button>`,
    ),
    forced === 0 ? '' : '<button type="button" data-action="whole">From the beginning</button>',
    '</div>',
    forced === 0
      ? '<p class="unit">Each box is a token with the sum of log probabilities up to it, in nats. Press one to go on from there.</p>'
      : `<p>Goes on from ${begun.map((token) => `<span class="chip">${escaped(visibleToken(token))}</span>`).join('')}</p>`,
    treeOf(row, beam),
    '<h2>Hypotheses</h2>',
    '<table><thead><tr><th scope="col">score</th><th scope="col">Σ log p</th><th scope="col">text</th><th></th></tr></thead><tbody>',
    ...beam.hypotheses.map((hypothesis, k) => {
      const last = hypothesis.node === undefined ? undefined : beam.nodes[hypothesis.node];
      const text = hypothesis.tokens.map((token) => tokenOf(row, token)).join(joint(row));
      const cut = hypothesis.ended ? '' : ' <span class="unit">cut at its length</span>';
      return (
        `<tr${k === 0 ? ' class="best"' : ''}><td class="number">${numberText(hypothesis.score)}</td><td class="number">${last === undefined ? '' : numberText(last.sum)}</td>` +
        `<td><code>${escaped(text)}</code>${cut}</td><td><button type="button" class="link" data-action="debug" data-hypothesis="${k}">Step through it</button></td></tr>`
      );
    }),
    '</tbody></table>',
  ].join('\n');
}

function treeOf(row: WrittenRow, beam: NonNullable<WrittenRow['beam']>): string {
  const { nodes, columns, lanes } = placedTree(beam);
  const by = new Map(nodes.map((each) => [each.node.id, each]));
  const middle = (lane: number): number => lane * LANE + BOX.height / 2;
  const edges = nodes.flatMap(({ node, column, lane, fate }) => {
    const parent = node.parent === undefined ? undefined : by.get(node.parent);
    if (parent === undefined) return [];
    const [x, y] = [parent.column * COLUMN + BOX.width, middle(parent.lane)];
    const [to, at] = [column * COLUMN, middle(lane)];
    return [`<path class="${fate}" d="M${x} ${y}C${x + 10} ${y} ${to - 10} ${at} ${to} ${at}"/>`];
  });
  const boxes = nodes.map(({ node, column, lane, fate }) => {
    const token = tokenOf(row, node.token);
    const what = fate === 'best' ? 'in the best' : fate === 'kept' ? 'in a hypothesis' : 'given up';
    const said = `step ${node.step}, ${token}, log p ${numberText(node.logProbability)}, sum ${numberText(node.sum)}, score ${numberText(node.score)}, ${what}`;
    return (
      `<button type="button" class="node ${fate}${node.isForced ? ' forced' : ''}" style="left:${column * COLUMN}px;top:${lane * LANE}px" data-action="continue" data-node="${node.id}"` +
      `${node.isEnd ? ' disabled' : ''} title="${escaped(said)}" aria-label="${escaped(said)}"><b>${escaped(visibleToken(token))}</b><span>${numberText(node.sum)}</span></button>`
    );
  });
  const [width, height] = [columns * COLUMN, lanes * LANE];
  return (
    `<div class="scroll"><div class="beam" role="group" aria-label="Tree of hypotheses" style="width:${width}px;height:${height}px">` +
    `<svg viewBox="0 0 ${width} ${height}" style="width:${width}px;max-width:none;height:${height}px" aria-hidden="true">${edges.join('')}</svg>${boxes.join('')}</div></div>`
  );
}

const tokenOf = ({ words }: WrittenRow, token: number): string => words?.[token] ?? String(token);

/** Letters stand close, words apart. */
const joint = ({ words }: WrittenRow): string =>
  Object.values(words ?? {}).every((word) => word.length === 1 || word.startsWith('‹')) ? '' : ' ';
