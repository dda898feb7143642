// How long the language server takes for a file of 1,000 lines, over its own protocol: from a change to the faults, and for what is asked
// right behind a change. Prints the median and the 95th percentile of edits in turn: node scripts/bench-editor.ts [edits]

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createProtocolConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-languageserver/node';

const uri = 'file:///bench/main.rnn';
const edits = Number(process.argv[2] ?? 50);

/** Cells and models as people write them, until there are about so many lines. */
export function longFile(lines: number): string {
  const parts: string[] = [];
  for (let k = 0, count = 0; count < lines; k += 1) {
    const part = k % 5 === 4 ? model(k) : cell(k);
    parts.push(part);
    count += part.split('\n').length;
  }
  return `${parts.join('\n')}\ndata book = text("book.txt", by: char)\n\ntrain M4 on book {\n  epochs: 5\n}\n`;
}

const cell = (k: number): string => `/// A cell of two gates.
cell unit_${k}(x: [I], size H) {
  state h, c: [H]
  param W_f: [H, I], U_f: [H, H], b_f: [H] = 1
  param W_i: [H, I], U_i: [H, H], b_i: [H]
  param W_g: [H, I], U_g: [H, H], b_g: [H]

  f  = sigmoid(W_f @ x + U_f @ h + b_f)             // what to keep
  i  = sigmoid(W_i @ x + U_i @ h + b_i)             // what to store
  g  = tanh(W_g @ x + U_g @ h + b_g)
  c' = f * c + i * g
  n  = layer_norm(c')
  h' = i * tanh(n)
}
`;

const model = (k: number): string => `model M${k}(input: [T] of Char) {
  x      = embed(input, 64)
  a      = unit_${k - 1}(x, 128)
  b      = bidirectional(lstm, a, 64, layers: 2)
  d      = dropout(unit_${k - 2}(b, 128), 0.1)
  logits = linear(d, Char)
  loss   = cross_entropy(logits, next(input))
}
`;

const server = spawn(process.execPath, [fileURLToPath(new URL('../src/language/server.ts', import.meta.url)), '--stdio'], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
const connection = createProtocolConnection(new StreamMessageReader(server.stdout), new StreamMessageWriter(server.stdin));
connection.listen();
await connection.sendRequest('initialize', { capabilities: {}, processId: process.pid, rootUri: null });
await connection.sendNotification('initialized', {});

const lines = longFile(1000).split('\n');
let version = 1;
let reported = 0;
let told: (() => void) | undefined;
connection.onNotification('textDocument/publishDiagnostics', ({ version: of }: { version: number }) => {
  reported = of;
  told?.();
});
await connection.sendNotification('textDocument/didOpen', { textDocument: { uri, languageId: 'unroll', version, text: lines.join('\n') } });

/** One letter typed in the middle of a line of a cell. */
async function type(edit: number): Promise<number> {
  const places = lines.flatMap((text, line) => (text.startsWith('  g  = tanh(') ? [line] : []));
  const line = places[Math.floor((edit * 7919) % places.length)]!;
  const character = '  g  = tanh('.length;
  version += 1;
  const range = { start: { line, character }, end: { line, character } };
  const contentChanges = [{ range, text: '1 + ' }];
  await connection.sendNotification('textDocument/didChange', { textDocument: { uri, version }, contentChanges });
  return line;
}

/** When the faults of a version have been told. */
const faultsOf = (wanted: number): Promise<void> =>
  new Promise((resolve) => {
    told = () => {
      if (reported >= wanted) resolve();
    };
    told();
  });

const textDocument = { uri };
const everywhere = { start: { line: 0, character: 0 }, end: { line: lines.length, character: 0 } };
const asked: Readonly<Record<string, (line: number) => Promise<unknown>>> = {
  diagnostics: () => faultsOf(version),
  completion: (line) => connection.sendRequest('textDocument/completion', { textDocument, position: { line, character: 12 } }),
  hover: (line) => connection.sendRequest('textDocument/hover', { textDocument, position: { line, character: 17 } }),
  'semantic tokens': () => connection.sendRequest('textDocument/semanticTokens/full', { textDocument }),
  'inlay hints': (line) =>
    connection.sendRequest('textDocument/inlayHint', {
      textDocument,
      range: { start: { line: Math.max(0, line - 30), character: 0 }, end: { line: line + 30, character: 0 } },
    }),
  references: (line) =>
    connection.sendRequest('textDocument/references', {
      textDocument,
      position: { line, character: 2 },
      context: { includeDeclaration: true },
    }),
  formatting: () =>
    connection.sendRequest('textDocument/formatting', { textDocument, options: { tabSize: 2, insertSpaces: true }, range: everywhere }),
};

console.log(`${lines.length} lines, ${edits} edits each; milliseconds from the change to the answer`);
console.log('                     median      p95');
for (const [name, ask] of Object.entries(asked)) {
  const times: number[] = [];
  for (let edit = 0; edit < edits + 5; edit += 1) {
    const start = performance.now();
    const line = await type(edit);
    await ask(line);
    if (edit >= 5) times.push(performance.now() - start);
    if (name !== 'diagnostics') await faultsOf(version);
  }
  times.sort((a, b) => a - b);
  const at = (share: number): string => times[Math.min(times.length - 1, Math.floor(share * times.length))]!.toFixed(1).padStart(9);
  console.log(`${name.padEnd(18)}${at(0.5)}${at(0.95)}`);
}
connection.dispose();
server.kill();
