// The language server: a process of its own, that tells an editor what the language knows of a file.

import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  type CancellationToken,
  CodeActionKind,
  createConnection,
  DidChangeConfigurationNotification,
  DidChangeWatchedFilesNotification,
  LSPErrorCodes,
  ProposedFeatures,
  ResponseError,
  SemanticTokensBuilder,
  TextDocumentSyncKind,
  TextDocuments,
  type TextEdit,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { columnsOf } from '../data/columns.ts';
import { refactorings, repairs } from './lsp/code-actions.ts';
import { completion } from './lsp/completion.ts';
import { dataFaults, fileRequests } from './lsp/data-faults.ts';
import { diagnostics, folding, selectionRanges, symbols, workspaceSymbols } from './lsp/features.ts';
import { FactsOfFiles } from './lsp/file-facts.ts';
import { formatting, onTypeFormatting } from './lsp/format.ts';
import { hover } from './lsp/hover.ts';
import { type HintSettings, inlayHints, usualHints } from './lsp/inlay-hints.ts';
import { documentLinks } from './lsp/links.ts';
import { definition, highlights, references, rename, renameRange } from './lsp/navigation.ts';
import { semanticTokens, tokenModifiers, tokenTypes } from './lsp/semantic-tokens.ts';
import { signatureHelp } from './lsp/signatures.ts';
import type { DataFiles } from './lsp/statement-completion.ts';
import { pathOf, slashed, uriOf } from './lsp/uris.ts';
import { Workspace } from './lsp/workspace.ts';
import type { Program } from './program.ts';

const connection = createConnection(ProposedFeatures.all);
const documents = new TextDocuments(TextDocument);
let folders: readonly string[] = [];
let canConfigure = false;
let hints: HintSettings = usualHints;

connection.onInitialize(({ capabilities, workspaceFolders }) => {
  folders = (workspaceFolders ?? []).map(({ uri }) => pathOf(uri));
  canConfigure = capabilities.workspace?.configuration === true;
  return {
    capabilities: {
      textDocumentSync: TextDocumentSyncKind.Incremental,
      hoverProvider: true,
      definitionProvider: true,
      referencesProvider: true,
      documentHighlightProvider: true,
      documentSymbolProvider: true,
      workspaceSymbolProvider: true,
      foldingRangeProvider: true,
      selectionRangeProvider: true,
      renameProvider: { prepareProvider: true },
      completionProvider: { triggerCharacters: ['.', '(', '"', ':', '@', '[', ','] },
      codeActionProvider: {
        codeActionKinds: [
          CodeActionKind.QuickFix,
          CodeActionKind.RefactorInline,
          CodeActionKind.RefactorExtract,
          CodeActionKind.RefactorRewrite,
        ],
      },
      signatureHelpProvider: { triggerCharacters: ['(', ','], retriggerCharacters: [':', ')'] },
      inlayHintProvider: true,
      documentFormattingProvider: true,
      documentRangeFormattingProvider: true,
      documentOnTypeFormattingProvider: { firstTriggerCharacter: '}', moreTriggerCharacter: ['\n'] },
      documentLinkProvider: {},
      semanticTokensProvider: {
        legend: { tokenTypes: [...tokenTypes], tokenModifiers: [...tokenModifiers] },
        full: { delta: true },
        range: true,
      },
      workspace: { workspaceFolders: { supported: true, changeNotifications: true } },
    },
  };
});

connection.onInitialized(() => {
  if (!canConfigure) return;
  void connection.client.register(DidChangeConfigurationNotification.type, { section: 'unroll.inlayHints' }).catch(() => undefined);
  connection.workspace.onDidChangeWorkspaceFolders(({ added, removed }) => {
    const gone = new Set(removed.map(({ uri }) => pathOf(uri)));
    folders = [...folders.filter((each) => !gone.has(each)), ...added.map(({ uri }) => pathOf(uri))];
  });
  void configure();
});

async function configure(): Promise<void> {
  const given = (await connection.workspace.getConfiguration('unroll.inlayHints').catch(() => undefined)) as
    | Partial<HintSettings>
    | undefined;
  hints = { ...usualHints, ...given };
  connection.languages.inlayHint.refresh().catch(() => undefined);
}
connection.onDidChangeConfiguration(() => {
  if (canConfigure) void configure();
});

// ------------------------------------------------------------------------------------------------------------------- programs

/** Sources that are looked through for uses of a name. */
const MOST_SOURCES = 500;

async function sourcesBelow(folder: string, found: string[]): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (found.length >= MOST_SOURCES) return;
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!/^(\..*|node_modules|runs)$/.test(entry.name)) await sourcesBelow(path, found).catch(() => undefined);
    } else if (entry.name.endsWith('.rnn')) found.push(path);
  }
}

const workspace = new Workspace(
  () => documents.all().map((document) => ({ path: pathOf(document.uri), text: document.getText(), version: document.version })),
  {
    read: (path) => readFile(path, 'utf8'),
    sources: async () => {
      const found: string[] = [];
      const beside = documents.all().map(({ uri }) => slashed(dirname(pathOf(uri))));
      for (const folder of folders.length > 0 ? folders : new Set(beside)) await sourcesBelow(folder, found).catch(() => undefined);
      return found;
    },
  },
);

const facts = new FactsOfFiles(
  async (path) => (await stat(path)).mtimeMs,
  columnsOf,
  (path) => readdir(dirname(path)),
);

async function report(uri: string): Promise<void> {
  const document = documents.get(uri);
  const path = pathOf(uri);
  const program = await workspace.program(path).catch(() => undefined);
  const isCurrent = (): boolean => document !== undefined && documents.get(uri)?.version === document.version;
  if (program === undefined || document === undefined || !isCurrent()) return;
  const send = (): Promise<void> =>
    connection.sendDiagnostics({ uri, version: document.version, diagnostics: diagnostics(program, dataFaults(program, facts.of)) });
  const { version } = document;
  await send();
  // what data files say comes behind, where it is not known yet or has changed
  if ((await facts.look(fileRequests(program))) && documents.get(uri)?.version === version) await send();
}

async function reportAll(paths?: readonly string[]): Promise<void> {
  for (const { uri } of documents.all()) if (paths === undefined || paths.includes(pathOf(uri))) await report(uri);
}

/** Milliseconds without a key before faults are looked for. */
const PAUSE = 25;

const pending = new Map<string, NodeJS.Timeout>();
documents.onDidChangeContent(({ document: { uri } }) => {
  clearTimeout(pending.get(uri));
  const others = workspace.changed(pathOf(uri));
  pending.set(
    uri,
    setTimeout(() => {
      pending.delete(uri);
      void report(uri).then(() => reportAll(others));
    }, PAUSE),
  );
});
documents.onDidClose(({ document: { uri } }) => {
  workspace.close(pathOf(uri));
  clearTimeout(pending.get(uri));
  builders.delete(uri);
  void connection.sendDiagnostics({ uri, diagnostics: [] });
  // what uses it reads it from the disk now
  void reportAll(workspace.changed(pathOf(uri)));
});
connection.onNotification(DidChangeWatchedFilesNotification.type, () => {
  workspace.changed('');
  void reportAll();
});

/** The answer that a program has for a request; `none` where its document is closed, the request is stale, or something fails. */
async function answer<Answer>(
  { textDocument: { uri } }: { readonly textDocument: { readonly uri: string } },
  token: CancellationToken,
  none: Answer,
  of: (program: Program) => Answer | undefined | Promise<Answer | undefined>,
): Promise<Answer> {
  try {
    const program = await workspace.program(pathOf(uri));
    if (program === undefined || token.isCancellationRequested) return none;
    return (await of(program)) ?? none;
  } catch (error) {
    connection.console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return none;
  }
}

// ------------------------------------------------------------------------------------------------------------------- requests

connection.onHover((params, token) => answer(params, token, null, (program) => hover(program, params.position)));
connection.onDefinition((params, token) => answer(params, token, null, (program) => definition(program, params.position)));
connection.onReferences((params, token) =>
  answer(params, token, null, async (program) => {
    const found = await references(program, params.position, (path) => workspace.users(path));
    if (params.context.includeDeclaration) return found;
    const own = definition(program, params.position);
    return found.filter(
      ({ uri, range }) =>
        uri !== own?.uri || range.start.line !== own.range.start.line || range.start.character !== own.range.start.character,
    );
  }),
);
connection.onDocumentHighlight((params, token) => answer(params, token, null, (program) => highlights(program, params.position)));
connection.onDocumentSymbol((params, token) => answer(params, token, null, symbols));
connection.onWorkspaceSymbol(async ({ query }) => {
  const programs: Program[] = [];
  for (const { uri } of documents.all()) {
    const program = await workspace.program(pathOf(uri)).catch(() => undefined);
    if (program !== undefined) programs.push(program);
  }
  return workspaceSymbols(programs, query);
});
connection.onFoldingRanges((params, token) => answer(params, token, null, folding));
connection.onSelectionRanges((params, token) => answer(params, token, null, (program) => selectionRanges(program, params.positions)));
connection.onCompletion((params, token) =>
  answer(params, token, null, (program) => completion(program, params.position, filesBeside(program))),
);
connection.onSignatureHelp((params, token) => answer(params, token, null, (program) => signatureHelp(program, params.position)));
connection.languages.inlayHint.on((params, token) => answer(params, token, null, (program) => inlayHints(program, params.range, hints)));
connection.onDocumentLinks((params, token) => answer(params, token, null, documentLinks));
connection.onCodeAction((params, token) =>
  answer(params, token, null, (program) => {
    const { uri } = params.textDocument;
    return [...repairs(uri, params.context.diagnostics), ...refactorings(program, uri, params.range)].filter(
      ({ kind }) => params.context.only === undefined || params.context.only.some((only) => kind === only || kind?.startsWith(`${only}.`)),
    );
  }),
);

const refused = (message: string): ResponseError => new ResponseError(LSPErrorCodes.RequestFailed, message);
connection.onPrepareRename(async (params, token) => {
  const found = await answer<ReturnType<typeof renameRange> | null>(params, token, null, (program) =>
    renameRange(program, params.position),
  );
  return typeof found === 'string' ? refused(found) : found;
});
connection.onRenameRequest(async (params, token) => {
  const found = await answer<Awaited<ReturnType<typeof rename>> | null>(params, token, null, (program) =>
    rename(program, params.position, params.newName, (path) => workspace.users(path)),
  );
  if (found === null) return null;
  if (typeof found === 'string') return refused(found);
  return { changes: Object.fromEntries(Array.from(found, ([path, edits]) => [uriOf(path), [...edits]])) };
});

const textOf = (uri: string): string => documents.get(uri)?.getText() ?? '';
connection.onDocumentFormatting(({ textDocument }): TextEdit[] => formatting(textOf(textDocument.uri)));
connection.onDocumentRangeFormatting(({ textDocument, range }): TextEdit[] => formatting(textOf(textDocument.uri), range));
connection.onDocumentOnTypeFormatting(({ textDocument, position, ch }): TextEdit[] =>
  onTypeFormatting(textOf(textDocument.uri), position, ch),
);

const builders = new Map<string, SemanticTokensBuilder>();
function builderOf(uri: string): SemanticTokensBuilder {
  const found = builders.get(uri) ?? new SemanticTokensBuilder();
  builders.set(uri, found);
  return found;
}
connection.languages.semanticTokens.on((params, token) =>
  answer(params, token, { data: [] }, (program) => {
    const builder = builderOf(params.textDocument.uri);
    builder.previousResult('');
    for (const each of semanticTokens(program)) builder.push(...each);
    return builder.build();
  }),
);
connection.languages.semanticTokens.onDelta((params, token) =>
  answer(params, token, { edits: [] }, (program) => {
    const builder = builderOf(params.textDocument.uri);
    builder.previousResult(params.previousResultId);
    for (const each of semanticTokens(program)) builder.push(...each);
    return builder.buildEdits();
  }),
);
connection.languages.semanticTokens.onRange((params, token) =>
  answer(params, token, { data: [] }, (program) => {
    const builder = new SemanticTokensBuilder();
    for (const each of semanticTokens(program, params.range)) builder.push(...each);
    return builder.build();
  }),
);

/** Data files that lie beside a source, looked at when completion asks for them. */
function filesBeside({ path, models }: Program): DataFiles {
  const folder = dirname(path);
  // by the names that the models ask for, a header is known as one
  const names = models.flatMap(({ inputs }) => inputs.map(({ name }) => name));
  return {
    list: async (below = '') => {
      const entries = await readdir(join(folder, below), { withFileTypes: true });
      return entries.filter(({ name }) => !name.startsWith('.')).map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
    },
    columns: (name) => columnsOf(join(folder, name), { names }),
    self: basename(path),
  };
}

documents.listen(connection);
connection.listen();
