// A file of a trace among the files of the workspace: the trace was made on another machine, under another root, perhaps under Windows.

export type FileMatch =
  /** `common`: how many segments from the end agree; 1 is the file's name alone. */
  | { readonly kind: 'one'; readonly path: string; readonly common: number }
  /** Several fit equally well. */
  | { readonly kind: 'several'; readonly paths: readonly string[]; readonly common: number }
  | { readonly kind: 'none' };

/** The workspace's file with the longest common suffix of path segments. Letter case counts, unless the trace is Windows' or nothing else fits. */
export function matchFile(traced: string, files: readonly string[]): FileMatch {
  const wanted = segmentsOf(traced);
  const exact = isWindows(traced) ? { kind: 'none' as const } : longest(wanted, files, (segment) => segment);
  return exact.kind === 'none' ? longest(wanted, files, (segment) => segment.toLowerCase()) : exact;
}

function longest(wanted: readonly string[], files: readonly string[], fold: (segment: string) => string): FileMatch {
  const folded = wanted.map(fold);
  let common = 0;
  let paths: string[] = [];
  for (const file of new Set(files)) {
    const shared = sharedSuffix(folded, segmentsOf(file).map(fold));
    if (shared === 0 || shared < common) continue;
    if (shared > common) paths = [];
    common = shared;
    paths.push(file);
  }
  if (paths.length === 0) return { kind: 'none' };
  return paths.length === 1 ? { kind: 'one', path: paths[0]!, common } : { kind: 'several', paths, common };
}

function sharedSuffix(a: readonly string[], b: readonly string[]): number {
  let count = 0;
  while (count < a.length && count < b.length && a[a.length - 1 - count] === b[b.length - 1 - count]) count++;
  return count;
}

/** Without `.`, empty segments and a drive; `..` takes its parent away. */
function segmentsOf(path: string): string[] {
  const segments: string[] = [];
  for (const segment of path.replace(/^file:\/\//, '').split(/[\\/]+/)) {
    if (segment === '..' && segments.length > 0) segments.pop();
    else if (segment !== '' && segment !== '.' && segment !== '..' && !/^[A-Za-z]:$/.test(segment)) segments.push(segment);
  }
  return segments;
}

const isWindows = (path: string): boolean => /^[A-Za-z]:[\\/]|^\\\\/.test(path) || (path.includes('\\') && !path.includes('/'));
