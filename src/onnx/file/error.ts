// Why a model file, or a part of one, is not read.

/** The message says the file, the place in it, what is wrong, and what to change. */
export class ModelFileError extends Error {
  override name = 'ModelFileError';
}

/** `a, b, c and 4 others` */
export function listed(names: readonly string[], most = 3): string {
  const shown = names.slice(0, most).map(quoted);
  const rest = names.length - shown.length;
  if (rest > 0) return `${shown.join(', ')} and ${rest} other${rest === 1 ? '' : 's'}`;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

/** A name of a file, of any length and letters, as it may stand in a sentence. */
export function quoted(name: string): string {
  if (name === '') return '""';
  // Control characters and those that turn the direction of writing are shown as codes.
  const plain = name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (letter) => `\\u{${letter.codePointAt(0)!.toString(16)}}`);
  return plain.length > 100 ? `${plain.slice(0, 60)}…${plain.slice(-30)}` : plain;
}
