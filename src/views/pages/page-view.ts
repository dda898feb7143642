// A webview that shows a page of text made by the host. What changes replaces the page in place, so that the reader stays where they are.

import * as vscode from 'vscode';
import { documentOf } from './document.ts';

export class PageView implements vscode.Disposable {
  readonly #panel: vscode.WebviewPanel;
  readonly #disposables: vscode.Disposable[] = [];
  #isLoaded = false;
  #isGone = false;
  #content = '';

  /** `kind` names the sort of page: `unroll.preview`. */
  constructor(kind: string, title: string) {
    this.#panel = vscode.window.createWebviewPanel(
      kind,
      title,
      { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true },
      { enableScripts: true, enableFindWidget: true },
    );
    this.#disposables.push(this.#panel.onDidDispose(() => this.#go()));
  }

  /** The listener goes with the panel: taken away while the panel closes, it would not be called. */
  onDidDispose(listener: () => void): void {
    this.#panel.onDidDispose(listener);
  }

  get title(): string {
    return this.#panel.title;
  }

  set title(title: string) {
    this.#panel.title = title;
  }

  /** Shows a page, unless the reader has closed it. */
  show(content: string): void {
    if (this.#isGone || content === this.#content) return;
    this.#content = content;
    if (this.#isLoaded) {
      void this.#panel.webview.postMessage(content);
      return;
    }
    this.#isLoaded = true;
    this.#panel.webview.html = documentOf(content);
  }

  loading(what: string): void {
    this.show(`<p class="empty" role="status">${what} …</p>`);
  }

  failed(text: string): void {
    this.show(`<p class="failed" role="alert">${text.replace(/&/g, '&amp;').replace(/</g, '&lt;')}</p>`);
  }

  reveal(): void {
    this.#panel.reveal(undefined, true);
  }

  dispose(): void {
    this.#panel.dispose();
    this.#go();
  }

  #go(): void {
    this.#isGone = true;
    for (const disposable of this.#disposables.splice(0)) disposable.dispose();
  }
}
