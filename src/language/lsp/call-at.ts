// The call that a place stands in, read off the text: while one types, the syntax is broken more often than not.

/** A call around a place. */
export interface CallAt {
  /** What is called: `lstm`, `table`, `adam`. */
  readonly callee: string;
  /** Where its arguments begin. */
  readonly start: number;
  /** Which of the arguments without a name the place is in, from 0. */
  readonly position: number;
  /** The name of the argument that the place is in: `layers` behind `layers:`. */
  readonly name?: string;
  /** Names that are given already. */
  readonly given: readonly string[];
}

/** Characters that are looked at before a place. */
const REACH = 4000;

/** The innermost call around an offset, and those around it, outwards. */
export function callsAt(text: string, offset: number): CallAt[] {
  const plain = blanked(text.slice(Math.max(0, offset - REACH), offset));
  const found: CallAt[] = [];
  let depth = 0;
  for (let at = plain.length - 1; at >= 0; at -= 1) {
    const letter = plain[at]!;
    if (letter === ')' || letter === ']') depth += 1;
    else if (letter === '[' && depth > 0) depth -= 1;
    else if (letter === '{' || letter === '}') break;
    else if (letter === '(') {
      if (depth > 0) {
        depth -= 1;
        continue;
      }
      const callee = /([\p{L}_][\p{L}\p{M}\p{N}_]*)\s*$/u.exec(plain.slice(0, at))?.[1];
      if (callee !== undefined) found.push({ callee, start: offset - plain.length + at + 1, ...argumentsOf(plain.slice(at + 1)) });
    }
  }
  return found;
}

function argumentsOf(text: string): Pick<CallAt, 'position' | 'name' | 'given'> {
  const parts = ['' as string];
  let depth = 0;
  for (const letter of text) {
    if ('([{'.includes(letter)) depth += 1;
    if (')]}'.includes(letter)) depth -= 1;
    if (letter === ',' && depth <= 0) parts.push('');
    else parts[parts.length - 1] += letter;
  }
  const nameOf = (part: string): string | undefined => /^\s*([\p{L}_][\p{L}\p{M}\p{N}_]*)\s*:/u.exec(part)?.[1];
  const names = parts.map(nameOf);
  const name = names.at(-1);
  const position = names.slice(0, -1).filter((each) => each === undefined).length;
  return { position, ...(name === undefined ? {} : { name }), given: names.slice(0, -1).filter((each) => each !== undefined) };
}

/** The same length, with strings and comments as spaces. */
export const blanked = (text: string): string =>
  text.replace(/"(?:[^"\\\n]|\\.)*("|$)|\/\/[^\n]*|\/\*[\s\S]*?(\*\/|$)/gm, (found) => found.replace(/[^\n]/g, ' '));
