// The language server over its protocol, with files on the disk.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  createProtocolConnection,
  type Diagnostic,
  type ProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-languageserver/node';

const main = `use "cells.rnn"

model Names(name: [T] of Letter, language: one of Language) {
  x      = embed(name, 8)
  h      = mine(x, 16)
  logits = linear(last(h), Language)
  loss   = cross_entropy(logits, language)
}

data names = table("names.csv", by: char)

train Names on names {
  epochs: 5
}
`;
const cells = "cell mine(x: [I], size H) {\n  state h: [H]\n\n  h' = tanh(linear([x; h], H))\n}\n";

describe('the language server', () => {
  let folder: string;
  let server: ChildProcess;
  let connection: ProtocolConnection;
  const told = new Map<string, Diagnostic[]>();
  let waiting: (() => void) | undefined;
  const uriOf = (name: string): string => pathToFileURL(join(folder, name)).href;
  const uri = (): string => uriOf('main.rnn');

  /** Waits until what is told of a file is as wanted. */
  const until = (name: string, isWanted: (found: readonly Diagnostic[]) => boolean): Promise<void> =>
    new Promise((resolve) => {
      waiting = () => {
        const found = told.get(uriOf(name));
        if (found !== undefined && isWanted(found)) resolve();
      };
      waiting();
    });

  before(async function () {
    this.timeout(20_000);
    folder = mkdtempSync(join(tmpdir(), 'unroll-server-'));
    writeFileSync(join(folder, 'main.rnn'), main);
    writeFileSync(join(folder, 'cells.rnn'), cells);
    writeFileSync(join(folder, 'names.csv'), 'name,lang\nAda,English\nEmmy,German\n');
    server = spawn(process.execPath, [fileURLToPath(new URL('../../src/language/server.ts', import.meta.url)), '--stdio'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    connection = createProtocolConnection(new StreamMessageReader(server.stdout!), new StreamMessageWriter(server.stdin!));
    connection.onNotification('textDocument/publishDiagnostics', (given: { uri: string; diagnostics: Diagnostic[] }) => {
      told.set(given.uri, given.diagnostics);
      waiting?.();
    });
    connection.listen();
    const workspaceFolders = [{ uri: pathToFileURL(folder).href, name: 'models' }];
    await connection.sendRequest('initialize', { capabilities: {}, processId: process.pid, rootUri: null, workspaceFolders });
    await connection.sendNotification('initialized', {});
    await connection.sendNotification('textDocument/didOpen', {
      textDocument: { uri: uri(), languageId: 'unroll', version: 1, text: main },
    });
  });
  after(() => {
    connection.dispose();
    server.kill();
    rmSync(folder, { recursive: true });
  });

  const ask = <Answer>(method: string, params: object = {}): Promise<Answer> =>
    connection.sendRequest(`textDocument/${method}`, { textDocument: { uri: uri() }, ...params });
  const at = (line: number, character: number): { position: { line: number; character: number } } => ({ position: { line, character } });
  const change = (version: number, line: number, character: number, length: number, text: string): Promise<void> =>
    connection.sendNotification('textDocument/didChange', {
      textDocument: { uri: uri(), version },
      contentChanges: [{ range: { start: { line, character }, end: { line, character: character + length } }, text }],
    });

  it('tells what the data file says, and repairs it', async () => {
    await until('main.rnn', (found) => found.some(({ code }) => code === 'column'));
    const diagnostics = told.get(uri())!;
    assert.match(String(diagnostics[0]?.message), /names\.csv has no column `language`, which the model Names wants\. It has name, lang\./);
    const actions = await ask<{ title: string }[]>('codeAction', { range: diagnostics[0]!.range, context: { diagnostics } });
    assert.ok(actions.some(({ title }) => title === 'Take `language` from the column `lang`'));
  }).timeout(20_000);

  it('answers what editors ask', async () => {
    const range = { start: { line: 0, character: 0 }, end: { line: 14, character: 0 } };
    const hover = await ask<{ contents: { value: string } }>('hover', at(4, 12));
    assert.match(hover.contents.value, /cell mine/);
    const items = await ask<{ label: string }[]>('completion', at(4, 16));
    assert.ok(items.some(({ label }) => label === 'x'));
    const found = await ask<{ uri: string }[]>('references', { ...at(4, 12), context: { includeDeclaration: true } });
    assert.deepEqual(found.map((each) => each.uri.split('/').at(-1)).sort(), ['cells.rnn', 'main.rnn']);
    const others = await ask<{ uri: string }[]>('references', { ...at(4, 12), context: { includeDeclaration: false } });
    assert.deepEqual(
      others.map((each) => each.uri.split('/').at(-1)),
      ['main.rnn'],
    );
    assert.deepEqual(await ask('formatting', { options: { tabSize: 2, insertSpaces: true } }), []);
    assert.equal((await ask<unknown[]>('inlayHint', { range })).length, 3);
    assert.equal((await ask<{ signatures: unknown[] }>('signatureHelp', at(4, 19))).signatures.length, 1);
    assert.equal((await ask<unknown[]>('documentSymbol')).length, 3);
    assert.equal((await ask<unknown[]>('foldingRange')).length, 2);
    assert.equal((await ask<unknown[]>('documentLink')).length, 2);
    assert.equal((await ask<unknown[]>('selectionRange', { positions: [{ line: 4, character: 12 }] })).length, 1);
    assert.equal((await ask<unknown[]>('documentHighlight', at(4, 2))).length, 2);
    const symbols = await connection.sendRequest<{ name: string }[]>('workspace/symbol', { query: 'nms' });
    assert.deepEqual(
      symbols.map(({ name }) => name),
      ['Names', 'names'],
    );
  }).timeout(20_000);

  it('renames in all files, and refuses with a reason', async () => {
    const edit = await ask<{ changes: Record<string, unknown[]> }>('rename', { ...at(4, 12), newName: 'slow' });
    assert.deepEqual(
      Object.entries(edit.changes)
        .map(([of, edits]) => [of.split('/').at(-1), edits.length])
        .sort(),
      [
        ['cells.rnn', 1],
        ['main.rnn', 1],
      ],
    );
    await assert.rejects(ask('rename', { ...at(4, 12), newName: 'lstm' }), /standard library already/);
    await assert.rejects(ask('prepareRename', at(5, 12)), /standard library, and keeps its name/);
  }).timeout(20_000);

  it('sends of its colours what has changed', async () => {
    const first = await ask<{ resultId: string; data: number[] }>('semanticTokens/full');
    await change(2, 3, 11, 0, '  ');
    const next = await ask<{ edits: { deleteCount: number }[] }>('semanticTokens/full/delta', { previousResultId: first.resultId });
    assert.ok(next.edits.length > 0 && next.edits.every(({ deleteCount }) => deleteCount < 10));
    await change(3, 3, 11, 2, '');
  }).timeout(20_000);

  it('looks again when a file that is used changes', async () => {
    await connection.sendNotification('textDocument/didOpen', {
      textDocument: { uri: uriOf('cells.rnn'), languageId: 'unroll', version: 1, text: cells.replace('mine', 'other') },
    });
    await until('main.rnn', (found) => found.some(({ message }) => String(message).includes('Nothing is called `mine`')));
    await connection.sendNotification('textDocument/didClose', { textDocument: { uri: uriOf('cells.rnn') } });
    await until('main.rnn', (found) => !found.some(({ message }) => String(message).includes('Nothing is called `mine`')));
  }).timeout(20_000);

  it('answers nothing for what is closed', async () => {
    const closed = {
      textDocument: { uri: 'file:///nowhere.rnn' },
      ...at(0, 0),
      range: { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } },
    };
    for (const method of [
      'hover',
      'definition',
      'completion',
      'signatureHelp',
      'documentSymbol',
      'foldingRange',
      'inlayHint',
      'prepareRename',
      'documentHighlight',
    ])
      assert.equal(await ask(method, closed), null, method);
    assert.deepEqual(await ask('formatting', { ...closed, options: { tabSize: 2, insertSpaces: true } }), []);
    assert.deepEqual(await ask('semanticTokens/full', closed), { data: [] });
  }).timeout(20_000);
});
