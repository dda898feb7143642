// How an analysis looks, in the editor and as a file: colours are the theme's, and the file has a theme of its own.

export const analysisStyle = `h1 small, h2 small, .place { color: var(--vscode-descriptionForeground); font-weight: 400; }
h3 { font-size: 1.05em; font-weight: 600; margin: 18px 0 4px; }
.verdict { border-left: 4px solid var(--vscode-charts-red); padding: 2px 16px; margin: 10px 0; max-width: 100ch; }
.verdict.sound { border-color: var(--vscode-charts-green); }
.verdict ul { margin: 2px 0 6px; padding-left: 20px; }
.verdict p { margin: 4px 0; }
.scroll { overflow-x: auto; }
.ways code, .ways .place { white-space: nowrap; }
.killer td { font-weight: 600; }
.number { white-space: nowrap; }
.halo { paint-order: stroke; stroke: var(--background, var(--vscode-editor-background)); stroke-width: 3px; }
`;
