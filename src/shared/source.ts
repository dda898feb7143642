// Places in source files, and what a line of a cell is to it.

/** A place in a source file. Zero-based lines and columns, as in LSP; `end` is exclusive. */
export interface SourceRange {
  readonly uri: string;
  readonly start: { readonly line: number; readonly column: number };
  readonly end: { readonly line: number; readonly column: number };
}

/** What a line is to its cell; told from the equations, never from its name: a `gate` is squashed into [0, 1], a `candidate` into [-1, 1]. */
export type LineRole = 'gate' | 'candidate' | 'state' | 'value' | 'weights' | 'loss' | 'scores';

/** Something wrong, or worth saying, in a source file. */
export interface Fault {
  readonly range: SourceRange;
  readonly severity: 'error' | 'warning' | 'hint';
  /** Stable, for tests and repairs: `syntax`, `unknown-name`, `shape`. */
  readonly code: string;
  readonly message: string;
  /** A text that, put in place of `range`, mends it. */
  readonly repair?: string;
  /** Others, anywhere in the file: a line that is missing. */
  readonly repairs?: readonly Repair[];
}

/** Edits that mend a fault, and what they do in a few words. */
export interface Repair {
  readonly title: string;
  readonly edits: readonly { readonly range: SourceRange; readonly text: string }[];
}
