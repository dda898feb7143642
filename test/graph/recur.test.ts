import { Builder } from '../../src/graph/builder.ts';
import { tensor } from '../../src/graph/graph.ts';
import { B, type CellName, cellModel, cells, layer, T } from './cells.ts';
import { checkGradients } from './numeric.ts';

const sizes = { T: 4, B: 2 };

describe('gradients through recurrences equal central differences', () => {
  for (const name of Object.keys(cells) as CellName[]) {
    for (const reverse of [false, true]) {
      it(`${name}${reverse ? ', from the end' : ''}`, () => {
        const { graph, objective } = cellModel(name, { I: 2, H: 3, reverse });
        checkGradients(graph, objective, sizes);
      });
    }
  }

  it('two layers, both directions', () => {
    const b = new Builder();
    const x = b.parameter(tensor([T, B, { name: 'I', size: 2 }]), 'x');
    const forward = layer(b, 'gru', x, 2, { prefix: 'forward.' }).lines["h'"]!;
    const backward = layer(b, 'lstm', x, 3, { prefix: 'backward.', reverse: true }).lines["h'"]!;
    const both = b.concat([forward, backward], ['H', 'H'], { name: 'K', size: 5 });
    const above = layer(b, 'rnn', both, 2, { prefix: 'above.' }).lines["h'"]!;
    const objective = b.sum(b.times(above, above));
    checkGradients(b.graph([objective]), objective, sizes);
  });
}).timeout(30_000);
