// Images of a folder with their captions. Files are looked at when the data is read, and decoded when a batch asks for them.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { InputShape, KeptData } from '../../shared/dataset.ts';
import { type ImagesSource, usualLongest } from '../../shared/settings.ts';
import type { Dataset } from '../dataset.ts';
import { count, DataError, noImages, notReadImage, otherInputs, unreadable } from '../errors.ts';
import { drawGroups } from '../split.ts';
import { dimensionOf, type MadeInput } from '../store.ts';
import { type RowsSource, readRows } from '../table.ts';
import { openTable, type Table, type TableRow } from '../table-rows.ts';
import type { Reading } from '../text-stream.ts';
import { Cache } from './cache.ts';
import { type Form, MOST_BYTES, pictureOf, sizeOf } from './picture.ts';

/** Reads captions and looks at their images. Throws DataError. */
export async function loadImages(
  source: ImagesSource,
  shapes: readonly InputShape[],
  kept?: KeptData,
  reading?: Reading,
): Promise<Dataset> {
  const { image, caption } = inputsOf(shapes);
  const { form, sizes } = formOf(source, image, kept);
  const present = await filesOf(source.path);
  const captions = await readCaptions(source, reading);
  const remarks: string[] = [];
  const wanted = [...new Set(captions.rows.map(({ name }) => name))];
  const lost = new Set(wanted.filter((name) => !present.has(name)));
  const unsound = new Map<string, string>();
  const bytes = new Map<string, number>();
  const checked = wanted.filter((name) => !lost.has(name));
  let done = 0;
  const next = async (): Promise<void> => {
    for (let name = checked[done++]; name !== undefined; name = checked[done++]) {
      reading?.signal?.throwIfAborted();
      const looked = await lookAt(join(source.path, name));
      if (typeof looked === 'string') unsound.set(name, looked);
      else bytes.set(name, looked);
      reading?.progress?.(unsound.size + bytes.size, checked.length);
    }
  };
  await Promise.all(Array.from({ length: 16 }, next));
  const left = (names: ReadonlySet<string> | ReadonlyMap<string, string>, which: (one: boolean) => string): void => {
    const rows = captions.rows.filter(({ name }) => names.has(name));
    const [first] = rows;
    if (first === undefined) return;
    const [all, one] = [rows.length, names.size === 1];
    // Each reason once, with an image that has it: one is cut short, another too large.
    const whyOf = (name: string): string => (names instanceof Map ? `: ${(names as Map<string, string>).get(name)}` : '.');
    const why = whyOf(first.name);
    const reasons = new Map(rows.map(({ name }) => [whyOf(name), name]).reverse() as [string, string][]);
    reasons.delete(why);
    const others = [...reasons]
      .slice(-3)
      .reverse()
      .map(([other, name]) => ` Also ${name}${other}`);
    remarks.push(
      `${count(all, 'caption')} of ${count(names.size, 'image')} that ${which(one)} ${all === 1 ? 'is' : 'are'} left out, the first in line ${first.line.toLocaleString('en-US')}: ${first.name}${why}${others.join('')}`,
    );
  };
  left(lost, (one) => (one ? 'is not there' : 'are not there'));
  left(unsound, () => 'cannot be read');
  const named = new Set(wanted);
  const silent = [...present].filter((name) => !named.has(name));
  if (silent.length > 0)
    remarks.push(
      `${count(silent.length, 'image')} without a caption ${silent.length === 1 ? 'is' : 'are'} left out: ${silent.slice(0, 3).join(', ')}${silent.length > 3 ? ', …' : ''}.`,
    );
  const rows = captions.rows.filter(({ name }) => bytes.has(name));
  if (rows.length === 0) throw noImages(source.path, source.captions, remarks[0]);

  const names = [...new Set(rows.map(({ name }) => name))];
  const numbers = new Map(names.map((name, k) => [name, k]));
  const byImage: string[][] = names.map(() => []);
  const taken: number[] = [];
  const digest = createHash('sha256').update(captions.digest);
  for (const name of [...names].sort()) digest.update(`${name}\u0000${bytes.get(name)}\n`);
  const table: Table = {
    columns: ['1'],
    hasHeader: false,
    first: [],
    rows: (async function* () {
      yield rows.map(({ line, text }): TableRow => ({ line, cells: [text] }));
    })(),
    digest: () => digest.digest('hex'),
    close: async () => undefined,
  };
  let at = 0;
  const cache = new Cache((k: number) => {
    const name = names[k]!;
    const fail = (why: string): DataError => notReadImage(name, source.captions, rows.find((row) => row.name === name)!.line, why);
    let file: Uint8Array;
    try {
      file = readFileSync(join(source.path, name));
    } catch (error) {
      throw fail((error as Error).message);
    }
    return pictureOf(file, form, fail);
  });
  const made: MadeInput = { shape: image, make: (row) => Float32Array.from(cache.get(taken[row]!), (value) => value / 255) };
  const data = await readRows(columnsOf(source), [caption], table, kept, {
    source,
    unit: 'caption',
    empty: 'without a word',
    longest: source.longest ?? usualLongest(source),
    made: [made],
    taken(row) {
      while (rows[at]!.line !== row.line) at += 1;
      const k = numbers.get(rows[at]!.name)!;
      taken.push(k);
      byImage[k]!.push(rows[at]!.text);
      at += 1;
    },
    draw: () => drawGroups(basename(source.path), Int32Array.from(taken), source),
    known: () => ({ references: (row) => byImage[taken[row]!]! }),
  });
  return { ...data, inputs: shapes, sizes: { ...sizes, ...data.sizes }, remarks: [...remarks, ...data.remarks] };
}

/** The bytes of a file that is an image from its beginning to its end, else why it is none. */
async function lookAt(path: string): Promise<number | string> {
  const file = await open(path).catch((error: Error) => error);
  if (file instanceof Error) return file.message;
  try {
    const { size } = await file.stat();
    if (size === 0) return 'it is empty.';
    if (size > MOST_BYTES) return `it has ${Math.round(size / 2 ** 20)} MiB, of which ${MOST_BYTES / 2 ** 20} are read. Make it smaller.`;
    const part = async (from: number, length: number): Promise<Buffer> => {
      const bytes = Buffer.alloc(Math.max(0, Math.min(length, size - from)));
      await file.read(bytes, 0, bytes.length, from);
      return bytes;
    };
    // The header of a JPEG stands behind what cameras and programs have to say.
    for (let length = HEAD; ; length *= 16) {
      try {
        sizeOf(await part(0, length), (why) => new Error(why));
        break;
      } catch (error) {
        if (length >= size || length >= 2 ** 24) return (error as Error).message;
      }
    }
    const tail = (await part(Math.max(0, size - TAIL), TAIL)).toString('latin1');
    return tail.includes('IEND') || tail.includes('\u00ff\u00d9') ? size : 'it was cut short.';
  } catch (error) {
    return (error as Error).message;
  } finally {
    await file.close();
  }
}

/** Bytes that are read at the beginning; and at the end, where programs may write more behind an image. */
const HEAD = 2 ** 14;
const TAIL = 2 ** 16;

const IMAGE = /\.(?:png|jpe?g)$/i;

/** The images of a folder and the folders in it, by their paths from it, with slashes. */
async function filesOf(folder: string): Promise<ReadonlySet<string>> {
  try {
    if (!(await stat(folder)).isDirectory()) throw new DataError('data', `${folder} is no folder. Name the one that holds the images.`);
    const found = await readdir(folder, { recursive: true });
    return new Set(found.filter((name) => IMAGE.test(name)).map((name) => name.replaceAll('\\', '/')));
  } catch (error) {
    if (error instanceof DataError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new DataError('missing', `There is no folder ${folder}. Put the images there, or change the path in the data line.`);
    throw unreadable(folder, error);
  }
}

// ------------------------------------------------------------------------------------------------------------------ captions

interface Captions {
  readonly rows: readonly { readonly line: number; readonly name: string; readonly text: string }[];
  readonly digest: string;
}

const NAMES = ['image', 'image_name', 'file', 'filename', 'file_name'];
const TEXTS = ['caption', 'comment', 'text', 'sentence'];

/** A table with the names of images first and captions last, unless its header has their names. */
async function readCaptions({ captions: path }: ImagesSource, reading: Reading | undefined): Promise<Captions> {
  const table = await openTable(path, { ...reading, names: [...NAMES, ...TEXTS] });
  try {
    const among = (names: readonly string[], usual: number): number => {
      const place = table.columns.findIndex((column) => names.includes(column.trim().toLowerCase()));
      return place < 0 ? usual : place;
    };
    const [name, text] = [among(NAMES, 0), among(TEXTS, table.columns.length - 1)];
    if (name === text) throw otherInputs(basename(path), 'one column', 'an image and its caption, as in cat.jpg,a cat on a mat');
    const rows: { line: number; name: string; text: string }[] = [];
    for await (const batch of table.rows)
      for (const { line, cells } of batch)
        rows.push({
          line,
          // Flickr's files number the captions: 1000268201.jpg#0.
          name: String(cells[name] ?? '')
            .trim()
            .replace(/#\d+$/, '')
            .replaceAll('\\', '/')
            .replace(/^\.\//, ''),
          text: String(cells[text] ?? '')
            .replace(/\s+/gu, ' ')
            .trim(),
        });
    return { rows, digest: table.digest() };
  } finally {
    await table.close();
  }
}

const columnsOf = ({ captions: path, by, pieces, lower, minimum, validation, test, seed }: ImagesSource): RowsSource => ({
  ...{ path, by, lower, minimum, validation, test, seed },
  ...(pieces === undefined ? {} : { pieces }),
  ...{ header: false, bindings: {}, normalise: false, apostrophes: true },
});

// -------------------------------------------------------------------------------------------------------------------- inputs

/** The image among the inputs, and the caption. */
function inputsOf(shapes: readonly InputShape[]): { readonly image: InputShape; readonly caption: InputShape } {
  const image = shapes.find(({ classes, shape }) => classes === undefined && shape.length === 3);
  const caption = shapes.find((each) => each.classes !== undefined && each.shape.length === 1 && dimensionOf(each) !== undefined);
  if (image !== undefined && caption !== undefined && shapes.length === 2) return { image, caption };
  const found = shapes.map(({ name, shape, classes }) =>
    shape.length === 0 ? `${name}: one of ${classes}` : `${name}: [${shape.join(', ')}]${classes === undefined ? '' : ` of ${classes}`}`,
  );
  throw otherInputs('images', 'image: [3, 64, 64] and caption: [T] of Word', found.join(' and ') || 'no inputs');
}

/** The channels and the size that the model or the data line asks for. */
function formOf(
  { size }: ImagesSource,
  { name, shape }: InputShape,
  kept: KeptData | undefined,
): { readonly form: Form; readonly sizes: Record<string, number> } {
  const usual = [3, ...(size ?? [undefined, undefined])];
  const sizes: Record<string, number> = {};
  const [channels, height, width] = shape.map((own, k) => {
    if (typeof own === 'number') return own;
    const bound = kept?.sizes[own] ?? sizes[own] ?? usual[k];
    if (bound !== undefined) sizes[own] = bound;
    return bound;
  });
  if (channels !== 1 && channels !== 3 && channels !== 4)
    throw new DataError(
      'columns',
      `${name} has ${channels} channels; images have 3, 1 (grey) or 4 (with alpha). Write ${name}: [3, 64, 64].`,
    );
  if (height === undefined || width === undefined)
    throw new DataError(
      'columns',
      `Images of all sizes are brought to one, which ${name}: [${shape.join(', ')}] leaves open. Write numbers there, or say size: 64.`,
    );
  const [wanted = height, other = width] = size ?? [];
  if (wanted !== height || other !== width)
    throw new DataError('columns', `${name} is ${height} x ${width}, and \`size\` says ${wanted} x ${other}. Leave \`size\` out.`);
  return { form: { channels, height, width }, sizes };
}
