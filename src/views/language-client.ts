// Starts the language server, in a process of its own.

import * as vscode from 'vscode';
import { LanguageClient, TransportKind } from 'vscode-languageclient/node';

/** Starts the server at `module`; completion, hover, diagnostics and the rest come from it. */
export async function startLanguageClient(module: string): Promise<vscode.Disposable> {
  const client = new LanguageClient(
    'unroll',
    'Unroll Language',
    {
      run: { module, transport: TransportKind.ipc },
      debug: { module, transport: TransportKind.ipc },
    },
    {
      documentSelector: [{ language: 'unroll' }],
      synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher('**/*.{rnn,txt,md,csv,tsv,tab,json,jsonl,ndjson,npy,npz}') },
    },
  );
  await client.start();
  return { dispose: () => void client.dispose() };
}
