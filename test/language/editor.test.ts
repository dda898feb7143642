// What an editor is told: hover, definitions, renaming, completion, symbols, tokens; and the server over its protocol.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { repairs } from '../../src/language/lsp/code-actions.ts';
import { completion } from '../../src/language/lsp/completion.ts';
import { diagnostics, folding, symbols } from '../../src/language/lsp/features.ts';
import { hover } from '../../src/language/lsp/hover.ts';
import { applied, definition, isName, references, rename, renameRange } from '../../src/language/lsp/navigation.ts';
import { semanticTokens, tokenTypes } from '../../src/language/lsp/semantic-tokens.ts';
import type { Program } from '../../src/language/program.ts';
import { programOf } from './load.ts';

const source = `/// Forgets **slowly**.
cell mine(x: [I], size H) {
  state h: [H]
  param W: [H, I], U: [H, H]       // what it learns

  f  = sigmoid(W @ x)              // how much to keep
  h' = tanh(W @ x + U @ h) * f
}

model M(input: [T] of Char) {
  x      = embed(input, 64)
  h      = mine(x, 32)
  z      = lstm(h, 8, layers: 2)
  logits = linear(z, Char)
  loss   = cross_entropy(logits, next(input))
}

data book = text("book.txt", by: char)

train M on book {
  epochs: 5
}
`;

/** The place of the n-th occurrence of a text. */
function placeOf(text: string, part: string, nth = 0): { line: number; character: number } {
  let at = -1;
  for (let k = 0; k <= nth; k += 1) at = text.indexOf(part, at + 1);
  const before = text.slice(0, at).split('\n');
  return { line: before.length - 1, character: before.at(-1)!.length };
}

const at = (part: string, nth = 0): { line: number; character: number } => placeOf(source, part, nth);

describe('the editor', () => {
  let program: Program;
  before(async function () {
    this.timeout(20_000);
    program = await programOf(source);
  });

  const said = (part: string, nth = 0): string => {
    const found = hover(program, at(part, nth))?.contents;
    return typeof found === 'object' && 'value' in found ? found.value : '';
  };

  it('the file is sound', () => assert.deepEqual(diagnostics(program), []));

  it('hover: a line, with its shape, comment and when it is computed', () => {
    assert.match(said('f  ='), /f: \[H\][\s\S]*how much to keep[\s\S]*for all steps at once/);
    assert.match(said("h' ="), /h': \[H\][\s\S]*step after step/);
  });
  it('hover: a line of a model, with its parameters and what sharing saves', () => {
    // 4 x (8 x 32 + 8 x 8 + 8) + 4 x (8 x 8 + 8 x 8 + 8)
    assert.match(
      said('z      ='),
      /z: \[T, 8\][\s\S]*1,856 parameters\*\* in 2 layers[\s\S]*↻ T[\s\S]*T = 64 steps without sharing has 64 × 1,856 = 118,784/,
    );
  });
  it('hover: a cell, with its doc comment', () => {
    assert.match(said('mine(x, 32)'), /cell mine\(x: \[I\], size H\)[\s\S]*Forgets \*\*slowly\*\*\.[\s\S]*3,072 parameters/);
    assert.match(said('lstm'), /cell lstm[\s\S]*Hochreiter/);
  });
  it('hover: states, parameters, inputs, dimensions, functions, settings', () => {
    assert.match(said('h: [H]'), /state h: \[H\][\s\S]*before the step/);
    assert.match(said('W: [H, I]'), /param W: \[H, I\]/);
    assert.match(said('input:'), /input: \[T\] of Char/);
    assert.match(said('H]\n'), /dimension H|size H/);
    assert.match(said('sigmoid'), /squashes into \[0, 1\]/);
    assert.match(said('layers'), /in series/);
    assert.match(said('epochs'), /through the data/);
    assert.equal(said('// how'), '');
  });

  it('definitions: lines, states, cells of this file and of the library, models, data', () => {
    const goes = (part: string, nth = 0): [string, number] | undefined => {
      const found = definition(program, at(part, nth));
      return found === undefined ? undefined : [found.uri.replace(/^.*\//, ''), found.range.start.line];
    };
    assert.deepEqual(goes('f\n'), ['main.rnn', 5]);
    assert.deepEqual(goes('h) * f'), ['main.rnn', 2]);
    assert.deepEqual(goes('mine(x, 32)'), ['main.rnn', 1]);
    assert.equal(goes('lstm')?.[0], 'recurrent.rnn');
    assert.equal(goes('linear')?.[0], 'layers.rnn');
    assert.deepEqual(goes('M on'), ['main.rnn', 9]);
    assert.deepEqual(goes('book {'), ['main.rnn', 17]);
    assert.deepEqual(goes('I], U'), ['main.rnn', 1]);
    assert.equal(goes('sigmoid'), undefined);
  });

  const renamed = async (part: string, to: string, nth = 0): Promise<string> => {
    const edits = await rename(program, at(part, nth), to);
    assert.ok(typeof edits !== 'string', String(edits));
    return applied(source, edits.get('/models/main.rnn') ?? []);
  };
  it('renaming keeps the file as sound as it was', async () => {
    for (const [part, to] of [
      ['h: [H]', 'hidden'],
      ['f  =', 'keep'],
      ['W: [H', 'Win'],
      ['mine(x: ', 'slow'],
      ['input:', 'text'],
      ['H) {', 'Units'],
      ['M(input', 'Writer'],
      ['book =', 'novel'],
      ['z      =', 'top'],
    ] as const) {
      const text = await renamed(part, to);
      assert.notEqual(text, source, part);
      assert.deepEqual((await programOf(text)).faults, [], text);
    }
    assert.match(await renamed('h: [H]', 'hidden'), /hidden' = tanh\(W @ x \+ U @ hidden\) \* f/);
    assert.match(await renamed('f  =', 'keep'), /\* keep\n/);
    assert.match(String(renameRange(program, at('lstm'))), /standard library, and keeps its name/);
    assert.ok(isName('größe') && !isName('3x') && !isName('state'));
  }).timeout(20_000);
  it('references are found, the declaration among them', async () => {
    assert.deepEqual(
      (await references(program, at('W: [H'))).map(({ range }) => range.start.line),
      [3, 5, 6],
    );
  });

  it('symbols and folding', () => {
    assert.deepEqual(
      symbols(program).map(({ name, children }) => [name, children?.map((child) => child.name)]),
      [
        ['mine', ['h', 'W', 'U', 'f', "h'"]],
        ['M', ['x', 'h', 'z', 'logits', 'loss']],
        ['book', undefined],
        ['train M', undefined],
      ],
    );
    assert.deepEqual(folding(program), [
      { startLine: 1, endLine: 6 },
      { startLine: 9, endLine: 14 },
      { startLine: 19, endLine: 20 },
    ]);
  });

  it('tokens tell weights, states, dimensions and functions apart', () => {
    const tokens = semanticTokens(program).map(([line, character, length, type]) => [
      source.split('\n')[line]!.slice(character, character + length),
      tokenTypes[type],
    ]);
    const typesOf = (text: string): unknown[] => [...new Set(tokens.filter(([found]) => found === text).map(([, type]) => type))];
    assert.deepEqual(typesOf('W'), ['variable']);
    assert.deepEqual(typesOf('H'), ['typeParameter']);
    assert.deepEqual(typesOf('sigmoid'), ['function']);
    assert.deepEqual(typesOf('lstm'), ['class']);
    assert.deepEqual(typesOf('input'), ['parameter']);
  });

  const offered = (text: string, part: string): Promise<string[]> =>
    programOf(text).then(async (found) => {
      const place = placeOf(text, part);
      return (await completion(found, { line: place.line, character: place.character + part.length })).map(({ label }) => label);
    });
  it('completion: names in scope, cells, functions; fields; settings; items', async () => {
    const inBody = await offered(source, 'tanh(');
    for (const label of ['x', 'W', 'h', 'f', 'H', 'lstm', 'mine', 'sigmoid']) assert.ok(inBody.includes(label), label);
    assert.ok(!(await offered(source, 'sigmoid(')).includes('z'));
    const fields = await offered(source.replace('linear(z, Char)', 'linear(z.'), 'linear(z.');
    for (const label of ['f', 'c', 'W_f']) assert.ok(fields.includes(label), label);
    const settings = await offered(source, 'train M on book {\n');
    assert.ok(settings.includes('optimizer') && !settings.includes('prompt'));
    assert.ok((await offered(source, ': 5\n}\n')).includes('generate'));
    assert.deepEqual(await offered(source, '// how '), []);
  });

  it('repairs are offered', async () => {
    const faulty = await programOf(source.replace('mine(x, 32)', 'mine(input, 32)'));
    const repairOf = (found: Program): string | undefined =>
      repairs('file:///main.rnn', diagnostics(found))[0]?.edit?.changes?.['file:///main.rnn']?.[0]?.newText;
    assert.equal(repairOf(faulty), 'embed(input, 64)');
    assert.equal(repairOf(await programOf(source.replace('sigmoid(', 'sigmoids('))), 'sigmoid');
    assert.equal(repairOf(await programOf(source.replace('sigmoid(W @ x)', 'sigmoid(x @ W)'))), 'W @ x');
    assert.equal(repairOf(await programOf(source.replace('epochs: 5', 'epoch: 5'))), 'epochs');
    assert.equal(repairOf(await programOf(source.replace("h' =", 'h  ='))), "h' = tanh(W @ x + U @ h) * f");
  });

  it('names that are not there, and files that are broken, are no trouble', async () => {
    const broken = await programOf(source.slice(0, source.indexOf('logits')));
    for (let line = 0; line < 14; line += 1)
      for (let character = 0; character < 40; character += 3) {
        hover(broken, { line, character });
        definition(broken, { line, character });
        await await completion(broken, { line, character });
        await references(broken, { line, character });
      }
    symbols(broken);
    semanticTokens(broken);
  });
});

describe('the language server', () => {
  it('answers over stdio, with what the editor shows', async () => {
    const server = spawn(process.execPath, [fileURLToPath(new URL('../../src/language/server.ts', import.meta.url)), '--stdio'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    try {
      const client = new Client(server.stdin, server.stdout);
      const { capabilities } = (await client.request('initialize', { capabilities: {}, processId: null, rootUri: null })) as {
        capabilities: { hoverProvider: boolean };
      };
      assert.equal(capabilities.hoverProvider, true);
      client.notify('initialized', {});
      const uri = 'file:///models/x.rnn';
      const text = source.replace('linear(z, Char)', 'linear(zz, Char)');
      client.notify('textDocument/didOpen', { textDocument: { uri, languageId: 'unroll', version: 1, text } });
      const first = await client.notified('textDocument/publishDiagnostics');
      assert.deepEqual(messages(first), ['Nothing is called `zz`. Did you mean `z`?']);
      const missing = 'book.txt is not there. Paths are relative to this file.';
      assert.deepEqual(messages(await client.notified('textDocument/publishDiagnostics')).slice(1), [missing]);
      const position = placeOf(text, 'mine(x, 32)');
      const answer = (await client.request('textDocument/hover', { textDocument: { uri }, position })) as { contents: { value: string } };
      assert.match(answer.contents.value, /Forgets/);
      const range = { start: placeOf(text, 'zz'), end: { ...placeOf(text, 'zz'), character: placeOf(text, 'zz').character + 2 } };
      client.notify('textDocument/didChange', { textDocument: { uri, version: 2 }, contentChanges: [{ range, text: 'z' }] });
      assert.deepEqual(messages(await client.notified('textDocument/publishDiagnostics')), [missing]);
    } finally {
      server.kill();
    }
  }).timeout(20_000);
});

const messages = (notification: unknown): string[] =>
  (notification as { diagnostics: { message: string }[] }).diagnostics.map(({ message }) => message);

/** As much of JSON-RPC as the test needs. */
class Client {
  readonly #out: NodeJS.WritableStream;
  readonly #waiting = new Map<number | string, (message: unknown) => void>();
  readonly #unread = new Map<string, unknown[]>();
  #buffer = Buffer.alloc(0);
  #id = 0;

  constructor(out: NodeJS.WritableStream, into: NodeJS.ReadableStream) {
    this.#out = out;
    into.on('data', (data: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, data]);
      this.#read();
    });
  }

  #read(): void {
    for (;;) {
      const head = this.#buffer.indexOf('\r\n\r\n');
      const length = Number(/Content-Length: (\d+)/.exec(this.#buffer.subarray(0, head).toString())?.[1]);
      if (head < 0 || this.#buffer.length < head + 4 + length) return;
      const message = JSON.parse(this.#buffer.subarray(head + 4, head + 4 + length).toString()) as {
        id?: number;
        method?: string;
        params?: unknown;
        result?: unknown;
      };
      this.#buffer = this.#buffer.subarray(head + 4 + length);
      const key = message.id ?? message.method!;
      const waiting = this.#waiting.get(key);
      this.#waiting.delete(key);
      if (waiting !== undefined) waiting(message.id === undefined ? message.params : message.result);
      else if (message.method !== undefined)
        this.#unread.set(message.method, [...(this.#unread.get(message.method) ?? []), message.params]);
    }
  }

  #send(message: object): void {
    const text = JSON.stringify({ jsonrpc: '2.0', ...message });
    this.#out.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  }

  request(method: string, params: object): Promise<unknown> {
    this.#id += 1;
    const id = this.#id;
    this.#send({ id, method, params });
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  notify(method: string, params: object): void {
    this.#send({ method, params });
  }

  notified(method: string): Promise<unknown> {
    const unread = this.#unread.get(method)?.shift();
    return unread === undefined ? new Promise((resolve) => this.#waiting.set(method, resolve)) : Promise.resolve(unread);
  }
}
