// What a `generate` statement says.

import type { GenerateSettings } from '../../shared/settings.ts';
import type { Call, Expression, Generate } from '../generated/ast.ts';
import { rangeOf, textOf } from '../places.ts';
import { argumentsOf, modelOf } from './arguments.ts';
import { SettingsReader, wordOf } from './settings-reader.ts';
import type { GenerateStatement, Items, Report } from './statements.ts';

export const generateSettings = ['search', 'length', 'prompt', 'unknown'] as const;

export function generateStatement(item: Generate, items: Items, uri: string, report: Report): GenerateStatement {
  const reader = new SettingsReader(item.settings, 'generate', generateSettings, uri, report);
  const model = modelOf(item, items, reader, uri, report);
  argumentsOf(item, item.arguments.length === 0 ? undefined : model, items, reader);
  const length = reader.number('length', { least: 1, whole: true }) ?? 200;
  const prompt = reader.text('prompt') ?? '';
  const search = searchOf(reader);
  const copy = copyOf(reader);
  const base = { model: item.model, range: rangeOf(item, uri) };
  return reader.isSound ? { ...base, settings: { search, length, prompt, ...(copy === undefined ? {} : { copy }) } } : base;
}

function searchOf(reader: SettingsReader): GenerateSettings['search'] {
  const usual = { kind: 'sample', temperature: 1 } as const;
  const node = reader.value('search');
  if (node === undefined) return usual;
  const said = wordOf(node);
  if (said?.word === 'greedy') return { kind: 'greedy' };
  if (said?.word === 'beam') return beamOf(said.call, reader, node) ?? usual;
  if (said?.word !== 'sample') {
    reader.fault(node, `\`search\` is greedy, beam(5, penalty: 0.6) or sample(temperature: 0.8), not \`${textOf(node)}\`.`);
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

/** beam(5, penalty: 0.6); without a penalty, long texts are worth what their probability is. */
function beamOf(call: Call | undefined, reader: SettingsReader, node: Expression): GenerateSettings['search'] | undefined {
  let width: number | undefined;
  let penalty = 0;
  for (const argument of call?.arguments ?? []) {
    const { name, value } = argument;
    if (name === undefined || name === 'width') width = reader.checked(value, 'The width of a beam', { least: 1, whole: true });
    else if (name === 'penalty') penalty = reader.checked(value, '`penalty`', { least: 0 }) ?? 0;
    else reader.fault(argument, 'beam takes its width and `penalty:`, as in beam(5, penalty: 0.6).');
  }
  if (width === undefined) {
    if (reader.isSound) reader.fault(node, 'beam takes how many beginnings are kept, as in beam(5, penalty: 0.6).');
    return undefined;
  }
  return { kind: 'beam', width, penalty };
}

/** unknown: copy(decoder.weights) */
function copyOf(reader: SettingsReader): string | undefined {
  const node = reader.value('unknown');
  if (node === undefined) return undefined;
  const said = wordOf(node);
  const [line, ...more] = said?.call?.arguments ?? [];
  const isLine = line !== undefined && line.name === undefined && ['Reference', 'Member', 'Subscript'].includes(line.value.$type);
  if (said?.word === 'copy' && isLine && more.length === 0) return textOf(line.value).replaceAll(/\s/g, '');
  reader.fault(node, '`unknown` is copy(decoder.weights): the line that says where in the source to look.');
  return undefined;
}
