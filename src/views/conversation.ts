// A conversation with a run, as it is shown and kept: what was said, what came back, and how the model is to write. Plain data and pure functions.

import type { SourceOfRun } from '../engine/requests.ts';
import { type GenerateSettings, searchText } from '../shared/settings.ts';
import type { Converses } from '../training/conversation.ts';
import type { WrittenRow } from '../training/decoding/write.ts';

export type Search = GenerateSettings['search'];

/** How replies are written. */
export interface ReplySettings {
  readonly search: Search;
  /** Most tokens. */
  readonly length: number;
}

export interface Reply extends ReplySettings {
  readonly text: string;
  /** The numbers of its tokens. */
  readonly ids: readonly number[];
  readonly state: 'writing' | 'done' | 'stopped' | 'failed';
  /** It came to ‹end›; else it was cut at its length, or stopped. */
  readonly ended: boolean;
  /** What of what was said the model has never seen. */
  readonly unknown: readonly string[];
  /** Where it looked at each token, where the model looks anywhere. */
  readonly looked: readonly Looked[];
  readonly failure?: string;
}

/** The words of what was said that a token's attention is on, the most important first. */
export interface Looked {
  readonly token: string;
  readonly at: readonly { readonly word: string; readonly weight: number }[];
}

export interface Turn {
  readonly id: number;
  readonly said: string;
  readonly reply: Reply;
}

export interface Conversation {
  readonly turns: readonly Turn[];
  /** Turns that there have been: what is drawn depends on it. */
  readonly count: number;
  /** Where they differ from what the source says. */
  readonly own?: ReplySettings;
}

export const nothingSaid: Conversation = { turns: [], count: 0 };

/** Turns that are kept. */
export const MOST_TURNS = 200;

export const usualOf = ({ settings }: SourceOfRun): ReplySettings => ({
  search: settings?.search ?? { kind: 'greedy' },
  length: settings?.length ?? 200,
});

/** With another turn, whose reply is being written. */
export function begun(conversation: Conversation, said: string, settings: ReplySettings): Conversation {
  const { search, length } = settings;
  const reply: Reply = { search, length, text: '', ids: [], state: 'writing', ended: false, unknown: [], looked: [] };
  const turns = [...conversation.turns, { id: conversation.count, said, reply }].slice(-MOST_TURNS);
  return { ...conversation, turns, count: conversation.count + 1 };
}

export const replied = (conversation: Conversation, id: number, change: Partial<Reply>): Conversation => ({
  ...conversation,
  turns: conversation.turns.map((turn) => (turn.id === id ? { ...turn, reply: { ...turn.reply, ...change } } : turn)),
});

/** As it was kept: a reply that was being written then has stopped. */
export const restored = (kept: Conversation | undefined): Conversation => ({
  ...(kept ?? nothingSaid),
  turns: (kept?.turns ?? []).map((turn) =>
    turn.reply.state === 'writing' ? { ...turn, reply: { ...turn.reply, state: 'stopped' as const } } : turn,
  ),
});

export const cleared = ({ turns: _, ...rest }: Conversation): Conversation => ({ ...rest, turns: [], count: 0 });

/** Words that are named of those looked at. */
const NAMED = 3;

/** By the first line that looks anywhere, heads on average. */
export function lookedAt({ attention, tokens, source }: WrittenRow): Looked[] {
  const [line] = Object.values(attention);
  if (line === undefined) return [];
  const { shape, data } = line;
  const places = shape.at(-1)!;
  const heads = shape.slice(1, -1).reduce((product, size) => product * size, 1);
  return Array.from({ length: shape[0]! }, (_, step) => {
    const weights = Array.from({ length: places }, (_, place) => {
      let sum = 0;
      for (let head = 0; head < heads; head += 1) sum += data[(step * heads + head) * places + place]!;
      return { word: source[place] ?? '', weight: sum / heads };
    });
    return { token: tokens[step] ?? '‹end›', at: weights.sort((a, b) => b.weight - a.weight).slice(0, NAMED) };
  });
}

/** What the fields of the panel hold. */
export type Fields = Readonly<Partial<Record<'search' | 'temperature' | 'topK' | 'topP' | 'width' | 'penalty' | 'length', string>>>;

export const fieldsOf = ({ search, length }: ReplySettings): Fields => {
  const texts = Object.entries({ ...search, kind: undefined, length }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as const],
  );
  return { search: search.kind, ...Object.fromEntries(texts) };
};

/** Beyond these a reply takes minutes. */
const MOST_BEAM = 100;
const MOST_LENGTH = 10_000;

/** The settings that fields say, or what is wrong with them. An empty field is as if it were not there. */
export function settingsOf(fields: Fields): ReplySettings | { readonly fault: string } {
  const faults: string[] = [];
  const read = (text: string | undefined, name: string, what: string, holds: (value: number) => boolean): number | undefined => {
    if (text === undefined || text.trim() === '') return undefined;
    const value = Number(text);
    if (Number.isFinite(value) && holds(value)) return value;
    faults.push(`${name} is ${what}, not ${text}.`);
    return undefined;
  };
  const count = (most: number) => (value: number) => Number.isInteger(value) && value >= 1 && value <= most;
  const length = read(fields.length, 'The length', `a whole number from 1 to ${MOST_LENGTH}`, count(MOST_LENGTH)) ?? 200;
  const search = ((): Search => {
    if (fields.search === 'beam')
      return {
        kind: 'beam',
        width: read(fields.width, 'The width of a beam', `a whole number from 1 to ${MOST_BEAM}`, count(MOST_BEAM)) ?? 5,
        penalty: read(fields.penalty, 'The length penalty', 'a number from 0 on', (value) => value >= 0) ?? 0,
      };
    if (fields.search !== 'sample') return { kind: 'greedy' };
    const topK = read(fields.topK, 'top_k', 'a whole number from 1 on', count(Number.MAX_SAFE_INTEGER));
    const topP = read(fields.topP, 'top_p', 'a number above 0, at most 1', (value) => value > 0 && value <= 1);
    return {
      kind: 'sample',
      temperature: read(fields.temperature, 'The temperature', 'a number above 0', (value) => value > 0) ?? 1,
      ...(topK === undefined ? {} : { topK }),
      ...(topP === undefined ? {} : { topP }),
    };
  })();
  return faults[0] === undefined ? { search, length } : { fault: faults[0] };
}

/** What stands behind a reply that did not come to an end of its own. */
export function endingOf({ state, ended, length, failure }: Reply): string | undefined {
  if (state === 'failed') return failure;
  if (state === 'stopped') return 'Stopped.';
  return state === 'done' && !ended ? `Cut at its length, ${length} tokens.` : undefined;
}

/** What the two sides are called. */
export const sidesOf = (kind: Converses, run: string): { readonly said: string; readonly reply: string } =>
  kind === 'chat' ? { said: 'You', reply: run } : { said: 'Source', reply: 'Translation' };

/** The conversation as a text, how replies were written being said where it changes. */
export function transcript({ turns }: Conversation, kind: Converses, run: string): string {
  const sides = sidesOf(kind, run);
  let before = '';
  const parts = turns.map(({ said, reply }) => {
    const how = `${searchText(reply.search)}, at most ${reply.length} tokens`;
    const heading = how === before ? [] : [`[${run}: ${how}]`, ''];
    before = how;
    const ending = endingOf(reply);
    const remarks = [
      ...(reply.unknown.length === 0 ? [] : [`[Unknown to the model: ${reply.unknown.join(', ')}.]`]),
      ...(ending === undefined ? [] : [`[${ending}]`]),
    ];
    return [...heading, `${sides.said}: ${said}`, `${sides.reply}: ${reply.text}`, ...remarks].join('\n');
  });
  return `${parts.join('\n\n')}\n`;
}
