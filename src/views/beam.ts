// `Unroll: Show Beam`: the tree of a beam search, gone on from wherever one likes, and stepped through.

import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { Engine } from '../engine/client.ts';
import type { SourceChoice } from '../engine/requests.ts';
import { sourceText } from '../engine/source-text.ts';
import { pathOf } from '../training/decoding/beam.ts';
import type { WrittenRow } from '../training/decoding/write.ts';
import { readRecord } from '../training/run.ts';
import { askForSource } from './ask-source.ts';
import { beamPage } from './pages/beam-page.ts';
import { PageView } from './pages/page-view.ts';

const WIDTH = 3;

/** Asks what the model shall read, unless it is said, and opens the page. */
export async function showBeam(run: string, engine: Engine, memory: vscode.Memento, given?: SourceChoice): Promise<void> {
  const source = await engine.request('sourceOf', { run });
  const read = given ?? (source.reads ? await askForSource(run, source, memory) : undefined);
  if (source.reads && read === undefined) return;
  const view = PageView.beside('unroll.beam', `Beam: ${basename(run)}`);
  const text = read === undefined ? '' : sourceText(read);
  let [width, prefix]: [number, readonly number[]] = [WIDTH, []];
  let row: WrittenRow | undefined;
  let asked = 0;
  const search = async (): Promise<void> => {
    const own = ++asked;
    try {
      const sources = read === undefined ? {} : { sources: [read] };
      const goesOn = prefix.length === 0 ? {} : { continue: prefix };
      const { rows } = await engine.request('generate', { run, beam: width, ...sources, ...goesOn });
      if (own !== asked) return;
      row = rows[0];
      if (row !== undefined) view.show(beamPage({ run: basename(run), source: text, row, forced: prefix.length, width }));
    } catch (error) {
      view.failed(error instanceof Error ? error.message : String(error));
    }
  };
  view.onAction(({ action, node, width: wanted, hypothesis }) => {
    if (action === 'debug') {
      const chosen = row?.beam?.hypotheses[Number(hypothesis)];
      if (read !== undefined && chosen !== undefined) void debugWritten(run, read, chosen.tokens, !chosen.ended);
      return;
    }
    if (action === 'width') width = Number(wanted);
    if (action === 'whole') prefix = [];
    const nodes = row?.beam?.nodes ?? [];
    const last = nodes[Number(node)];
    if (action === 'continue' && last !== undefined) prefix = pathOf(nodes, last).map(({ token }) => token);
    void search();
  });
  view.loading(`${basename(run)} searches`);
  await search();
}

/** Steps through tokens that a run has written. */
async function debugWritten(run: string, source: SourceChoice, ids: readonly number[], cut: boolean): Promise<void> {
  const { file } = await readRecord(run);
  await vscode.debug.startDebugging(vscode.workspace.getWorkspaceFolder(vscode.Uri.file(file)), {
    name: `Step through ${basename(run)}`,
    type: 'unroll',
    request: 'launch',
    program: file,
    trace: { source: { kind: 'run', folder: run }, sequence: { kind: 'written', source, ids, cut } },
  });
}
