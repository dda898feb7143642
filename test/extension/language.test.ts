import assert from 'node:assert/strict';
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { eventually, smallModel } from './workspace.ts';

describe('the language in the editor', () => {
  let document: vscode.TextDocument;
  before(async () => {
    document = await vscode.workspace.openTextDocument(smallModel().source);
    await vscode.window.showTextDocument(document);
  });

  const at = (text: string): vscode.Position => document.positionAt(document.getText().indexOf(text));

  it('underlines a fault at its place, and takes it away again', async () => {
    const edit = new vscode.WorkspaceEdit();
    const range = new vscode.Range(at('lstm'), at('lstm').translate(0, 4));
    edit.replace(document.uri, range, 'lstn');
    await vscode.workspace.applyEdit(edit);
    const fault = await eventually('a diagnostic', () => vscode.languages.getDiagnostics(document.uri)[0]);
    assert.match(fault.message, /lstn/);
    assert.equal(document.getText(fault.range), 'lstn');
    const back = new vscode.WorkspaceEdit();
    back.replace(document.uri, range, 'lstm');
    await vscode.workspace.applyEdit(back);
    await eventually('no diagnostics', () => vscode.languages.getDiagnostics(document.uri).length === 0 || undefined);
  });

  it('tells shapes on hover', async () => {
    const hovers = await vscode.commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', document.uri, at('logits ='));
    const text = hovers.flatMap(({ contents }) => contents.map((each) => (typeof each === 'string' ? each : each.value))).join('\n');
    assert.match(text, /\[T, Char\]/);
  });

  it('finds the definition of a cell of the library', async () => {
    type Found = (vscode.Location | vscode.LocationLink)[];
    const [found] = await vscode.commands.executeCommand<Found>('vscode.executeDefinitionProvider', document.uri, at('lstm('));
    const uri = found instanceof vscode.Location ? found.uri : found!.targetUri;
    assert.equal(basename(uri.fsPath), 'recurrent.rnn');
    assert.match((await vscode.workspace.openTextDocument(uri)).getText(), /^cell lstm\(/m);
  });

  it('completes the names of cells', async () => {
    const list = await vscode.commands.executeCommand<vscode.CompletionList>(
      'vscode.executeCompletionItemProvider',
      document.uri,
      at('lstm(').translate(0, 2),
    );
    const labels = list.items.map(({ label }) => (typeof label === 'string' ? label : label.label));
    assert.ok(labels.includes('lstm'), labels.join());
  });

  it('offers Train above the statement, and Debug, Analyse and Export above the model', async () => {
    const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', document.uri);
    const texts = lenses.map(({ range, command }) => `${range.start.line + 1} ${command!.title.replace(/\$\([\w-]+\) /, '')}`);
    assert.deepEqual(texts.toSorted(), ['1 Analyse Memory', '1 Debug', '1 Export', '10 Train', '8 Preview Data']);
  });
});
