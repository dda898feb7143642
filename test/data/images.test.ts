// Images with captions: files to numbers, captions to classes, and what is wrong with either.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode } from 'jpeg-js';
import type { Dataset } from '../../src/data/dataset.ts';
import { Cache } from '../../src/data/images/cache.ts';
import { orientationOf, upright } from '../../src/data/images/orientation.ts';
import { pictureOf } from '../../src/data/images/picture.ts';
import { decodePng } from '../../src/data/images/png.ts';
import { pictureAddress } from '../../src/data/images/png-write.ts';
import { loadDataset, trainingBatches } from '../../src/data/load.ts';
import { previewOf } from '../../src/data/preview.ts';
import type { ImagesSource } from '../../src/shared/settings.ts';
import { pngFile } from '../foreign/input-files.ts';
import { type Folder, faultOf, input, makeFolder } from './sources.ts';

const inputs = [input('image: [3, 2, 2]'), input('next caption: [T] of Word')];
const fail = (why: string): Error => new Error(why);

/** A PNG of pixels of so many samples, unfiltered. */
const png = (width: number, height: number, samples: 1 | 2 | 3 | 4, values: (k: number) => number): Uint8Array => {
  const lines = Array.from({ length: height }, (_, row) => [
    0,
    ...Array.from({ length: width * samples }, (__, k) => values(row * width * samples + k)),
  ]);
  return pngFile(width, height, 8, { 1: 0, 2: 4, 3: 2, 4: 6 }[samples], Uint8Array.from(lines.flat()));
};
/** All of one colour. */
const plain = (width: number, height: number, ...colour: number[]): Uint8Array =>
  png(width, height, colour.length as 1 | 2 | 3 | 4, (k) => colour[k % colour.length]!);

const jpeg = (width: number, height: number, colourAt: (x: number, y: number) => readonly number[]): Uint8Array => {
  const data = Buffer.alloc(4 * width * height);
  for (let y = 0; y < height; y += 1) for (let x = 0; x < width; x += 1) data.set([...colourAt(x, y), 255], 4 * (y * width + x));
  return encode({ width, height, data }, 95).data;
};

/** The same JPEG with an EXIF segment that says how the camera was held. */
function held(bytes: Uint8Array, orientation: number, little = true): Uint8Array {
  const tiff = Buffer.alloc(26);
  tiff.write(little ? 'II' : 'MM', 'latin1');
  const [short, long] = little
    ? [tiff.writeUInt16LE.bind(tiff), tiff.writeUInt32LE.bind(tiff)]
    : [tiff.writeUInt16BE.bind(tiff), tiff.writeUInt32BE.bind(tiff)];
  short(42, 2);
  long(8, 4);
  short(1, 8);
  short(274, 10);
  short(3, 12);
  long(1, 14);
  short(orientation, 18);
  const head = Buffer.from([0xff, 0xe1, 0, 2 + 6 + tiff.length]);
  return Buffer.concat([bytes.subarray(0, 2), head, Buffer.from('Exif\0\0', 'latin1'), tiff, bytes.subarray(2)]);
}

describe('images with captions', () => {
  let folder: Folder;
  let place: string;
  beforeEach(() => {
    folder = makeFolder();
    place = join(folder.path, 'photos');
    mkdirSync(join(place, 'more'), { recursive: true });
  });
  afterEach(() => folder.remove());

  const put = (files: Readonly<Record<string, Uint8Array>>): void => {
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(place, name), bytes);
  };
  const load = (captions: string, more: Partial<ImagesSource> = {}, shapes = inputs): Promise<Dataset> =>
    loadDataset(
      {
        ...{ kind: 'images', path: place, captions: folder.write('captions.csv', captions), by: 'word', lower: false, minimum: 1 },
        ...{ validation: 0, test: 0, seed: 1, ...more },
      },
      shapes,
    );
  const captionsOf = ({ parts: { training }, vocabularies }: Dataset): string[] =>
    Array.from({ length: training.size }, (_, k) =>
      [...training.example(k).inputs.caption!].map((id) => vocabularies.Word!.tokens[id]).join(' '),
    );

  it('give each caption its image, [channels, rows, columns] from 0 to 1', async () => {
    put({ 'a.png': plain(2, 2, 255, 0, 51), 'more/b.jpg': jpeg(8, 8, () => [255, 255, 255]) });
    const data = await load('image,caption\na.png,a red one\nmore/b.jpg,"white, all of it"\na.png,red\n');
    assert.deepEqual(captionsOf(data), ['‹begin› a red one ‹end›', '‹begin› white , all of it ‹end›', '‹begin› red ‹end›']);
    const { image } = data.parts.training.example(2).inputs;
    assert.deepEqual(
      [...image!].map((value) => Math.fround(value)),
      [1, 1, 1, 1, 0, 0, 0, 0, 0.2, 0.2, 0.2, 0.2].map(Math.fround),
    );
    assert.deepEqual(data.parts.training.references!(0), ['a red one', 'red']);
    const batch = trainingBatches(data, { batch: 3, window: 1, seed: 1 }).at(0);
    assert.deepEqual([batch.inputs.image!.length, batch.sizes], [3 * 12, { T: 7 }]);
    assert.deepEqual(data.remarks, []);
  });

  it('take captions without a header, numbered ones, and tables with a tab', async () => {
    put({ 'a.png': plain(1, 1, 9), 'b.png': plain(1, 1, 9) });
    assert.deepEqual(captionsOf(await load('a.png,x y\nb.png,z\n')), ['‹begin› x y ‹end›', '‹begin› z ‹end›']);
    assert.deepEqual(captionsOf(await load('a.png#0\tx\na.png#1\ty\n')), ['‹begin› x ‹end›', '‹begin› y ‹end›']);
    assert.deepEqual(captionsOf(await load('image;comment_number;comment\nb.png;0;x\n')), ['‹begin› x ‹end›']);
  });

  it('stand in one part with all their captions', async () => {
    const names = Array.from({ length: 20 }, (_, k) => `${k}.png`);
    put(Object.fromEntries(names.map((name, k) => [name, plain(1, 1, 10 * k)])));
    const data = await load(names.flatMap((name, k) => [`${name},w${k} a`, `${name},w${k} b`]).join('\n'), { validation: 0.2, test: 4 });
    const seen = (part: 'training' | 'validation' | 'test'): Set<number> =>
      new Set(Array.from({ length: data.parts[part].size }, (_, k) => Math.round(25.5 * data.parts[part].example(k).inputs.image![0]!)));
    const [training, validation, test] = [seen('training'), seen('validation'), seen('test')];
    assert.deepEqual([training.size, validation.size, test.size], [14, 4, 2]);
    assert.equal(new Set([...training, ...validation, ...test]).size, 20);
  });

  it('are brought to the size of the model, or that of the data line', async () => {
    put({ 'a.png': png(4, 2, 1, (k) => [0, 0, 200, 200][k % 4]!), 'b.png': plain(1, 1, 255) });
    const data = await load('a.png,x\nb.png,y\n', {}, [input('image: [1, 1, 2]'), inputs[1]!]);
    const values = [...data.parts.training.example(0).inputs.image!];
    // A triangle as wide as two old columns on each side: of the left place 5/8 and 2/8 and 1/8 of the neighbours.
    assert.ok(values[0]! < 0.2 && values[1]! > 0.58 && Math.abs(values[0]! + values[1]! - 200 / 255) < 0.01, values.join());
    assert.deepEqual([...data.parts.training.example(1).inputs.image!], [1, 1]);
    const open = await load('a.png,x\nb.png,y\n', { size: [3, 5] }, [input('image: [1, Y, X]'), inputs[1]!]);
    assert.deepEqual([open.sizes, open.parts.training.example(0).inputs.image!.length], [{ Y: 3, X: 5 }, 15]);
    const left = faultOf(() => load('a.png,x\n', {}, [input('image: [1, Y, X]'), inputs[1]!]), folder);
    assert.match(await left, /^columns: Images of all sizes are brought to one, which image: \[1, Y, X\] leaves open\. .*size: 64/);
    const other = faultOf(() => load('a.png,x\n', { size: [9, 9] }), folder);
    assert.equal(await other, 'columns: image is 2 x 2, and `size` says 9 x 9. Leave `size` out.');
  });

  it('are grey, coloured or transparent as the model takes them', () => {
    const form = (channels: 1 | 3 | 4) => ({ channels, height: 1, width: 1 });
    assert.deepEqual([...pictureOf(plain(1, 1, 200), form(3), fail)], [200, 200, 200]);
    assert.deepEqual([...pictureOf(plain(1, 1, 255, 0, 0), form(1), fail)], [76]);
    // Half transparent red on white; nothing at all is white, whatever colour stands there.
    assert.deepEqual([...pictureOf(plain(1, 1, 255, 0, 0, 128), form(3), fail)], [255, 127, 127]);
    assert.deepEqual([...pictureOf(plain(1, 1, 0, 0), form(3), fail)], [255, 255, 255]);
    assert.deepEqual([...pictureOf(plain(1, 1, 9, 8, 7, 128), form(4), fail)], [9, 8, 7, 128]);
    assert.deepEqual([...pictureOf(plain(1, 1, 9, 8, 7), form(4), fail)], [9, 8, 7, 255]);
  });

  it('are turned as the camera was held', () => {
    // 1 2 3 / 4 5 6 as it was seen, and how a camera of each orientation writes it (CIPA DC-008, table of tag 274).
    const seen = [1, 2, 3, 4, 5, 6];
    const written: readonly (readonly [orientation: number, width: number, pixels: readonly number[]])[] = [
      [1, 3, [1, 2, 3, 4, 5, 6]],
      [2, 3, [3, 2, 1, 6, 5, 4]],
      [3, 3, [6, 5, 4, 3, 2, 1]],
      [4, 3, [4, 5, 6, 1, 2, 3]],
      [5, 2, [1, 4, 2, 5, 3, 6]],
      [6, 2, [3, 6, 2, 5, 1, 4]],
      [7, 2, [6, 3, 5, 2, 4, 1]],
      [8, 2, [4, 1, 5, 2, 6, 3]],
    ];
    for (const [orientation, width, pixels] of written) {
      const turned = upright({ width, height: 6 / width, channels: 1, data: Uint8Array.from(pixels) }, orientation);
      assert.deepEqual([turned.width, [...turned.data]], [3, seen], `orientation ${orientation}`);
    }
    const file = jpeg(32, 16, (x) => (x < 16 ? [255, 255, 255] : [0, 0, 0]));
    for (const little of [true, false]) assert.equal(orientationOf(held(file, 6, little)), 6);
    assert.deepEqual([orientationOf(file), orientationOf(held(file, 9)), orientationOf(held(file, 6).subarray(0, 30))], [1, 1, 1]);
    // White on the left, turned to the right: white above.
    const [above, below] = pictureOf(held(file, 6), { channels: 1, height: 2, width: 1 }, fail);
    assert.ok(above! > 180 && below! < 75, `${above} ${below}`);
  });

  it('that are not there, have no caption or cannot be read are counted and named', async () => {
    const whole = jpeg(16, 16, () => [9, 9, 9]);
    const huge = Buffer.from(plain(1, 1, 9));
    huge.writeUInt32BE(20_000, 16);
    huge.writeUInt32BE(20_000, 20);
    put({
      ...{ 'a.png': plain(3, 3, 9), 'silent.png': plain(1, 1, 9), 'cut.jpg': whole.subarray(0, whole.length / 2), 'huge.png': huge },
      ...{ 'empty.png': new Uint8Array(), 'text.png': Buffer.from('no image at all, but IEND') },
    });
    const data = await load('a.png,x\ngone.png,y\ngone.png,z\ncut.jpg,y\nhuge.png,y\nempty.png,y\ntext.png,y\na.png,\n');
    assert.deepEqual(captionsOf(data), ['‹begin› x ‹end›']);
    const [gone, unread, ...more] = data.remarks;
    // Each reason stands once.
    const first = '4 captions of 4 images that cannot be read are left out, the first in line 4: cut.jpg: it was cut short. ';
    assert.ok(unread!.startsWith(first), unread);
    assert.match(unread!, /Also huge\.png: it has 20,000 x 20,000 pixels;.* Also empty\.png: .* Also text\.png: /);
    assert.deepEqual(
      [gone, ...more],
      [
        '2 captions of 1 image that is not there are left out, the first in line 2: gone.png.',
        '1 image without a caption is left out: silent.png.',
        '1 caption without a word is left out (line 8).',
      ],
    );
    const only = (name: string): Promise<string> => faultOf(() => load(`${name},x\n`), folder);
    assert.match(await only('huge.png'), /huge\.png: it has 20,000 x 20,000 pixels; images of up to 50 million are read/);
    assert.match(await only('text.png'), /^data: No image of photos has a caption in captions\.csv: .*neither a PNG nor a JPEG/);
    assert.match(await only('gone.png'), /gone\.png\.$/);
  });

  it('that turn out to be damaged are named with the line of their caption', async () => {
    const bytes = Buffer.from(png(40, 40, 3, (k) => (k * 37) % 256));
    bytes.fill(7, 60, 90);
    put({ 'a.png': plain(1, 1, 9), 'bad.png': bytes });
    const data = await load('a.png,x\nbad.png,y\n');
    assert.equal(
      await faultOf(() => data.parts.training.example(1).inputs.image, folder),
      'data: bad.png (captions.csv, line 2): it is damaged, or was cut short. Replace the image, or leave out its captions.',
    );
  });

  it('say what is wrong with the folder and the model', async () => {
    const at = (path: string, shapes = inputs): Promise<string> => faultOf(() => load('a.png,x\n', { path }, shapes), folder);
    assert.match(await at(join(folder.path, 'none')), /^missing: There is no folder \/none\./);
    put({ 'a.png': plain(1, 1, 9) });
    assert.match(await at(join(place, 'a.png')), /^data: \/photos\/a\.png is no folder/);
    assert.match(await at(place, [input('image: [3, 2, 2]')]), /^columns: images gives image: \[3, 64, 64\] and caption: \[T\] of Word/);
    assert.match(await at(place, [input('image: [2, 2, 2]'), inputs[1]!]), /^columns: image has 2 channels/);
  });

  it('are kept within bounds', () => {
    const made: number[] = [];
    const cache = new Cache((key) => {
      made.push(key);
      return new Uint8Array(10);
    }, 30);
    for (const key of [1, 2, 3, 1, 4, 1, 2]) cache.get(key);
    assert.deepEqual([made, cache.bytes], [[1, 2, 3, 4, 2], 30]);
  });

  it('are previewed as pictures', async () => {
    put({ 'a.png': plain(5, 5, 255, 0, 51) });
    const { examples, inputs: shown } = previewOf(await load('a.png,x\na.png,y\n'));
    const address = examples[0]!.cells.image![0]!;
    const { width, height, channels, data } = decodePng(Buffer.from(address.split(',')[1]!, 'base64'), fail);
    assert.deepEqual([width, height, channels, [...data.subarray(0, 3)]], [2, 2, 3, [255, 0, 51]]);
    assert.deepEqual(
      shown.map(({ from }) => from),
      ['files of photos', 'captions.csv, by word'],
    );
    for (const many of [1, 3, 4] as const) {
      const values = Array.from({ length: many * 6 }, (_, k) => ((k * 40) % 256) / 255);
      const file = decodePng(Buffer.from(pictureAddress(values, many, 2, 3).split(',')[1]!, 'base64'), fail);
      const expected = Array.from({ length: many * 6 }, (_, k) => (((k % many) * 6 + Math.floor(k / many)) * 40) % 256);
      assert.deepEqual([file.channels, [...file.data]], [many, expected]);
    }
  });
});
