// Verdicts with their repairs written as edits of a person's own source.

import { callInSource, fileAt, type Rewritable } from '../../language/rewrite/chosen.ts';
import { rewritten } from '../../language/rewrite/rewrite.ts';
import type { Repair, Verdict } from '../../shared/analysis.ts';
import { lineEdits, type SourceEdit } from '../../shared/edits.ts';
import type { DataSource } from '../../shared/settings.ts';

/** With edits wherever the source can say the change; without repairs that it says already, or that have no meaning for its data. */
export async function withEdits(verdicts: readonly Verdict[], source: Rewritable): Promise<Verdict[]> {
  const written = new Map<string, Promise<readonly SourceEdit[] | undefined>>();
  const editsOf = ({ change }: Repair): Promise<readonly SourceEdit[] | undefined> => {
    const key = JSON.stringify(change);
    const found = written.get(key) ?? edits(source, change);
    written.set(key, found);
    return found;
  };
  return Promise.all(
    verdicts.map(async (verdict): Promise<Verdict> => {
      const repairs = await Promise.all(
        verdict.repairs.map(async (repair): Promise<readonly Repair[]> => {
          if (repair.change === undefined) return [repair];
          const meant = [repair, ...otherwise(repair)].filter((each) => hasMeaning(each, source));
          if (meant.length === 0) return [];
          for (const each of meant) {
            const own = await editsOf(each);
            if (own !== undefined) return own.length === 0 ? [] : [{ ...each, edits: own }];
          }
          return [repair];
        }),
      );
      const called = placeOf(verdict, source);
      return { ...verdict, repairs: repairs.flat(), ...(called === undefined ? {} : { called }) };
    }),
  );
}

async function edits(source: Rewritable, change: Repair['change']): Promise<readonly SourceEdit[] | undefined> {
  const texts = change === undefined ? undefined : await rewritten(source, change);
  if (texts === undefined) return undefined;
  return [...texts].flatMap(([uri, text]) => lineEdits(fileAt(source, uri)!.text, text, uri));
}

/** Where an LSTM cannot stand, as its state does not fit what is handed to it, a GRU may. */
function otherwise(repair: Repair): readonly Repair[] {
  const { change, title } = repair;
  if (change?.kind !== 'cell' || change.cell !== 'lstm') return [];
  return [{ ...repair, change: { ...change, cell: 'gru' }, ...(title === undefined ? {} : { title: title.replace('lstm', 'gru') }) }];
}

/** A window cuts a running text, and is shortened, not lengthened; a threshold is lowered. A list of cells has each of them once. */
function hasMeaning({ change }: Repair, { program, train }: Rewritable): boolean {
  if (change?.kind === 'cell')
    return !program.statements.trains.some((each) => each.item === train.item && Object.values(each.arguments).includes(change.cell));
  if (change?.kind !== 'setting') return true;
  const value = Number(change.value);
  const { clip = Number.POSITIVE_INFINITY, window = 0 } = train.settings ?? {};
  if (change.name === 'clip') return value < clip;
  const data: DataSource | undefined = program.statements.data.find(({ name }) => name === train.data)?.source;
  return data?.kind === 'text' && value < window;
}

/** Where a verdict stands in the person's files: its place, or the call of what it is about. */
function placeOf({ place, layer }: Verdict, source: Rewritable): Verdict['called'] {
  if (place !== undefined && fileAt(source, place.uri)?.isLibrary === false) return place;
  return layer === undefined ? undefined : callInSource(source, layer);
}
