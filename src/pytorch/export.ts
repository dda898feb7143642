// A trained model for PyTorch: a module that a person would have liked to write, its weights, and a program that trains it on.

import { basename } from 'node:path';
import type { Instance } from '../language/check/core.ts';
import { checkModel } from '../language/check/definitions.ts';
import { buildModel, inputShapes, type ModelArguments, type Program } from '../language/index.ts';
import type { KeptData } from '../shared/dataset.ts';
import type { DataSource, TrainSettings } from '../shared/settings.ts';
import { examplesScript } from './examples-script.ts';
import { type ModuleText, writeModule } from './model.ts';
import { supportText } from './support.ts';
import { trainScript } from './train-script.ts';

export interface PytorchSource {
  readonly program: Program;
  readonly model: string;
  readonly arguments?: ModelArguments;
  /** Lengths that data binds to a number: of vocabularies, and of other dimensions. */
  readonly sizes: Readonly<Record<string, number>>;
}

export interface PytorchExport extends Omit<PytorchSource, 'sizes'> {
  readonly kept: KeptData;
  readonly source: DataSource;
  readonly settings: TrainSettings;
  /** The weights as a safetensors file, by the names of the source. */
  readonly weights: readonly Uint8Array[];
  /** The sources by file name: kept beside the module. */
  readonly sources: ReadonlyMap<string, string>;
}

/** The files of a folder, by name. Throws ModelFaults where the program is not sound, PytorchError where a line has no counterpart. */
export function exportPytorch({ kept, source, settings, weights, sources, ...rest }: PytorchExport): Map<string, readonly Uint8Array[]> {
  const counts = Object.entries(kept.vocabularies).map(([dimension, { tokens }]) => [dimension, tokens.length] as const);
  const module = writePytorch({ ...rest, sizes: { ...kept.sizes, ...Object.fromEntries(counts) } });
  const shapes = inputShapes(rest.program, { model: rest.model, arguments: rest.arguments ?? {} });
  const data = {
    class: module.className,
    inputs: shapes.map(({ name, shape, classes, predicted, compared, network }) => ({
      ...{ name, shape, classes: classes ?? null, predicted, compared },
      // paths of this machine say nothing on another
      network: network === undefined ? null : { ...network, path: basename(network.path) },
    })),
    arguments: Object.fromEntries(module.inputs.filter(({ ahead }) => !ahead).map(({ input, name }) => [input, name])),
    lengths: Object.fromEntries(module.lengths.map(({ dimension, argument }) => [dimension, argument])),
    read: [...module.read, ...module.forwardLengths.map(({ argument }) => argument)],
    ...kept,
    source: Object.fromEntries(
      Object.entries(source).map(([name, value]) =>
        ['path', 'captions', 'alignments'].includes(name) ? [name, basename(String(value))] : [name, value],
      ),
    ),
    settings: { ...settings, start: undefined },
  };
  const texts: [string, string][] = [
    ['model.py', module.text],
    ['support.py', supportText],
    ['train.py', trainScript],
    ['examples.py', examplesScript],
    ['data.json', `${JSON.stringify(data, null, 1)}\n`],
    ['README.md', readme(module, rest.model)],
    ...[...sources].filter(([name]) => !name.startsWith('@')).map(([name, text]) => [`source/${name}`, text] as [string, string]),
  ];
  return new Map([...texts.map(([name, text]) => [name, [Buffer.from(text)]] as const), ['weights.safetensors', weights] as const]);
}

/** The text of model.py. */
export function writePytorch({ program, model, arguments: given = {}, sizes }: PytorchSource): ModuleText {
  const { states } = buildModel(program, { model, arguments: given, classes: sizes });
  const root = checkModel(program.model(model), program.main, given, () => undefined);
  const byPath = new Map<string, Instance>();
  const walk = (instance: Instance): void => {
    byPath.set(instance.path, instance);
    instance.nested.forEach(walk);
  };
  walk(root);
  // the state of a cell that is called within a step is part of the run around it
  const runOf = (path: string): string => {
    let found = byPath.get(path)!;
    while (found.lift.length === 0 && found.parent !== undefined) found = found.parent;
    return found.path;
  };
  const carried = [...new Set(states.map(({ instance }) => runOf(instance)))].filter((path) => path !== '');
  return writeModule(root, (name) => sizes[name], carried);
}

const readme = ({ className, read, forwardLengths }: ModuleText, model: string): string => `# ${model}, for PyTorch

Exported by Unroll. Needs PyTorch (1.13 or newer) and nothing else.

| file | what it is |
|---|---|
| \`model.py\` | the model: one class a cell, its equations one a line, parameters with the names of the source |
| \`support.py\` | what its classes use: the loop over time, masks by lengths, losses, the reader and writer of weights |
| \`weights.safetensors\` | the trained weights, by the names of the source |
| \`data.json\` | vocabularies, scales of normalised numbers, and the settings of the training |
| \`train.py\` | trains it on: \`python train.py --data FILE\`, or \`torchrun --nproc_per_node 4 train.py --data FILE\` |
| \`examples.py\` | reads the data, or draws the tasks \`dates\`, \`shapes\` and \`repeating\`; images need Pillow, networks from files onnxruntime |
| \`source/\` | the \`.rnn\` source |

    import model, support

    network = model.${className}()
    support.load_weights(network, "weights.safetensors")
    network.eval()
    scores = network(${[...read, ...forwardLengths.map(({ argument }) => `${argument}=None`)].join(', ')})

Tensors have the batch first, then time. Cells are written out, and not taken from \`torch.nn\`: so every line of the source is a line here, padding is
treated as the source has it, and a changed equation is a changed line. What is held out of a table, and what a generated task
draws, is drawn by Python's own chance, and so is other than in Unroll. A file of weights that \`train.py\` writes comes back with \`unroll import FILE.rnn --weights trained.safetensors --out RUN\`.
`;
