// What a `generate` statement says.

import type { GenerateSettings } from '../../shared/settings.ts';
import type { Generate } from '../generated/ast.ts';
import { rangeOf, textOf } from '../places.ts';
import { argumentsOf, modelOf } from './arguments.ts';
import { SettingsReader, wordOf } from './settings-reader.ts';
import type { GenerateStatement, Items, Report } from './statements.ts';

export const generateSettings = ['search', 'length', 'prompt', 'unknown'] as const;

export function generateStatement(item: Generate, items: Items, uri: string, report: Report): GenerateStatement {
  const reader = new SettingsReader(item.settings, 'generate', generateSettings, uri, report);
  const model = modelOf(item, items, reader, uri, report);
  argumentsOf(item, item.arguments.length === 0 ? undefined : model, items, reader);
  reader.later(['unknown'], 'error');
  const length = reader.number('length', { least: 1, whole: true }) ?? 200;
  const prompt = reader.text('prompt') ?? '';
  const search = searchOf(reader);
  const base = { model: item.model, range: rangeOf(item, uri) };
  return reader.isSound ? { ...base, settings: { search, length, prompt } } : base;
}

function searchOf(reader: SettingsReader): GenerateSettings['search'] {
  const usual = { kind: 'sample', temperature: 1 } as const;
  const node = reader.value('search');
  if (node === undefined) return usual;
  const said = wordOf(node);
  if (said?.word === 'greedy') return { kind: 'greedy' };
  if (said?.word === 'beam') {
    reader.fault(node, '`beam` is not supported by this version: search is greedy or sample(temperature: 0.8).', 'not-yet');
    return usual;
  }
  if (said?.word !== 'sample') {
    reader.fault(node, `\`search\` is greedy or sample(temperature: 0.8), not \`${textOf(node)}\`.`);
    return usual;
  }
  let temperature = 1;
  let topK: number | undefined;
  let topP: number | undefined;
  for (const argument of said.call?.arguments ?? []) {
    const { name, value } = argument;
    if (name === 'temperature') temperature = reader.checked(value, '`temperature`', { above: 0 }) ?? 1;
    else if (name === 'top_k') topK = reader.checked(value, '`top_k`', { least: 1, whole: true });
    else if (name === 'top_p') {
      topP = reader.checked(value, '`top_p`', { above: 0 });
      if (topP !== undefined && topP > 1) reader.fault(value, '`top_p` is a share, at most 1.');
    } else reader.fault(argument, 'sample takes `temperature:`, `top_k:` and `top_p:`.');
  }
  return { kind: 'sample', temperature, ...(topK === undefined ? {} : { topK }), ...(topP === undefined ? {} : { topP }) };
}
