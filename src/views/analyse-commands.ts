// `Unroll: Analyse Memory`: of a run, of a source (one of its runs, or as it starts), or of an ONNX model.

import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { ForeignInfo, ForeignInput } from '../shared/foreign.ts';
import { numberText } from '../shared/numbers.ts';
import type { RunSummary } from '../shared/training.ts';
import type { Analyses, Subject } from './analyses.ts';
import { doneAsking, pickOne } from './asking.ts';
import { runsOf } from './choose-sequence.ts';
import { activeOnnx } from './onnx-editor.ts';
import { isOnnx, type OnnxModels } from './onnx-models.ts';

export interface AnalyseParts {
  readonly analyses: Analyses;
  readonly models: OnnxModels;
  readonly chooseInput: (info: ForeignInfo) => Promise<ForeignInput | undefined>;
  readonly memory: vscode.Memento;
  readonly runs: () => Promise<readonly RunSummary[]>;
  /** The source that is given or in the editor, saved. */
  readonly sourceOf: (target: vscode.Uri | undefined) => Promise<vscode.TextDocument>;
}

type Target = vscode.Uri | RunSummary | string;

/** Of what is given; else of what is in the editor; else of a run that is asked for. */
export async function analyse(target: Target | undefined, model: string | undefined, parts: AnalyseParts): Promise<void> {
  const subject = await subjectOf(target, model, parts);
  if (subject !== undefined) parts.analyses.show(subject);
}

async function subjectOf(target: Target | undefined, model: string | undefined, parts: AnalyseParts): Promise<Subject | undefined> {
  if (typeof target === 'string') return { kind: 'run', folder: target };
  if (target !== undefined && !(target instanceof vscode.Uri)) return { kind: 'run', folder: target.folder };
  const onnx = target ?? activeOnnx();
  if (onnx !== undefined && isOnnx(onnx.fsPath)) {
    const info = await parts.models.info(onnx.fsPath);
    if (info.parts.length === 0)
      throw new Error(`Nothing in ${basename(info.path)} is recurrent: it has no memory that could be measured.`);
    const input = await parts.chooseInput(info);
    return input === undefined ? undefined : { kind: 'onnx', info, input };
  }
  const isSource = target !== undefined || vscode.window.visibleTextEditors.some(({ document }) => document.languageId === 'unroll');
  if (isSource) return ofSource((await parts.sourceOf(target)).fileName, model, parts.memory);
  const runs = await parts.runs();
  if (runs.length === 0) throw new Error('Open a .rnn or an .onnx file first: its memory is analysed, trained or not.');
  const chosen = await pickOne(
    runs.map((run) => ({ label: run.name, description: run.settings, run })),
    { title: 'Analyse Memory', placeHolder: 'Of which run?' },
  );
  doneAsking();
  return chosen === undefined ? undefined : { kind: 'run', folder: chosen.run.folder };
}

/** One of its runs, or as it starts; where it has runs it is asked, and what was chosen stands first the next time. */
async function ofSource(file: string, model: string | undefined, memory: vscode.Memento): Promise<Subject | undefined> {
  const untrained: Subject = { kind: 'file', file, ...(model === undefined ? {} : { model }) };
  const runs = (await runsOf(file)).filter((run) => model === undefined || run.model === model);
  if (runs.length === 0) return untrained;
  const items: (vscode.QuickPickItem & { readonly subject: Subject })[] = [
    ...runs.map((run) => ({
      label: run.name,
      description: `step ${numberText(run.step)}${run.validationLoss === undefined ? '' : ` · validation ${numberText(run.validationLoss)}`}`,
      detail: run.settings,
      subject: { kind: 'run', folder: run.folder } as Subject,
    })),
    { label: 'Untrained', description: 'the starting values', subject: untrained },
  ];
  const key = `unroll.analysed ${file} ${model ?? ''}`;
  const last = memory.get<string>(key);
  const chosen = await pickOne(items, {
    title: `Analyse the memory of ${model ?? basename(file)}`,
    placeHolder: 'Trained, or as it starts?',
    ...(last === undefined ? {} : { active: last }),
  });
  doneAsking();
  if (chosen !== undefined) await memory.update(key, chosen.label);
  return chosen?.subject;
}
