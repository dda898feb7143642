// The page of a webview: nothing but its bundle and its style sheet may load, and no script stands in the page.

import * as vscode from 'vscode';

export type Bundle = 'panel' | 'gates';

export function page(webview: vscode.Webview, extension: vscode.Uri, bundle: Bundle, title: string): string {
  const file = (name: string) => webview.asWebviewUri(vscode.Uri.joinPath(extension, 'dist', 'webview', name)).toString();
  const source = webview.cspSource;
  // The controls set styles of their own on elements; pictures are data: when they are exported.
  const policy = `default-src 'none'; script-src ${source}; style-src ${source} 'unsafe-inline'; img-src data: blob:; font-src ${source}`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${title}</title>
<link rel="stylesheet" href="${file(`${bundle}.css`)}">
</head>
<body>
<div id="app"></div>
<script type="module" src="${file(`${bundle}.js`)}"></script>
</body>
</html>`;
}

/** The port of a webview, for the bridge. */
export function portOf(webview: vscode.Webview) {
  return {
    post: (message: unknown) => void webview.postMessage(message),
    listen: (receive: (message: unknown) => void) => {
      const subscription = webview.onDidReceiveMessage(receive);
      return () => subscription.dispose();
    },
  };
}

export const webviewOptions = (extension: vscode.Uri): vscode.WebviewOptions => ({
  enableScripts: true,
  localResourceRoots: [vscode.Uri.joinPath(extension, 'dist', 'webview')],
});
