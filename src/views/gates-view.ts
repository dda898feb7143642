// The side panel with the gates of the current timestep.

import type * as vscode from 'vscode';
import { page, portOf, webviewOptions } from './html.ts';
import type { ViewModel } from './model.ts';

export const GATES_VIEW = 'unroll.gates';

export class GatesView implements vscode.WebviewViewProvider {
  private readonly extension: vscode.Uri;
  private readonly model: ViewModel;

  constructor(extension: vscode.Uri, model: ViewModel) {
    this.extension = extension;
    this.model = model;
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    view.webview.options = webviewOptions(this.extension);
    const detach = this.model.attach(portOf(view.webview));
    view.onDidDispose(detach);
    view.webview.html = page(view.webview, this.extension, 'gates', 'Gates');
  }
}
