// What a trained model writes for some rows of its source: batch by batch, as a `generate` statement says, with where it looked.

import { joined as batchOf } from '../../data/batches.ts';
import type { Example } from '../../data/dataset.ts';
import { encodeText } from '../../data/example-text.ts';
import { joined, UNKNOWN } from '../../data/vocabulary.ts';
import type { Model } from '../../graph/model.ts';
import type { Runtime, SessionOptions } from '../../runtime/runtime.ts';
import type { InputShape, KeptData, Vocabulary } from '../../shared/dataset.ts';
import type { GenerateSettings } from '../../shared/settings.ts';
import { RunError } from '../run.ts';
import type { TrainerState } from '../trainer.ts';
import { type AttentionLine, attentionLines, copiedLine, mostLookedAt } from './attention.ts';
import { type Beam, beamSearch } from './beam.ts';
import { type Decoder, openDecoder } from './decoder.ts';
import { GreedyLoop } from './loop.ts';
import { type Hypothesis, type Rules, searchRows, type Watch } from './search.ts';

/** A model that writes, and what is known of its data. */
export interface WritingModel {
  /** Built for rows of different lengths (`kept.ragged`). */
  readonly model: Model;
  readonly shapes: readonly InputShape[];
  readonly kept: KeptData;
}

/** One row of what the model reads before it writes. */
export interface Source {
  readonly example: Example;
  /** The words of an input as they were typed, where ‹unknown› would hide them; by the input's name. */
  readonly words?: Readonly<Record<string, readonly string[]>>;
  /** What of a typed text the model has never seen. */
  readonly unknown?: readonly string[];
}

export interface WrittenRow {
  readonly text: string;
  readonly tokens: readonly string[];
  /** The numbers of the tokens, as `continue` takes them. */
  readonly ids: readonly number[];
  /** It came to ‹end›; else it was cut at `length`. */
  readonly ended: boolean;
  /** What the model read, by word: what `attention` looks at. */
  readonly source: readonly string[];
  /** What of a typed text the model has never seen, each once. */
  readonly unknown: readonly string[];
  /** By line (`decoder.weights`), where it was asked for: [tokens, ...heads, places], ‹end› being the last of the tokens where the row ended. */
  readonly attention: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>>;
  /** Of a beam search. */
  readonly score?: number;
  readonly beam?: Beam;
  /** What the tokens of the beam's nodes are, by their numbers. */
  readonly words?: Readonly<Record<number, string>>;
}

export interface WriteOptions {
  readonly attention?: boolean;
  /** Tokens that every row begins with; the search continues from there. */
  readonly prefix?: readonly number[];
  readonly seed?: number;
  /** In place of those of the settings that it was opened with. */
  readonly search?: GenerateSettings['search'];
  readonly length?: number;
  /** Of one source: is told the text as it grows, and waited for. What it throws ends the writing. */
  readonly watch?: (text: string, ids: readonly number[]) => void | Promise<void>;
}

/** Rows that are decoded side by side. */
const ROWS = 64;

export class RowWriter {
  readonly #writing: WritingModel;
  /** Opened when they are needed. */
  readonly #decoder: () => Promise<Decoder>;
  readonly #loop: () => Promise<GreedyLoop>;
  readonly #opened: { decoder?: Promise<Decoder>; loop?: Promise<GreedyLoop> } = {};
  readonly #settings: GenerateSettings;
  readonly #lines: readonly AttentionLine[];
  readonly #vocabulary: Vocabulary;

  private constructor(
    writing: WritingModel,
    settings: GenerateSettings,
    lines: readonly AttentionLine[],
    open: { readonly decoder: () => Promise<Decoder>; readonly loop: () => Promise<GreedyLoop> },
  ) {
    this.#writing = writing;
    this.#settings = settings;
    this.#lines = lines;
    this.#vocabulary = vocabularyOf(writing);
    this.#decoder = () => (this.#opened.decoder ??= open.decoder());
    this.#loop = () => (this.#opened.loop ??= open.loop());
  }

  /** Throws RunError where the model cannot write, or the settings do not fit it. `attention`: rows tell where the model looked. */
  static async open(
    writing: WritingModel,
    weights: TrainerState,
    settings: GenerateSettings,
    runtime: Runtime,
    attention = false,
    options?: SessionOptions,
  ): Promise<RowWriter> {
    const { model } = writing;
    const copied = settings.copy === undefined ? [] : [copiedLine(model, settings.copy)];
    const lines = attention ? [...copied, ...attentionLines(model).filter(({ name }) => name !== settings.copy)] : copied;
    const values = lines.map(({ line }) => line.value);
    const writer = new RowWriter(writing, settings, lines, {
      decoder: () => openDecoder(model, weights, runtime, values, options),
      loop: () => GreedyLoop.open(model, weights, rulesOf(vocabularyOf(writing), false), runtime, options),
    });
    // What is wrong is said before anything is written.
    await (writer.#isLoop(settings.search) ? writer.#loop() : writer.#decoder());
    return writer;
  }

  /** Nothing but tokens is wanted, and the best of each step. */
  #isLoop(search: GenerateSettings['search']): boolean {
    return search.kind === 'greedy' && this.#lines.length === 0 && this.#settings.prompt === '';
  }

  async close(): Promise<void> {
    await (await this.#opened.decoder)?.close();
    await (await this.#opened.loop)?.close();
  }

  /** What is written for each source. Throws DataError for a prompt that the vocabulary does not know. */
  async write(sources: readonly Source[], options: Omit<WriteOptions, 'attention'> = {}): Promise<WrittenRow[]> {
    const { search = this.#settings.search } = options;
    const places = sources.map((_, place) => place);
    // Rows of like length end at like times, and little is padded. What is drawn depends on a row's place, so there it stays.
    if (search.kind === 'greedy') {
      const dimensions = new Set(this.#read.flatMap(({ shape }) => shape.map(String)));
      const lengths = sources.map(({ example }) => stepsOf(example, dimensions));
      places.sort((a, b) => lengths[a]! - lengths[b]! || a - b);
    }
    const written: WrittenRow[] = new Array(sources.length);
    for (let from = 0; from < sources.length; from += ROWS) {
      const own = places.slice(from, from + ROWS);
      const rows = await this.#writeBatch(
        own.map((place) => sources[place]!),
        { ...options, seed: (options.seed ?? 1) + from },
      );
      own.forEach((place, k) => {
        written[place] = rows[k]!;
      });
    }
    return written;
  }

  async #writeBatch(sources: readonly Source[], options: Omit<WriteOptions, 'attention'>): Promise<WrittenRow[]> {
    const { prompt, copy } = this.#settings;
    const { prefix: given, seed, search = this.#settings.search, length = this.#settings.length } = options;
    const vocabulary = this.#vocabulary;
    const { model } = this.#writing;
    const read = this.#read;
    const ragged = this.#writing.kept.ragged.filter((dimension) => model.inputs.some(({ name }) => name === `lengths(${dimension})`));
    const batch = batchOf(
      { inputs: read, ragged },
      sources.map(({ example }) => example),
    );
    const real = this.#lines.map(({ over }) =>
      sources.map(({ example }) => (typeof over === 'number' ? over : (example.lengths[over] ?? batch.sizes[over]!))),
    );
    const prefix = given ?? [...encodeText(vocabulary, prompt)];
    const rules: Rules = {
      ...rulesOf(vocabulary, copy !== undefined),
      length,
      prefix,
      real,
    };
    const watch: Watch | undefined = options.watch && ((ids) => options.watch!(this.#textOf(ids), ids));
    if (this.#isLoop(search) && prefix.length === 0 && watch === undefined) {
      const found = await (await this.#loop()).write(batch, length);
      return found.map((hypothesis, row) => this.#row(hypothesis, sources[row]!));
    }
    const begun = await (await this.#decoder()).begin(batch);
    if (search.kind !== 'beam') {
      const found = await searchRows(begun, rules, search, seed, watch);
      return found.map((hypothesis, row) => this.#row(hypothesis, sources[row]!));
    }
    const rows: WrittenRow[] = [];
    for (const [row, source] of sources.entries()) {
      const own = { ...rules, real: real.map((each) => [each[row]!]) };
      const beam = await beamSearch(begun.take([row]), own, search, watch);
      const [best] = beam.hypotheses;
      rows.push({ ...this.#row(best!, source), score: best!.score, beam, words: wordsOf(beam, vocabulary) });
    }
    return rows;
  }

  /** Inputs that are read before anything is written. */
  get #read(): readonly InputShape[] {
    const { shapes, model } = this.#writing;
    return shapes.filter(({ name, compared, forNetworks }) => name !== model.prediction?.input && !compared && forNetworks !== true);
  }

  #row({ tokens: ids, ended, lines }: Hypothesis, source: Source): WrittenRow {
    const { kept } = this.#writing;
    const wordsOver = (over: string | number | undefined): readonly string[] => {
      const shape = this.#read.find(({ shape: sizes, classes }) => classes !== undefined && (over === undefined || sizes[0] === over));
      if (shape === undefined) return [];
      const vocabulary = kept.vocabularies[shape.classes!];
      return source.words?.[shape.name] ?? Array.from(source.example.inputs[shape.name]!, (id) => vocabulary?.tokens[id] ?? UNKNOWN);
    };
    const { copy } = this.#settings;
    const vocabulary = this.#vocabulary;
    const copied = copy === undefined ? [] : wordsOver(this.#lines[0]!.over);
    const tokens = ids.map((id, step) =>
      id === vocabulary.unknown && copy !== undefined
        ? (copied[mostLookedAt(lines[step]![0]!)] ?? UNKNOWN)
        : (vocabulary.tokens[id] ?? UNKNOWN),
    );
    const attention = Object.fromEntries(
      this.#lines.map(({ name, heads }, k) => {
        const width = lines[0]?.[k]?.length ?? 0;
        const data = new Float32Array(lines.length * width);
        lines.forEach((said, step) => {
          data.set(said[k]!, step * width);
        });
        const places = width / heads.reduce((product, size) => product * size, 1);
        return [name, { shape: [lines.length, ...heads, places], data }];
      }),
    );
    const words = wordsOver(this.#lines[0]?.over);
    return { text: this.#joined(tokens), tokens, ids, ended, source: words, unknown: source.unknown ?? [], attention };
  }

  /** A text goes on behind its prompt; an answer is read as a whole. */
  #joined(tokens: readonly string[]): string {
    const skipped = this.#read.length === 0 ? encodeText(this.#vocabulary, this.#settings.prompt).length : 0;
    return joined(this.#vocabulary, tokens.slice(skipped));
  }

  #textOf(ids: readonly number[]): string {
    return this.#joined(ids.map((id) => this.#vocabulary.tokens[id] ?? UNKNOWN));
  }
}

/** Steps of a row along all these dimensions. */
const stepsOf = ({ lengths }: Example, dimensions: ReadonlySet<string>): number =>
  Object.entries(lengths).reduce((sum, [dimension, length]) => (dimensions.has(dimension) ? sum + length : sum), 0);

const wordsOf = ({ nodes }: Beam, { tokens }: Vocabulary): Readonly<Record<number, string>> =>
  Object.fromEntries(nodes.map(({ token }) => [token, tokens[token] ?? UNKNOWN]));

/** What the tokens of a vocabulary mean. `copies`: a word stands for ‹unknown›, so it may be chosen. */
export function rulesOf({ begin, end, unknown, tokens }: Vocabulary, copies: boolean): Pick<Rules, 'begin' | 'end' | 'never'> {
  return {
    begin: begin ?? Math.max(0, tokens.indexOf('\n')),
    ...(end === undefined ? {} : { end }),
    never: [...(begin === undefined ? [] : [begin]), ...(unknown === undefined || copies ? [] : [unknown])],
  };
}

function vocabularyOf({ model, kept }: WritingModel): Vocabulary {
  const vocabulary = kept.vocabularies[model.prediction?.classes ?? ''];
  if (vocabulary === undefined) throw new RunError(`${model.name} predicts no classes of its data, so it cannot generate.`);
  return vocabulary;
}
