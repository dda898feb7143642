// Where a trained model looks, in numbers: node scripts/attention/measure.ts RUN, a run of the task `dates`, of images with boxes, or of pairs with alignments.

import { openRunModel } from '../../src/engine/job.ts';
import { boxFigures, dateFigures, decodedTest, type Figure, pairFigures } from './looked.ts';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('Which run? node scripts/attention/measure.ts RUN');
const { run, shapes } = await openRunModel(folder);
const { rows, exact } = await decodedTest(folder);
const text = ({ right, weight, count }: Figure): string =>
  `${(100 * right).toFixed(1)} % at the right place, mean weight ${weight.toFixed(2)} (${count})`;
const lines = [`${rows.length} rows decoded greedily: ${(100 * exact).toFixed(1)} % exact`];
const { data } = run.record;
if (data.kind === 'task' && data.task === 'dates')
  lines.push(...Object.entries(dateFigures(rows)).map(([part, figure]) => `digits of the ${part}: ${text(figure)}`));
if (rows.some(({ boxes }) => boxes.length > 0)) {
  const size = Number(shapes.find(({ name }) => name === 'image')!.shape.at(-1));
  lines.push(`colours and nouns: ${text(boxFigures(rows, size))}`);
}
if (rows.some(({ links }) => links !== undefined)) {
  const { errorRate, crossed } = pairFigures(rows);
  lines.push(`alignment error rate ${errorRate.toFixed(3)}`, `words that cross: ${text(crossed)}`);
}
process.stdout.write(`${lines.join('\n')}\n`);
process.exit(0);
