// Which kind of file it is: by how it begins where that says it, else by its name.

import type { OpenFile } from './bytes.ts';
import { badFile, InputError, unknownKind } from './errors.ts';

export type FileKind = 'npy' | 'npz' | 'table' | 'json' | 'text' | 'wave' | 'image';

/** Throws InputError where it is none that is read, or not what its name says. */
export async function kindOf(file: OpenFile): Promise<{ readonly kind: FileKind; readonly remark?: string }> {
  const { path } = file;
  const head = Buffer.from(await file.read(0, 16));
  const named = byName.find(([pattern]) => pattern.test(path))?.[1];
  const begins = beginnings.find(([, is]) => is(head));
  if (begins !== undefined) {
    const [kind, , what] = begins;
    if (kind === undefined) throw badFile(path, `it is ${what}, which is not read. ${CONVERT[what] ?? 'Choose another file.'}`);
    return { kind, ...(named === kind ? {} : { remark: `${path} is ${what}, and is read as one.` }) };
  }
  if (named === undefined) throw unknownKind(path);
  if (named in magic)
    throw new InputError(
      `${badFile(path, `it is no ${magic[named as keyof typeof magic]}: it begins otherwise`).message}. Choose another file, or write it anew.`,
    );
  return { kind: named };
}

const byName: readonly (readonly [RegExp, FileKind])[] = [
  [/\.npy$/i, 'npy'],
  [/\.npz$/i, 'npz'],
  [/\.(csv|tsv|tab|jsonl|ndjson)$/i, 'table'],
  [/\.json$/i, 'json'],
  [/\.(txt|text|dat)$/i, 'text'],
  [/\.wave?$/i, 'wave'],
  [/\.(png|jpe?g)$/i, 'image'],
];

/** Kinds that begin in one way only. */
const magic = { npy: 'NumPy array', npz: '.npz archive', wave: '.wav file', image: 'PNG or JPEG image' } as const;

const starts =
  (text: string, at = 0) =>
  (head: Buffer): boolean =>
    head.toString('latin1', at, at + text.length) === text;

const beginnings: readonly (readonly [FileKind | undefined, (head: Buffer) => boolean, string])[] = [
  ['npy', starts('\x93NUMPY'), 'a NumPy array'],
  ['npz', starts('PK\x03\x04'), 'an archive of arrays'],
  ['npz', starts('PK\x05\x06'), 'an empty archive'],
  ['wave', (head) => /^(RIFF|RIFX|RF64)$/.test(head.toString('latin1', 0, 4)) && starts('WAVE', 8)(head), 'a .wav file'],
  ['image', starts('\x89PNG\r\n\x1a\n'), 'a PNG image'],
  ['image', starts('\xff\xd8\xff'), 'a JPEG image'],
  [undefined, (head) => starts('RIFF')(head) && starts('WEBP', 8)(head), 'a WebP image'],
  [undefined, (head) => starts('GIF8')(head), 'a GIF image'],
  [undefined, starts('%PDF'), 'a PDF document'],
  [undefined, starts('fLaC'), 'a FLAC file'],
  [undefined, starts('OggS'), 'an Ogg file'],
  [undefined, starts('ID3'), 'an MP3 file'],
  [undefined, starts('\x1f\x8b'), 'a gzip file'],
  [undefined, starts('\x89HDF'), 'an HDF5 file'],
];

const CONVERT: Readonly<Record<string, string>> = {
  'a WebP image': 'Convert it to PNG.',
  'a GIF image': 'Convert it to PNG.',
  'a FLAC file': 'Convert it to .wav.',
  'an Ogg file': 'Convert it to .wav.',
  'an MP3 file': 'Convert it to .wav.',
  'a gzip file': 'Unpack it first.',
  'an HDF5 file': 'Write the array to a .npy file.',
};
