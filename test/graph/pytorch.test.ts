import { differentiate } from '../../src/graph/differentiate.ts';
import type { Value } from '../../src/graph/graph.ts';
import { arranged, interpret, type NamedArray } from '../../src/graph/interpret.ts';
import { cellOracles, type Oracle } from '../oracles/oracles.ts';
import { cellModel } from './cells.ts';
import { array, assertClose } from './numeric.ts';

const sizes = { T: 5, B: 2 };

describe('values and gradients equal those of PyTorch', () => {
  for (const [name, oracle] of Object.entries(cellOracles())) {
    it(name, () => {
      const { graph, objective, layer } = cellModel(name as keyof ReturnType<typeof cellOracles>);
      const feeds = new Map(graph.parameters.map((parameter) => [parameter, fed(parameter, oracle.feeds[parameter.name!]!)]));
      const lines = Object.keys(oracle.lines).map((line) => layer.lines[line]!);
      const direction = graph.parameters.find((parameter) => parameter.name === 'direction')!;
      const parameters = graph.parameters.filter((parameter) => parameter !== direction);
      const derivative = differentiate(graph, objective, [...parameters, ...lines]);
      // Lines have the axes of the direction, [T, B, H].
      const hidden = lines.map(() => direction);
      const like = [objective, ...hidden, ...parameters, ...hidden];
      const results = [objective, ...lines, ...derivative.gradients];
      const found = interpret({ ...derivative.graph, results }, feeds, sizes).map(
        (value, k) => arranged(value, array(like[k]!, sizes, () => 0).axes).data,
      );
      const expected: [string, Oracle][] = [
        ['objective', oracle.objective],
        ...Object.entries(oracle.lines),
        ...parameters.map((parameter): [string, Oracle] => [`gradient of ${parameter.name}`, oracle.gradients[parameter.name!]!]),
        ...Object.entries(oracle.lineGradients).map(([line, gradient]): [string, Oracle] => [`gradient of ${line}`, gradient]),
      ];
      expected.forEach(([what, { data }], k) => {
        assertClose(found[k]!, data, 1e-9, what);
      });
    });
  }
});

function fed(parameter: Value, { data }: Oracle): NamedArray {
  return array(parameter, sizes, (place) => data[place]!);
}
