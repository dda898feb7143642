// A webview that shows a page of text made by the host. What changes replaces the page in place, so that the reader stays where they are.

import * as vscode from 'vscode';
import { documentOf, type Own } from './document.ts';

export class PageView implements vscode.Disposable {
  readonly #panel: vscode.WebviewPanel;
  readonly #own: Own | undefined;
  readonly #disposables: vscode.Disposable[] = [];
  #isLoaded = false;
  #isGone = false;
  #content = '';
  /** What stands in the document: a hidden page is thrown away, and comes back as that. */
  #written = '';
  #isVisible = true;

  /** `own`: what the page has besides, for itself. */
  constructor(panel: vscode.WebviewPanel, own?: Own) {
    this.#panel = panel;
    this.#own = own;
    this.#disposables.push(
      this.#panel.onDidDispose(() => this.#go()),
      this.#panel.onDidChangeViewState(() => {
        const cameBack = this.#panel.visible && !this.#isVisible;
        this.#isVisible = this.#panel.visible;
        if (cameBack && this.#content !== this.#written) this.#write();
      }),
    );
  }

  /** A page beside the editor. `kind` names the sort of page: `unroll.preview`. */
  static beside(kind: string, title: string): PageView {
    const place = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    return new PageView(vscode.window.createWebviewPanel(kind, title, place, { enableScripts: true, enableFindWidget: true }));
  }

  /** Calls the listener with the data of what is pressed on the page (`data-action` and whatever stands beside it). */
  onAction(listener: (data: Readonly<Record<string, string>>) => void): void {
    this.#disposables.push(this.#panel.webview.onDidReceiveMessage(listener));
  }

  /** The listener goes with the panel: taken away while the panel closes, it would not be called. */
  onDidDispose(listener: () => void): void {
    this.#panel.onDidDispose(listener);
  }

  get isActive(): boolean {
    return !this.#isGone && this.#panel.active;
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
    this.#write();
  }

  /** Tells the page's own script something. */
  tell(message: object): void {
    if (this.#isLoaded && !this.#isGone) void this.#panel.webview.postMessage(message);
  }

  #write(): void {
    this.#written = this.#content;
    this.#panel.webview.html = documentOf(this.#content, this.#own);
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
