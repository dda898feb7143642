// What the gradients of a model of others are of: the sum of an output, a part of it, or its loss against a target in a file.

import * as vscode from 'vscode';
import { type OutputObjective, objectiveText, outputObjectiveOf } from '../shared/objective.ts';
import type { Objective, TraceDescription } from '../shared/trace.ts';
import { askText, doneAsking, pickOne } from './asking.ts';
import { readableFiles } from './input-texts.ts';

type Outputs = NonNullable<TraceDescription['outputs']>;

interface Item extends vscode.QuickPickItem {
  readonly objective?: OutputObjective;
  readonly loss?: 'mse' | 'cross_entropy';
}

/** Undefined where the person turned away. */
export async function chooseObjective(outputs: Outputs, now: Objective): Promise<OutputObjective | undefined> {
  try {
    const items: Item[] = [
      ...outputs.map(({ name, dims }): Item => {
        const objective: OutputObjective = { kind: 'output', output: name };
        return { label: `Sum of ${name}`, description: shapeText(dims), objective };
      }),
      { label: 'An element or a part ...', description: 'by its place along each axis' },
      { label: 'Mean squared error ...', description: 'against numbers in a file', loss: 'mse' },
      { label: 'Cross-entropy ...', description: 'against classes or distributions in a file', loss: 'cross_entropy' },
    ];
    const item = await pickOne(items, { title: `Gradients of ... (now ${objectiveText(now)})` });
    if (item === undefined) return undefined;
    return item.objective ?? (await (item.loss === undefined ? askPart(outputs, now) : askLoss(outputs, item.loss)));
  } finally {
    doneAsking();
  }
}

const shapeText = (dims: readonly number[]): string => `[${dims.join(', ')}]`;

async function askPart(outputs: Outputs, now: Objective): Promise<OutputObjective | undefined> {
  const [{ name, dims }] = outputs as readonly [Outputs[number]];
  const value = now.kind === 'output' && now.index !== undefined ? objectiveText(now) : `${name}[${dims.map(() => ':').join(', ')}]`;
  const text = await askText({
    title: 'Gradients of a part of an output',
    prompt: `A number is a place, a negative one counts from the end, : is all. ${outputs.map((each) => `${each.name} is ${shapeText(each.dims)}`).join('; ')}`,
    value,
    fault: (each) => partFault(each, outputs),
  });
  return text === undefined ? undefined : outputObjectiveOf(text);
}

/** What is wrong with a part as it is written. */
export function partFault(text: string, outputs: Outputs): string | undefined {
  const objective = outputObjectiveOf(text);
  const found = outputs.find(({ name }) => name === objective?.output);
  if (objective?.kind !== 'output' || found === undefined)
    return `Write an output and places, as ${outputs[0]!.name}[${outputs[0]!.dims.map(() => 0).join(', ')}].`;
  const { dims, name } = found;
  const index = objective.index ?? dims.map(() => null);
  if (index.length !== dims.length) return `${name} is ${shapeText(dims)}: it takes ${dims.length} places.`;
  const odd = index.findIndex((each, k) => each !== null && !(each >= -dims[k]! && each < dims[k]!));
  return odd < 0 ? undefined : `${name} is ${shapeText(dims)}: along axis ${odd} there is no ${index[odd]}.`;
}

async function askLoss(outputs: Outputs, loss: 'mse' | 'cross_entropy'): Promise<OutputObjective | undefined> {
  const items = outputs.map(({ name, dims }) => ({ label: name, description: shapeText(dims) }));
  const output = items.length === 1 ? items[0] : await pickOne(items, { title: 'The loss of which output?' });
  if (output === undefined) return undefined;
  const title = `The target of ${output.label}`;
  const [uri] = (await vscode.window.showOpenDialog({ title, openLabel: 'Take as Target', filters: readableFiles })) ?? [];
  return uri === undefined ? undefined : { kind: 'against', loss, output: output.label, target: uri.fsPath };
}
