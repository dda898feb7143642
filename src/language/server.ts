// The language server: a process of its own, that tells an editor what the language knows of a file.

import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  CodeActionKind,
  createConnection,
  type Diagnostic,
  DidChangeWatchedFilesNotification,
  ProposedFeatures,
  ResponseError,
  SemanticTokensBuilder,
  TextDocumentSyncKind,
  TextDocuments,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { type Column, columnsOf } from '../data/columns.ts';
import { type ColumnsOf, columnFaults } from './column-faults.ts';
import { completion } from './lsp/completion.ts';
import {
  codeActions,
  definition,
  diagnostics,
  diagnosticsOf,
  folding,
  isName,
  references,
  rename,
  renameRange,
  semanticTokens,
  symbols,
  tokenModifiers,
  tokenTypes,
} from './lsp/features.ts';
import { formatting } from './lsp/format.ts';
import { hover } from './lsp/hover.ts';
import { inlayHints } from './lsp/inlay-hints.ts';
import { documentLinks } from './lsp/links.ts';
import { signatureHelp } from './lsp/signatures.ts';
import type { DataFiles } from './lsp/statement-completion.ts';
import type { Pieces } from './parser/pieces.ts';
import { loadProgram, type Program } from './program.ts';

const connection = createConnection(ProposedFeatures.all);
const documents = new TextDocuments(TextDocument);

connection.onInitialize(() => ({
  capabilities: {
    textDocumentSync: TextDocumentSyncKind.Incremental,
    hoverProvider: true,
    definitionProvider: true,
    referencesProvider: true,
    documentHighlightProvider: true,
    documentSymbolProvider: true,
    foldingRangeProvider: true,
    renameProvider: { prepareProvider: true },
    completionProvider: { triggerCharacters: ['.', '(', '"', ':', '@'] },
    codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix, CodeActionKind.RefactorInline] },
    signatureHelpProvider: { triggerCharacters: ['(', ','], retriggerCharacters: [':'] },
    inlayHintProvider: true,
    documentFormattingProvider: true,
    documentRangeFormattingProvider: true,
    documentLinkProvider: {},
    semanticTokensProvider: { legend: { tokenTypes: [...tokenTypes], tokenModifiers: [...tokenModifiers] }, full: true },
  },
}));

/** Data files that lie beside a source, looked at when completion asks for them. */
function filesBeside(path: string): DataFiles {
  const folder = dirname(path);
  return {
    list: () => readdir(folder),
    columns: (name) => columnsOf(join(folder, name)),
  };
}

const pathOf = (uri: string): string => (uri.startsWith('file:') ? fileURLToPath(uri) : uri);

/** The text that the editor shows, or that of the disk. */
async function read(path: string): Promise<string> {
  const shown = documents.all().find(({ uri }) => pathOf(uri) === path);
  return shown?.getText() ?? readFile(path, 'utf8');
}

/** What loads of a document leave to the next. */
const pieces = new Map<string, Pieces>();
const piecesOf = (uri: string): Pieces => {
  const found = pieces.get(uri) ?? (new Map() as Pieces);
  pieces.set(uri, found);
  return found;
};

const programs = new Map<string, { readonly version: number; readonly program: Promise<Program> }>();

/** The checked program of a document as it is now. */
async function programOf(uri: string): Promise<Program | undefined> {
  const document = documents.get(uri);
  if (document === undefined) return undefined;
  let known = programs.get(uri);
  if (known?.version !== document.version) {
    known = { version: document.version, program: loadProgram(pathOf(uri), read, { pieces: piecesOf(uri) }) };
    programs.set(uri, known);
  }
  return known.program;
}

async function report(uri: string): Promise<void> {
  const program = await programOf(uri);
  const version = programs.get(uri)?.version;
  if (program === undefined || version === undefined) return;
  const isCurrent = (): boolean => documents.get(uri)?.version === version;
  const own = diagnostics(program);
  if (isCurrent()) await connection.sendDiagnostics({ uri, version, diagnostics: [...own, ...(reported.get(uri) ?? [])] });
  // files are looked at afterwards: what is wrong with the lines does not wait for a disk
  const columns = diagnosticsOf(await columnFaults(program, knownColumns), program.path);
  if (!isCurrent() || JSON.stringify(columns) === JSON.stringify(reported.get(uri) ?? [])) return;
  reported.set(uri, columns);
  await connection.sendDiagnostics({ uri, version, diagnostics: [...own, ...columns] });
}

/** What was last said of the columns of a document's data. */
const reported = new Map<string, Diagnostic[]>();

/** As columnsOf, read again where the file has changed. */
const knownColumns: ColumnsOf = async (path, options) => {
  const changed = await stat(path).then(
    ({ mtimeMs, size }) => `${mtimeMs} ${size}`,
    () => '',
  );
  const key = JSON.stringify([path, options]);
  const known = columnsRead.get(key);
  if (known !== undefined && known.changed === changed && changed !== '') return known.columns;
  const columns = columnsOf(path, options);
  columnsRead.set(key, { changed, columns });
  if (columnsRead.size > 50) columnsRead.delete(columnsRead.keys().next().value!);
  return columns;
};
const columnsRead = new Map<string, { readonly changed: string; readonly columns: Promise<readonly Column[]> }>();

/** Others may use the file that changed. */
async function reportAll(changed?: string): Promise<void> {
  for (const { uri } of documents.all()) {
    if (uri !== changed) programs.delete(uri);
    await report(uri);
  }
}

/** Milliseconds without a key before faults are looked for. */
const PAUSE = 40;

const pending = new Map<string, NodeJS.Timeout>();
documents.onDidChangeContent(({ document: { uri } }) => {
  clearTimeout(pending.get(uri));
  pending.set(
    uri,
    setTimeout(() => {
      pending.delete(uri);
      void reportAll(uri);
    }, PAUSE),
  );
});
documents.onDidClose(({ document: { uri } }) => {
  programs.delete(uri);
  reported.delete(uri);
  void connection.sendDiagnostics({ uri, diagnostics: [] });
});
connection.onNotification(DidChangeWatchedFilesNotification.type, () => {
  void reportAll();
});

connection.onHover(async ({ textDocument, position }) => {
  const program = await programOf(textDocument.uri);
  return program === undefined ? null : (hover(program, position) ?? null);
});
connection.onDefinition(async ({ textDocument, position }) => {
  const program = await programOf(textDocument.uri);
  return program === undefined ? null : (definition(program, position) ?? null);
});
connection.onReferences(async ({ textDocument: { uri }, position }) => {
  const program = await programOf(uri);
  return program === undefined ? [] : references(program, position).map((range) => ({ uri, range }));
});
connection.onDocumentHighlight(async ({ textDocument, position }) => {
  const program = await programOf(textDocument.uri);
  return program === undefined ? [] : references(program, position).map((range) => ({ range }));
});
connection.onDocumentSymbol(async ({ textDocument }) => {
  const program = await programOf(textDocument.uri);
  return program === undefined ? [] : symbols(program);
});
connection.onFoldingRanges(async ({ textDocument }) => {
  const program = await programOf(textDocument.uri);
  return program === undefined ? [] : folding(program.main.tree);
});
connection.onCompletion(async ({ textDocument, position }) => {
  const program = await programOf(textDocument.uri);
  return program === undefined ? [] : completion(program, position, filesBeside(program.path));
});
connection.onPrepareRename(async ({ textDocument, position }) => {
  const program = await programOf(textDocument.uri);
  return program === undefined ? null : (renameRange(program, position) ?? null);
});
connection.onRenameRequest(async ({ textDocument: { uri }, position, newName }) => {
  const program = await programOf(uri);
  if (!isName(newName)) return new ResponseError(-32602, `\`${newName}\` is no name: letters, digits and _, and no word of the language.`);
  const edits = program === undefined ? undefined : rename(program, position, newName);
  return edits === undefined ? null : { changes: { [uri]: edits } };
});
connection.onSignatureHelp(async ({ textDocument, position }) => {
  const program = await programOf(textDocument.uri);
  return program === undefined ? null : (signatureHelp(program, position) ?? null);
});
connection.languages.inlayHint.on(async ({ textDocument, range }) => {
  const program = await programOf(textDocument.uri);
  return program === undefined ? [] : inlayHints(program, range);
});
connection.onDocumentFormatting(({ textDocument }) => formatting(documents.get(textDocument.uri)?.getText() ?? ''));
connection.onDocumentRangeFormatting(({ textDocument, range }) => formatting(documents.get(textDocument.uri)?.getText() ?? '', range));
connection.onDocumentLinks(async ({ textDocument }) => {
  const program = await programOf(textDocument.uri);
  return program === undefined ? [] : documentLinks(program);
});
connection.onCodeAction(({ textDocument, context }) => codeActions(textDocument.uri, context.diagnostics));
connection.languages.semanticTokens.on(async ({ textDocument }) => {
  const program = await programOf(textDocument.uri);
  const builder = new SemanticTokensBuilder();
  for (const token of program === undefined ? [] : semanticTokens(program)) builder.push(...token);
  return builder.build();
});

documents.listen(connection);
connection.listen();
