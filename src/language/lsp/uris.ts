// Paths as the language has them, with slashes; and URIs as editors have them.

import { fileURLToPath, pathToFileURL } from 'node:url';

export const uriOf = (path: string): string => (/^[a-z][a-z0-9+.-]+:/i.test(path) ? path : pathToFileURL(path).href);

export const slashed = (path: string): string => (process.platform === 'win32' ? path.replaceAll('\\', '/') : path);
export const pathOf = (uri: string): string => (uri.startsWith('file:') ? slashed(fileURLToPath(uri)) : uri);
