// What the debugger reads with, and what it reads: a run (or the starting values), and a sequence. One list, the last choice on top.

import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import type { Engine } from '../engine/client.ts';
import type { Beginning, SequenceChoice, TraceRequest } from '../engine/requests.ts';
import { numberText } from '../shared/numbers.ts';
import type { RunSummary } from '../shared/training.ts';
import { listRuns, readRecord } from '../training/run.ts';

type Source = TraceRequest['source'];

export interface Chosen {
  readonly source: Source;
  readonly sequence: SequenceChoice;
}

/** Timesteps of a sequence out of the data. */
export const defaultLength = 400;

interface Item extends vscode.QuickPickItem {
  readonly chosen?: SequenceChoice | 'typed' | 'file' | 'run' | 'written';
}

/** Asks for a sequence, and for a run where that is wished; undefined where the person turned away. `source`: what to read with at first. */
export async function chooseSequence(
  file: string,
  source: Source,
  engine: () => Engine,
  memory: vscode.Memento,
): Promise<Chosen | undefined> {
  const pick = vscode.window.createQuickPick<Item>();
  let current = source;
  const key = `sequence:${file}`;
  const last = memory.get<SequenceChoice>(key);
  /** What the model writes itself is stepped through, instead of what people wrote. */
  let written = last?.kind === 'written';
  const asWished = (sequence: SequenceChoice): SequenceChoice =>
    written && (sequence.kind === 'text' || sequence.kind === 'example') ? { kind: 'written', source: sequence } : sequence;

  const fill = (beginnings: readonly Beginning[] | Error | undefined): void => {
    const typed = pick.value.trim();
    const own: Item =
      typed === '' ? { label: '$(edit) Type a text ...', chosen: 'typed' } : { label: `$(edit) Read “${typed}”`, chosen: 'typed' };
    const answers = !(beginnings instanceof Error) && (beginnings?.some((each) => each.answers) ?? false);
    const whose: Item = {
      label: written ? '$(check) What the model writes' : '$(circle-large-outline) What the model writes',
      description: written ? 'for what is chosen below; choose it to see what people wrote' : 'instead of what people wrote',
      chosen: 'written',
      alwaysShow: true,
    };
    pick.items = [
      ...(answers ? [whose] : []),
      ...(last === undefined ? [] : [{ label: `$(history) ${sequenceText(last)}`, description: 'as last time', chosen: last }]),
      separator(answers ? 'Held-out examples' : 'Held-out text'),
      ...(beginnings instanceof Error ? [{ label: '$(warning) The text cannot be read', detail: beginnings.message }] : []),
      ...(beginnings instanceof Error ? [] : (beginnings ?? [])).map(({ sequence, text, detail }): Item => {
        return {
          label: written && answers ? text.replace(/ → .*$/s, ' → …') : text,
          description: detail,
          chosen: sequence,
        };
      }),
      separator('A text of your own'),
      { ...own, alwaysShow: true },
      { label: '$(file) Choose a text file ...', chosen: 'file' as const },
      separator('Weights'),
      { label: `$(layers) ${sourceText(current)}`, description: 'choose another run', chosen: 'run' as const },
    ];
  };
  let known: readonly Beginning[] | Error | undefined;
  const load = async (): Promise<void> => {
    pick.title = `${sourceText(current)} reads ...`;
    pick.busy = true;
    const asked = current;
    known = await engine()
      .request('beginnings', { source: asked, count: 12 })
      .catch((error: Error) => error);
    if (asked !== current) return;
    pick.busy = false;
    fill(known);
  };
  pick.placeholder = 'A sequence to step through, or type one';
  pick.onDidChangeValue(() => fill(known));
  fill(undefined);
  void load();
  try {
    for (;;) {
      const item = await accepted(pick);
      if (item === undefined) return undefined;
      if (item.chosen === 'run') {
        const run = await chooseRun(file);
        if (run === undefined) continue;
        current = run;
        pick.value = '';
        void load();
        fill(undefined);
        continue;
      }
      if (item.chosen === 'written') {
        written = !written;
        fill(known);
        continue;
      }
      const found = await sequenceOf(item.chosen, pick.value.trim());
      if (found === undefined) continue;
      const isTyped = found.kind === 'text' && item.chosen === 'typed';
      const sequence = isTyped ? await withWritten(found, current, engine()) : asWished(found);
      if (sequence === undefined) continue;
      await memory.update(key, sequence);
      return { source: current, sequence };
    }
  } finally {
    pick.dispose();
  }
}

const separator = (label: string): Item => ({ label, kind: vscode.QuickPickItemKind.Separator });

/** Shows the list until something is accepted, or it is left. */
function accepted(pick: vscode.QuickPick<Item>): Promise<Item | undefined> {
  return new Promise((resolve) => {
    const listeners: vscode.Disposable[] = [];
    const end = (item: Item | undefined): void => {
      for (const listener of listeners) listener.dispose();
      resolve(item);
    };
    listeners.push(
      pick.onDidAccept(() => end(pick.selectedItems[0])),
      pick.onDidHide(() => end(undefined)),
    );
    pick.show();
  });
}

async function sequenceOf(chosen: Item['chosen'], typed: string): Promise<SequenceChoice | undefined> {
  if (typeof chosen === 'object') return chosen;
  if (chosen === 'file') {
    const [uri] = (await vscode.window.showOpenDialog({ title: 'A text file for the model to read', openLabel: 'Read' })) ?? [];
    return uri === undefined ? undefined : { kind: 'file', path: uri.fsPath };
  }
  const text = typed !== '' ? typed : await vscode.window.showInputBox({ prompt: 'A text for the model to read', ignoreFocusOut: true });
  return text === undefined || text === '' ? undefined : { kind: 'text', text };
}

/** Of a model that writes when it has read: also what it writes, typed, or as it writes it. Undefined where the person turned away. */
async function withWritten(
  read: Extract<SequenceChoice, { kind: 'text' }>,
  source: Source,
  engine: Engine,
): Promise<SequenceChoice | undefined> {
  if (source.kind !== 'run') return read;
  const run = source.folder;
  const { name, isClass } = await engine.request('sourceOf', { run, examples: false });
  if (name === undefined || isClass) return read;
  const prompt = `What ${basename(run)} writes when it has read “${read.text}”. Leave it empty to see what it writes by itself.`;
  const writes = await vscode.window.showInputBox({ prompt, ignoreFocusOut: true });
  if (writes === undefined) return undefined;
  if (writes.trim() !== '') return { ...read, writes };
  return { kind: 'written', source: read };
}

/** The runs of a source file, and its starting values; undefined where the person turned away. */
export async function chooseRun(file: string): Promise<Source | undefined> {
  const items = [
    ...(await runsOf(file)).map((run) => ({
      label: run.name,
      description: `step ${numberText(run.step)}${run.validationLoss === undefined ? '' : ` · validation ${numberText(run.validationLoss)}`}`,
      detail: run.settings,
      source: { kind: 'run', folder: run.folder } as Source,
    })),
    { label: 'Untrained', description: 'the starting values', detail: '', source: { kind: 'file', file } as Source },
  ];
  const item = await vscode.window.showQuickPick(items, { title: `Weights for ${basename(file)}`, placeHolder: 'A run' });
  return item?.source;
}

/** What a source file is read with unless something else is chosen: its newest run, else its starting values. */
export async function newestSource(file: string, model?: string): Promise<Source> {
  const run = (await runsOf(file)).find((each) => model === undefined || each.model === model);
  return run === undefined ? { kind: 'file', file, ...(model === undefined ? {} : { model }) } : { kind: 'run', folder: run.folder };
}

/** The runs beside a source file that were trained from it, the newest first. */
export async function runsOf(file: string): Promise<RunSummary[]> {
  const runs = await listRuns(vscode.Uri.joinPath(vscode.Uri.file(dirname(file)), 'runs').fsPath);
  const records = await Promise.all(runs.map((run) => readRecord(run.folder)));
  return runs.filter((_, k) => basename(records[k]!.file) === basename(file));
}

export const sourceText = (source: Source): string =>
  source.kind === 'run' ? basename(source.folder) : `${basename(source.file)}${source.kind === 'file' ? ', untrained,' : ''}`;

function sequenceText(sequence: SequenceChoice): string {
  switch (sequence.kind) {
    case 'text':
      if (sequence.writes === undefined) return `“${sequence.text}”`;
      return `“${sequence.text}” → ${typeof sequence.writes === 'string' ? `“${sequence.writes}”` : 'as it was written'}`;
    case 'file':
      return basename(sequence.path);
    case 'data':
      return `${sequence.part} text, ${numberText(sequence.length)} steps from t = ${numberText(sequence.from)}`;
    case 'example':
      return `${sequence.part} example ${numberText(sequence.index)}`;
    case 'written':
      return `what the model writes for ${sequenceText(sequence.source)}`;
    case 'given':
      return 'the chosen input';
  }
}
