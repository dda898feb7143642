// What a file leaves open, and is asked before it is read; reading that is stopped.

import assert from 'node:assert/strict';
import { neededOptions } from '../../src/foreign/inputs/needed.ts';
import { readInputs } from '../../src/foreign/inputs/read.ts';
import { type Folder, faultOf, makeFolder, npyFile, npzFile, port } from './input-files.ts';

const array = (...values: number[]): Uint8Array => npyFile('<f4', `${values.length},`, Float32Array.from(values).buffer);

describe('what a file leaves open', () => {
  let folder: Folder;
  beforeEach(() => {
    folder = makeFolder();
  });
  afterEach(() => folder.remove());

  const asked = async (text: string, name: string, content: string | Uint8Array): Promise<string> =>
    (await neededOptions(port(text), folder.write(name, content)))
      .map(
        ({ option, choices, suggestion, optional }) =>
          `${option}${optional === true ? '?' : ''} of ${choices?.join(' ') ?? '-'}: ${suggestion ?? '-'}`,
      )
      .join('; ');

  it('of arrays is which one', async () => {
    const archive = npzFile({ X: array(1), y: array(2) });
    assert.equal(await asked('x: float32 [T]', 'd.npz', archive), 'array of X y: X');
    assert.equal(await asked('y: float32 [T]', 'd.npz', archive), '');
    assert.equal(await asked('z: float32 [T]', 'd.npz', archive), 'array of X y: -');
    assert.equal(await asked('z: float32 [T]', 'd.npy', array(1)), '');
    assert.equal(await asked('z: float32 [T]', 'd.json', '{"a": [1], "b": [2]}'), 'array of a b: -');
    assert.equal(await asked('z: float32 [T]', 'd.json', '[1]'), '');
  });

  it('of tables is which columns, where not all are taken', async () => {
    const table = 'day,a,b,c\nmon,1,2,3\n';
    assert.equal(await asked('x: float32 [T, 3]', 'd.csv', table), 'columns of day a b c: a,b,c');
    assert.equal(await asked('x: float32 [T, 2]', 'd.csv', table), 'columns of day a b c: -');
    assert.equal(await asked('x: float32 [T, F]', 'd.csv', table), 'columns of day a b c: a,b,c');
    assert.equal(await asked('x: float32 [T, 2]', 'd.csv', '1,2\n3,4\n'), '');
    assert.equal(await asked('x: float32 [T, 1]', 'd.json', '[{"a": 1, "b": "x"}]'), 'columns of a b: a');
    assert.equal(await asked('x: float32 [T, 2]', 'd.jsonl', '{"a": 1, "b": 2}\n'), '');
  });

  it('of a text is its vocabulary', async () => {
    assert.equal(await asked('x: int64 [T]', 't.txt', 'abc'), 'vocabulary of -: -; by of char word: char; unknown? of -: -');
    assert.equal(await asked('x: int64 [T]', 't.txt', '1 2 3\n'), '');
  });

  it('is not asked of what cannot be read', async () => {
    assert.match(await faultOf(asked('x: float32 [T]', 'd.npz', 'no archive')), /^d\.npz: it is no \.npz archive/);
    assert.match(await faultOf(asked('x: float32 [T]', 'd.csv', '')), /^d\.csv: it is empty/);
    assert.match(await faultOf(asked('x: float32 [T]', 'd.json', '{')), /^d\.json: it is no JSON/);
  });

  it('is read until it is stopped', async () => {
    const path = folder.write('d.npy', npyFile('<f8', `${2 ** 20},`, new Float64Array(2 ** 20).buffer));
    const read = (signal: AbortSignal, progress?: (bytes: number, size: number) => void): Promise<unknown> =>
      readInputs([port('x: float32 [T]')], { all: { kind: 'file', path } }, { signal, ...(progress === undefined ? {} : { progress }) });
    await assert.rejects(read(AbortSignal.abort(new Error('at once'))), /^Error: at once$/);
    const stop = new AbortController();
    const seen: number[] = [];
    await assert.rejects(
      read(stop.signal, (bytes, size) => {
        seen.push(bytes / size);
        stop.abort(new Error('half way'));
      }),
      /^Error: half way$/,
    );
    assert.ok(seen.length === 1 && seen[0]! < 0.6);
  });
});
