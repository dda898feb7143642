// The sources of an editor: those that it shows and those on the disk that use them, each with its checked program.

import type { Pieces } from '../parser/pieces.ts';
import { besides } from '../places.ts';
import { loadProgram, type Program, type Read } from '../program.ts';

export interface Shown {
  readonly path: string;
  readonly text: string;
  readonly version: number;
}

/** What is read from the disk. */
export interface Disk {
  readonly read: Read;
  /** Paths of all sources of the folders that are open. */
  sources(): Promise<readonly string[]>;
}

interface Loaded {
  readonly version: number;
  readonly program: Promise<Program>;
}

export class Workspace {
  readonly #shown: () => readonly Shown[];
  readonly #disk: Disk;
  readonly #loaded = new Map<string, Loaded>();
  /** What loads of a document leave to the next. */
  readonly #pieces = new Map<string, Pieces>();

  constructor(shown: () => readonly Shown[], disk: Disk) {
    this.#shown = shown;
    this.#disk = disk;
  }

  /** The text that the editor shows, or that of the disk. */
  readonly read: Read = async (path) => this.#shown().find((each) => each.path === path)?.text ?? this.#disk.read(path);

  /** The checked program of a document as it is now; undefined where it is not shown. */
  async program(path: string): Promise<Program | undefined> {
    const shown = this.#shown().find((each) => each.path === path);
    if (shown === undefined) return undefined;
    const known = this.#loaded.get(path);
    if (known?.version === shown.version) return known.program;
    const pieces = this.#pieces.get(path) ?? (new Map() as Pieces);
    this.#pieces.set(path, pieces);
    // One after the other: a load moves the trees of the load before.
    const before = known?.program ?? Promise.resolve();
    const program = before.catch(() => undefined).then(() => loadProgram(path, this.read, { pieces }));
    this.#loaded.set(path, { version: shown.version, program });
    program.catch(() => this.#loaded.delete(path));
    return program;
  }

  /** A source has changed, on the disk or in the editor: gives the documents whose faults may be others now. */
  changed(path: string): string[] {
    const others = [...this.#loaded.keys()].filter((each) => each !== path);
    for (const each of others) this.#forget(each);
    return others;
  }

  close(path: string): void {
    this.#loaded.delete(path);
    this.#pieces.delete(path);
  }

  /** Keeps the pieces, which are right by their texts. */
  #forget(path: string): void {
    const known = this.#loaded.get(path);
    if (known !== undefined) this.#loaded.set(path, { version: -1, program: known.program });
  }

  /** The programs in which a name of the source at `path` may stand: its own first, then those of the sources that use it. */
  async users(path: string): Promise<readonly Program[]> {
    const paths = new Set([...this.#shown().map((each) => each.path), ...(await this.#disk.sources().catch(() => []))]);
    const texts = new Map<string, string>();
    for (const each of paths) texts.set(each, await this.read(each).catch(() => ''));
    const using = new Set([path]);
    for (let before = 0; before !== using.size; ) {
      before = using.size;
      for (const [each, text] of texts) if (usedBy(each, text).some((used) => using.has(used))) using.add(each);
    }
    const programs: Program[] = [];
    for (const each of using) {
      const program = await this.program(each)
        .then((shown) => shown ?? loadProgram(each, this.read))
        .catch(() => undefined);
      if (program !== undefined) programs.push(program);
    }
    return programs;
  }
}

const usedBy = (path: string, text: string): string[] =>
  Array.from(text.matchAll(/^[ \t]*use[ \t]*"([^"\n]+)"/gm), (match) => besides(path, match[1]!));
