// How charts look, wherever they stand: colours are the theme's.

export const chartStyle = `.tick { color: var(--vscode-descriptionForeground); fill: var(--vscode-descriptionForeground); font-size: 11px; font-weight: 400; }
.label { fill: var(--vscode-foreground); font-size: 11px; }
.halo { paint-order: stroke; stroke: var(--background, var(--vscode-editor-background)); stroke-width: 3px; }
.grid { stroke: var(--vscode-editorWidget-border, rgba(128, 128, 128, 0.35)); stroke-width: 0.7; }
.mark { stroke: var(--vscode-foreground); stroke-dasharray: 5 4; stroke-width: 1; opacity: 0.8; }
.spot { fill: none; stroke-width: 1.8; }
.band { fill: var(--vscode-charts-green); opacity: 0.12; }
`;
