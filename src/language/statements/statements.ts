// What `data`, `train` and `generate` say, as plain data, with their faults.

import type { DataSource, GenerateSettings, TrainSettings } from '../../shared/settings.ts';
import type { Fault, SourceRange } from '../../shared/source.ts';
import type { ModelArguments } from '../check/definitions.ts';
import type { Data, Generate, Model, Train } from '../generated/ast.ts';
import { rangeOf, rangeOfProperty } from '../places.ts';
import { dataSource } from './data.ts';
import { generateStatement } from './generate.ts';
import { trainStatements } from './train.ts';

export interface DataStatement {
  readonly name: string;
  /** Absent where something is wrong with it. */
  readonly source?: DataSource;
  readonly range: SourceRange;
}

export interface TrainStatement {
  readonly model: string;
  /** For inputs that are no data. */
  readonly arguments: ModelArguments;
  /** The name of the data. */
  readonly data: string;
  /** Absent where something is wrong with it. */
  readonly settings?: TrainSettings;
  readonly range: SourceRange;
  /** Which of the file's `train` items it comes from, from 0: a list of cells makes a statement for each. */
  readonly item: number;
  /** `unit: gru`, of a list. */
  readonly label?: string;
}

export interface GenerateStatement {
  readonly model: string;
  readonly settings?: GenerateSettings;
  readonly range: SourceRange;
}

export interface Statements {
  readonly data: readonly DataStatement[];
  readonly trains: readonly TrainStatement[];
  readonly generates: readonly GenerateStatement[];
  readonly faults: readonly Fault[];
}

export interface Items {
  readonly data: readonly Data[];
  readonly trains: readonly Train[];
  readonly generates: readonly Generate[];
  readonly models: readonly Model[];
  /** Names that may be given for a cell. */
  readonly isCell: (name: string) => boolean;
}

export type Report = (fault: Fault) => void;

export function readStatements(items: Items, uri: string): Statements {
  const faults: Fault[] = [];
  const report: Report = (fault) => {
    faults.push(fault);
  };
  const data = items.data.map((item): DataStatement => {
    const source = dataSource(item, uri, report);
    return { name: item.name, range: rangeOf(item, uri), ...(source === undefined ? {} : { source }) };
  });
  once(items.data, uri, report);
  const trains = items.trains.flatMap((item, k) => trainStatements(item, k, items, uri, report));
  const generates = items.generates.map((item) => generateStatement(item, items, uri, report));
  return { data, trains, generates, faults };
}

function once(data: readonly Data[], uri: string, report: Report): void {
  const seen = new Set<string>();
  for (const item of data) {
    if (seen.has(item.name))
      report({
        range: rangeOfProperty(item, 'name', uri),
        severity: 'error',
        code: 'given-twice',
        message: `Data \`${item.name}\` is given twice.`,
      });
    seen.add(item.name);
  }
}
