// The panel beside the editor. Closed or hidden, it is thrown away; the model keeps what it showed.

import * as vscode from 'vscode';
import { page, portOf, webviewOptions } from './html.ts';
import type { ViewModel } from './model.ts';

const TYPE = 'unroll.panel';

export class Panel implements vscode.Disposable {
  private readonly extension: vscode.Uri;
  private readonly model: ViewModel;
  private readonly serializer: vscode.Disposable;
  private panel: vscode.WebviewPanel | undefined;

  constructor(extension: vscode.Uri, model: ViewModel) {
    this.extension = extension;
    this.model = model;
    this.serializer = vscode.window.registerWebviewPanelSerializer(TYPE, {
      deserializeWebviewPanel: async (panel) => {
        panel.webview.options = webviewOptions(extension);
        this.fill(panel);
      },
    });
  }

  get visible(): boolean {
    return this.panel?.visible ?? false;
  }

  /** Opens the panel beside the active editor, or shows it where it is. The editor keeps the focus. */
  open(): void {
    if (this.panel !== undefined) {
      if (!this.panel.visible) this.panel.reveal(undefined, true);
      return;
    }
    const place = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    this.fill(vscode.window.createWebviewPanel(TYPE, 'Unroll', place, webviewOptions(this.extension)));
  }

  /** Moves the focus into the panel. */
  focus(): void {
    this.open();
    this.panel?.reveal(undefined, false);
  }

  setTitle(title: string): void {
    if (this.panel !== undefined) this.panel.title = title;
  }

  dispose(): void {
    this.serializer.dispose();
    this.panel?.dispose();
  }

  private fill(panel: vscode.WebviewPanel): void {
    this.panel = panel;
    panel.iconPath = new vscode.ThemeIcon('pulse');
    const detach = this.model.attach(portOf(panel.webview));
    panel.onDidDispose(() => {
      detach();
      if (this.panel === panel) this.panel = undefined;
    });
    panel.webview.html = page(panel.webview, this.extension, 'panel', 'Unroll');
  }
}
