// The layout of a source (SPEC section 7): two spaces a level, `=` aligned within a block of equations, values within a block of settings, comments at line
// ends within a block; one blank line between declarations and equations, and between items. No line is broken or joined, and nothing between
// the first and the last character of an expression is touched: it works on lines, so that it also works on a file with errors in it.

import type { Position, Range, TextEdit } from 'vscode-languageserver-types';

/** The edits that lay out the lines of a range, or all. */
export function formatting(text: string, range?: Range): TextEdit[] {
  return edits(text, (k) => range === undefined || (k >= range.start.line && k <= range.end.line), true);
}

/** When a brace closes an item, that item; when a line is ended, the block that it is in. Blank lines stay: the cursor is between them. */
export function onTypeFormatting(text: string, { line }: Position, typed: string): TextEdit[] {
  const lines = text.split(/\r\n|\n|\r/);
  const isPart = (k: number): boolean => (lines[k] ?? '').trim() !== '';
  let first = typed === '}' ? line : line - 1;
  if (typed === '}') while (first > 0 && !/^(cell|model|train|generate)\b/.test(lines[first]!)) first -= 1;
  else while (first > 0 && isPart(first) && isPart(first - 1)) first -= 1;
  const last = typed === '}' ? line : line - 1;
  return edits(text, (k) => k >= first && k <= last, false);
}

function edits(text: string, isAsked: (line: number) => boolean, blanks: boolean): TextEdit[] {
  const before = text.split(/\r\n|\n|\r/);
  const end = /\r\n|\n|\r/.exec(text)?.[0] ?? '\n';
  const lines = linesOf(before);
  const after = laidOut(before, lines);
  const gaps = blanks ? gapsOf(lines, after) : new Map<number, 'before' | 'gone'>();
  return before.flatMap((line, k): TextEdit[] => {
    if (!isAsked(k)) return [];
    const gap = gaps.get(k);
    const start = { line: k, character: 0 };
    if (gap === 'gone') return [{ range: { start, end: { line: k + 1, character: 0 } }, newText: '' }];
    if (line === after[k] && gap === undefined) return [];
    return [{ range: { start, end: { line: k, character: line.length } }, newText: `${gap === 'before' ? end : ''}${after[k]!}` }];
  });
}

/** Before which lines a blank one is missing, and which blank lines are too many. */
function gapsOf(lines: readonly Line[], after: readonly string[]): ReadonlyMap<number, 'before' | 'gone'> {
  const gaps = new Map<number, 'before' | 'gone'>();
  const isBlank = (k: number): boolean => lines[k]?.kind === 'blank';
  const isComment = (k: number): boolean => lines[k]?.kind === 'other' && after[k]!.trimStart().startsWith('//');
  const last = lines.length - 1;
  for (const [k, { kind, depth, opens }] of lines.entries()) {
    if (kind === 'blank') {
      const above = lines[k - 1];
      const isFirst = above === undefined || (above.opens && above.depth === 0 && !above.declares);
      const isLast = k < last && /^\s*\}/.test(after[k + 1]!);
      if (k < last && (isBlank(k - 1) || isFirst || isLast || gaps.get(k - 1) === 'gone')) gaps.set(k, 'gone');
      continue;
    }
    if (kind === 'kept' || isComment(k) || k === 0) continue;
    // what is said above a line belongs to it
    let top = k;
    while (top > 0 && isComment(top - 1)) top -= 1;
    const above = lines[top - 1];
    if (top === 0 || above === undefined || above.kind === 'blank' || above.kind === 'kept') continue;
    const startsBody = kind === 'equation' && above.declares;
    const startsItem = depth === 0 && above.depth === 0 && BEGINS.test(after[k]!) && (opens || /^\}/.test(after[top - 1]!));
    if (startsBody || startsItem) gaps.set(top, 'before');
  }
  return gaps;
}

/** What a line is made of. */
interface Line {
  readonly indent: number;
  /** Without indentation and comment. */
  readonly code: string;
  /** With its slashes, where it stands behind code. */
  readonly comment?: string;
  /** Where the comment stands as it is. */
  readonly column: number;
  readonly kind: 'equation' | 'setting' | 'other' | 'blank' | 'kept';
  /** Which block of braces it belongs to; 0 outside. */
  readonly block: number;
  /** Braces that are open where it begins, its own closing one not counted. */
  readonly depth: number;
  /** It opens a brace that stays open. */
  readonly opens: boolean;
  /** It is a `state` or `param` line, or goes on with one. */
  readonly declares: boolean;
  /** `f` and `sigmoid(...)`, of an equation; `epochs` and `5`, of a setting. */
  readonly parts?: readonly [string, string];
}

const EQUATION =
  /^([\p{L}_][\p{L}\p{M}\p{N}_]*'?(?:\s*:\s*(?:\[[^\]=]*\]|number)(?:\s+of\s+[\p{L}_][\p{L}\p{M}\p{N}_]*)?)?)\s*=(?!=)\s*(.*)$/u;
const SETTING = /^([\p{L}_][\p{L}\p{M}\p{N}_]*)\s*:\s*(.+)$/u;
/** Words that begin a declaration, in which `=` gives a default. */
const DECLARES = /^(state|param|data|use)\b/;
const BEGINS = /^(cell|model|data|train|generate|use)\b/;

function laidOut(source: readonly string[], lines: readonly Line[]): string[] {
  const aligned = lines.map(({ code }) => code);
  for (const group of groupsOf(lines)) align(group, lines, aligned);
  const whole = aligned.map((code, k) => (code === '' ? '' : ' '.repeat(lines[k]!.indent) + code));
  alignComments(lines, whole);
  return lines.map((line, k) => {
    if (line.kind === 'kept') return source[k]!;
    return whole[k]!;
  });
}

/** Neighbouring equations, or settings, of one block. */
function* groupsOf(lines: readonly Line[]): Generator<readonly number[]> {
  let group: number[] = [];
  for (const [k, { kind, block, indent }] of lines.entries()) {
    const last = lines[group[0] ?? -1];
    const isAlike =
      (kind === 'equation' || kind === 'setting') &&
      (last === undefined || (last.kind === kind && last.block === block && last.indent === indent));
    if (!isAlike) {
      yield group;
      group = [];
    }
    if (kind === 'equation' || kind === 'setting') group.push(k);
  }
  yield group;
}

function align(group: readonly number[], lines: readonly Line[], aligned: string[]): void {
  const widest = Math.max(0, ...group.map((k) => widthOf(lines[k]!.parts![0])));
  for (const k of group) {
    const [name, value] = lines[k]!.parts!;
    const room = ' '.repeat(widest - widthOf(name));
    aligned[k] = lines[k]!.kind === 'equation' ? `${name}${room} = ${value}` : `${name}:${room} ${value}`;
  }
}

/** Comments of a block stand one under the other: where they do already they stay, else two places behind the longest line. */
function alignComments(lines: readonly Line[], whole: string[]): void {
  const blocks = new Map<number, number[]>();
  for (const [k, { comment, block, kind }] of lines.entries())
    if (comment !== undefined && kind !== 'kept') blocks.set(block, [...(blocks.get(block) ?? []), k]);
  for (const group of blocks.values()) {
    const least = Math.max(...group.map((k) => widthOf(whole[k]!))) + 2;
    const columns = new Set(group.map((k) => lines[k]!.column));
    const [first = least] = columns;
    const column = columns.size === 1 && first >= least - 1 ? first : least;
    for (const k of group) whole[k] = whole[k]! + ' '.repeat(column - widthOf(whole[k]!)) + lines[k]!.comment;
  }
}

const widthOf = (text: string): number => Array.from(text).length;

function linesOf(source: readonly string[]): Line[] {
  const lines: Line[] = [];
  let [braces, brackets, block, blocks] = [0, 0, 0, 0];
  let isComment = false;
  /** The line before ends with an operator or a comma: this one goes on. */
  let goesOn = false;
  let isSettings = false;
  for (const text of source) {
    const { code, comment, closes, opens, inComment } = scan(text, isComment);
    const column = text.length - (comment?.length ?? 0);
    if (isComment || inComment) {
      lines.push({ indent: 0, code: '', column, kind: 'kept', block, depth: braces, opens: false, declares: false });
      isComment = inComment;
      continue;
    }
    if (code === '') {
      const own = comment === undefined ? '' : comment;
      lines.push({
        indent: own === '' ? 0 : 2 * (braces + (brackets > 0 ? 1 : 0)),
        code: own,
        column,
        kind: own === '' ? 'blank' : 'other',
        block,
        depth: braces,
        opens: false,
        declares: false,
      });
      continue;
    }
    const startsWithClose = /^[)\]}]/.test(code);
    const isContinued = brackets > 0 || goesOn || /^([*/%@+]|-(?!\d)|<|>|==|!=|and\b|or\b)/.test(code);
    const level = Math.max(0, braces - (code.startsWith('}') ? 1 : 0)) + (isContinued && !startsWithClose ? 1 : 0);
    if (braces === 0 && brackets === 0) isSettings = /^(train|generate)\b/.test(code);
    const equation = !isContinued && braces > 0 && !isSettings && !DECLARES.test(code) ? EQUATION.exec(code) : null;
    const isSetting = (isSettings && braces === 1 && !isContinued) || brackets === 1;
    const setting = isSetting && !startsWithClose ? SETTING.exec(code) : null;
    const found = equation ?? setting;
    if (braces === 0 && opens.braces > closes.braces) blocks += 1;
    lines.push({
      indent: 2 * level,
      code,
      ...(comment === undefined ? {} : { comment }),
      column,
      kind: equation !== null ? 'equation' : setting !== null ? 'setting' : 'other',
      block: braces > 0 || opens.braces > 0 ? blocks : 0,
      depth: Math.max(0, braces - (code.startsWith('}') ? 1 : 0)),
      opens: opens.braces > closes.braces,
      declares: isContinued ? lines.at(-1)?.declares === true : /^(state|param)\b/.test(code),
      ...(found === null ? {} : { parts: [found[1]!.trimEnd(), found[2]!] as const }),
    });
    braces = Math.max(0, braces + opens.braces - closes.braces);
    brackets = Math.max(0, brackets + opens.brackets - closes.brackets);
    block = braces > 0 ? blocks : 0;
    goesOn = brackets === 0 && braces === 0 && /[=,]$/.test(code) ? true : /([*/%@+]|-|<|>|==|!=|\band|\bor)$/.test(code);
  }
  return lines;
}

interface Scanned {
  readonly code: string;
  readonly comment?: string;
  readonly opens: { readonly braces: number; readonly brackets: number };
  readonly closes: { readonly braces: number; readonly brackets: number };
  /** A block comment goes on behind the line. */
  readonly inComment: boolean;
}

/** A line without what it is not: brackets in strings and comments do not count. */
function scan(text: string, isComment: boolean): Scanned {
  const opens = { braces: 0, brackets: 0 };
  const closes = { braces: 0, brackets: 0 };
  let at = 0;
  let inComment = isComment;
  let comment: string | undefined;
  while (at < text.length) {
    if (inComment) {
      const end = text.indexOf('*/', at);
      if (end < 0) break;
      inComment = false;
      at = end + 2;
      continue;
    }
    const rest = text.slice(at, at + 2);
    if (rest === '//') {
      comment = text.slice(at).trimEnd();
      break;
    }
    if (rest === '/*') {
      inComment = true;
      at += 2;
      continue;
    }
    const letter = text[at]!;
    if (letter === '"') {
      const end = /"(?:[^"\\]|\\.)*"?/y;
      end.lastIndex = at;
      at += end.exec(text)?.[0].length ?? 1;
      continue;
    }
    if (letter === '{') opens.braces += 1;
    if (letter === '}') closes.braces += 1;
    if (letter === '(' || letter === '[') opens.brackets += 1;
    if (letter === ')' || letter === ']') closes.brackets += 1;
    at += 1;
  }
  const code = (comment === undefined ? text : text.slice(0, at)).replace(/^\uFEFF/, '').trim();
  return { code, ...(comment === undefined ? {} : { comment }), opens, closes, inComment };
}
