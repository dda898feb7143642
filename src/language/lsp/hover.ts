// What is said of a name under the mouse: shape, parameters and memory, when it is computed, its doc comment; of a setting its unit and default.

import { type AstNode, AstUtils } from 'langium';
import type { Hover, Position } from 'vscode-languageserver-types';
import { type Instance, isFunctionName, type Level } from '../check/core.ts';
import { evaluate, show } from '../check/dimensions.ts';
import { showType } from '../check/scope.ts';
import type { Call, Cell, Data, Definition, Equation, Member, Model, Use } from '../generated/ast.ts';
import { besides, docComment, lineComment, textOf } from '../places.ts';
import type { Program } from '../program.ts';
import { definitionOf, instanceOf, isDefinition, isDimension, type NamePlace, nameAt, targetOf } from './documents.ts';
import { sizeText, trainingOf } from './sizes.ts';
import {
  callWords,
  functionWords,
  generateWords,
  settingValueWords,
  sourceSettingWords,
  sourceWords,
  startWords,
  trainWords,
  type Word,
} from './words.ts';

export function hover(program: Program, position: Position): Hover | undefined {
  const place = nameAt(program, position);
  if (place === undefined) return undefined;
  const parts = describe(program, place);
  return parts.length === 0 ? undefined : { contents: { kind: 'markdown', value: parts.join('\n\n') }, range: place.range };
}

const code = (text: string): string => `\`\`\`unroll\n${text}\n\`\`\``;
const wordText = ({ use, says, usual }: Word): string[] => [code(use), says, ...(usual === undefined ? [] : [`Without it: ${usual}.`])];

type Words = Readonly<Record<string, Word>>;

function describe(program: Program, place: NamePlace): string[] {
  const { node, text } = place;
  const { notes } = program;
  if (node.$type === 'Setting') {
    const found = ((node.$container?.$type === 'Generate' ? generateWords : trainWords) as Words)[text];
    return found === undefined ? [] : wordText(found);
  }
  if (node.$type === 'Use') return useText(program, node as Use);
  const target = targetOf(program, place);
  if (target === undefined) return wordAt(node, text);
  if (isDefinition(target.node)) {
    const isCallee = node.$type === 'Reference' && node.$container?.$type === 'Call' && node.$containerProperty === 'callee';
    return definitionText(program, target.node, isCallee ? notes.instances.get(node.$container!) : undefined);
  }
  if (target.node.$type === 'Equation') return lineText(program, target.node as Equation, node);
  const type = notes.types.get(node) ?? notes.types.get(target.node);
  const shown = type === undefined || type.kind === 'unknown' ? undefined : showType(type);
  const comment = lineComment(target.node);
  const said = comment === undefined ? [] : [comment];
  if (isDimension(target.node)) {
    const kind = target.node.$type === 'SizeInput' ? 'size' : 'dimension';
    return [code(`${kind} ${text}`), ...dimensionText(program, target.node, text)];
  }
  switch (target.node.$type) {
    case 'ValueInput': {
      const declared = textOf(target.node);
      const meaning = definitionOf(target.node)?.$type === 'Model' ? 'An input: it comes from the data.' : 'An input: what one step takes.';
      return [code(shown === undefined ? declared : `${text}: ${shown}`), meaning, ...said];
    }
    case 'Variable': {
      const isState = target.node.$container?.$container?.$type === 'State';
      const meaning = isState
        ? `State: the value before the step. \`${text}'\` is the value after it.`
        : 'A parameter: training changes it, and all steps share it.';
      const start = textAfterEquals(target.node);
      return [
        code(`${isState ? 'state' : 'param'} ${text}: ${shown ?? '?'}${start === undefined ? '' : ` = ${start}`}`),
        meaning,
        ...(isState && start === undefined ? ['It starts at 0.'] : []),
        ...startText(start),
        ...said,
      ];
    }
    case 'Data':
      return dataText(program, target.node as Data);
    default:
      return [];
  }
}

/** How a parameter or state starts, as written. */
function textAfterEquals(variable: AstNode): string | undefined {
  const { initial } = variable.$container as unknown as { initial?: AstNode };
  return initial === undefined ? undefined : textOf(initial);
}

function startText(start: string | undefined): string[] {
  const word = startWords[/^[\p{L}_]+/u.exec(start ?? '')?.[0] ?? ''];
  return word === undefined ? [] : [word.says];
}

/** Words of the language: functions, starts, sources, values of settings, named arguments. */
function wordAt(node: AstNode, text: string): string[] {
  const around = AstUtils.getContainerOfType(node, (each): each is AstNode => /^(Data|Train|Generate)$/.test(each.$type));
  const find = (...all: readonly Words[]): string[] => {
    const found = all.find((words) => text in words)?.[text];
    return found === undefined ? [] : wordText(found);
  };
  if (node.$type === 'Argument')
    return around === undefined ? find(callWords) : find(around.$type === 'Data' ? sourceSettingWords : settingNames);
  if (node.$type === 'Member') return text === 'T' ? [code('W.T'), 'The transpose.'] : [];
  if (node.$type !== 'Reference') return [];
  if (around !== undefined)
    return around.$type === 'Data' ? find(sourceWords, settingValueWords, plainValues) : find(settingValueWords, plainValues);
  if (text === 't') return [code('t'), 'The number of the step, from 0.'];
  return isFunctionName(text) ? find(functionWords) : find(startWords);
}

const plain = (use: string, says: string): Word => ({ use, says });
const plainValues: Words = {
  char: plain('by: char', 'Each character is a class.'),
  word: plain('by: word', 'Each word, and each mark of punctuation, is a class.'),
  greedy: plain('search: greedy', 'Always what is likeliest.'),
  accuracy: plain('accuracy', 'The share of steps, or rows, whose likeliest class is right.'),
  f1: plain('f1', 'The harmonic mean of precision and recall, averaged over the classes.'),
  confusion: plain('confusion', 'How often each class is taken for each other.'),
  exact: plain('exact', 'The share of rows in which every step is right.'),
  by_length: plain('by_length', 'Accuracy, and the share of rows in which every step is right, by the length of the rows.'),
  perplexity: plain('perplexity', 'e to the power of the loss in nats: among how many equally likely classes the model wavers.'),
  bits: plain('bits', 'The loss in bits for each step: for characters, bits per character.'),
  bleu: plain('bleu', 'How much decoded rows share with what people wrote, in words, 0 to 100 (Papineni et al. 2002).'),
  chrf: plain('chrf', 'How much decoded rows share with what people wrote, in characters, 0 to 100 (Popović 2015).'),
  rmse: plain('rmse', 'The root of the mean squared error, in the units of the file.'),
  mae: plain('mae', 'The mean absolute error, in the units of the file.'),
  persistence: plain('persistence', 'The error of who says that all stays as it is: what a forecast has to beat.'),
};
const settingNames: Words = {
  momentum: plain('momentum: 0.9', 'How much of the step before goes on (0 to below 1).'),
  decay: trainWords.decay,
  warmup: plain('warmup: 100', 'Steps in which the rate rises from 0.'),
  end: plain('end: 0', 'The share of the rate that is left at the last step.'),
  every: plain('every: 5', 'Epochs from one change of the rate to the next.'),
  factor: plain('factor: 0.5', 'What the rate is multiplied with.'),
  after: plain('after: 8', 'Epochs before the first change.'),
  patience: plain('patience: 5', 'Validations without a better loss that are waited for.'),
  temperature: plain('temperature: 0.8', 'Scores are divided by it: below 1 more certain, above 1 wilder.'),
  top_k: plain('top_k: 40', 'Only the likeliest so many are drawn from.'),
  top_p: plain('top_p: 0.9', 'Only the likeliest that together have this probability are drawn from (Holtzman et al. 2020).'),
};

// ----------------------------------------------------------------------------------------------------------------------- lines

function lineText(program: Program, line: Equation, at: AstNode): string[] {
  const name = line.next ? `${line.name}'` : line.name;
  const type = program.notes.types.get(at) ?? program.notes.types.get(line);
  const shown = type === undefined || type.kind === 'unknown' ? '?' : showType(type);
  const checked = (instanceOf(program, line) ?? runOf(program, at))?.lines.find(({ equation }) => equation === line);
  const equation = textOf(line);
  const isElsewhere = definitionOf(at) !== definitionOf(line);
  const parts = [code(`${name}: ${shown}${isElsewhere && equation.length < 120 ? `\n${equation}` : ''}`)];
  const comment = lineComment(line);
  if (comment !== undefined) parts.push(comment);
  if (checked !== undefined && definitionOf(line)?.$type === 'Cell') parts.push(levels[checked.level]);
  if (line.name === 'loss' && definitionOf(line)?.$type === 'Model')
    parts.push('What training minimises: its mean over everything that is there.');
  const callNode = callIn(line);
  const instances = callNode === undefined ? undefined : program.notes.instances.get(callNode);
  if (instances !== undefined && instances.length > 0) parts.push(...sizeText(instances, trainingOf(program, definitionOf(line)?.name)));
  return parts;
}

/** The instance whose field a member is. */
function runOf(program: Program, at: AstNode): Instance | undefined {
  const type = at.$type === 'Member' ? program.notes.types.get((at as Member).object) : undefined;
  return type?.kind === 'record' ? type.instances?.at(-1) : undefined;
}

const levels: Readonly<Record<Level, string>> = {
  0: 'Computed once: it depends on parameters only.',
  1: 'Computed once per sequence: it is the same at each step.',
  2: 'Computed for all steps at once: it depends on the input, not on the state.',
  3: 'Computed step after step: it depends on the state.',
};

/** The call that a line is, within dropout, reverse and parentheses too. */
function callIn(line: Equation): Call | undefined {
  let node = line.value;
  for (;;) {
    if (node?.$type === 'Parentheses') node = node.inner;
    else if (
      node?.$type === 'Call' &&
      node.callee?.$type === 'Reference' &&
      /^(reverse|dropout)$/.test(node.callee.name) &&
      node.arguments[0] !== undefined
    )
      node = node.arguments[0].value;
    else return node?.$type === 'Call' ? node : undefined;
  }
}

// ------------------------------------------------------------------------------------------------------------------ definitions

function definitionText(program: Program, definition: Definition, instances: readonly Instance[] | undefined): string[] {
  const kind = definition.$type === 'Cell' ? 'cell' : 'model';
  const parts = [code(`${kind} ${definition.name}(${definition.inputs.map(textOf).join(', ')})`)];
  const doc = docComment(definition);
  if (doc !== undefined) parts.push(doc);
  if (definition.$type === 'Model') {
    const root = program.instances.get(definition);
    return root === undefined ? parts : [...parts, ...sizeText([root], trainingOf(program, definition.name))];
  }
  const next = definition.lines.flatMap((line) => (line.$type === 'Equation' && line.next ? [textOf(line)] : []));
  if (next.length > 0) parts.push(code(next.join('\n')));
  if (instances !== undefined && instances.length > 0) {
    const model = instances[0]!;
    let root: Instance = model;
    while (root.parent !== undefined) root = root.parent;
    parts.push(...sizeText(instances, trainingOf(program, root.cell.$type === 'Model' ? root.cell.name : undefined)));
  }
  return parts;
}

function useText({ files, path }: Program, { path: used }: Use): string[] {
  if (used === undefined) return ['The standard library: cells that are always there.'];
  const file = files.find(({ uri }) => uri === besides(path, used));
  const cells = file?.tree.items.flatMap((item) => (item.$type === 'Cell' ? [headerText(item)] : [])) ?? [];
  return cells.length === 0 ? [] : [code(cells.map((each) => `cell ${each}`).join('\n'))];
}

// ------------------------------------------------------------------------------------------------------------ dimensions, data

/** What binds a dimension: data, an argument, or each use of its cell. */
function dimensionText(program: Program, node: AstNode, name: string): string[] {
  const definition = definitionOf(node);
  const dimension = instanceOf(program, node)?.dimensions.get(name);
  const size = dimension === undefined ? undefined : evaluate(dimension, () => undefined);
  if (size !== undefined) return [`A dimension of size ${size}.`];
  if (definition?.$type === 'Model') return boundByData(program, definition, name);
  const uses = new Set<string>();
  const visit = (instance: Instance): void => {
    const own = instance.cell === definition ? instance.dimensions.get(name) : undefined;
    if (own !== undefined && show(own) !== name) uses.add(`${show(own)} in \`${instance.path}\``);
    instance.nested.forEach(visit);
  };
  for (const instance of program.instances.values()) instance.nested.forEach(visit);
  const [first] = [...uses].slice(0, 5);
  const said =
    node.$type === 'SizeInput'
      ? 'A size: given where the cell is called.'
      : 'A dimension: found by inference, and checked wherever it is used.';
  return first === undefined ? [said] : [said, `Here it is ${[...uses].slice(0, 5).join(', ')}.`];
}

function boundByData(program: Program, model: Model, name: string): string[] {
  const trained = program.statements.trains.find((each) => each.model === model.name);
  const data = program.main.tree.items.find((item) => item.$type === 'Data' && item.name === trained?.data) as Data | undefined;
  const from = data === undefined ? 'its data' : `the data \`${data.name}\`, ${textOf(data.source)}`;
  const root = program.instances.get(model);
  const isOf = (shape: 'classes' | 'length'): string[] =>
    (root?.inputs ?? []).flatMap(({ binding }) => {
      if (binding.type.kind !== 'tensor') return [];
      const { classes, shape: lengths } = binding.type;
      const has = shape === 'classes' ? classes !== undefined && show(classes) === name : lengths.some((each) => show(each) === name);
      return has ? [`\`${binding.name}\``] : [];
    });
  const [classes, lengths] = [isOf('classes'), isOf('length')];
  if (classes.length > 0)
    return [
      `The vocabulary of ${classes.join(' and ')}: it comes from ${from}.`,
      'As a number: how many classes there are. One name is one vocabulary.',
    ];
  return [
    `A length that data binds: of ${lengths.join(' and ') || 'an input'}, from ${from}.`,
    'Where rows have different lengths, padding is left out everywhere.',
  ];
}

function dataText(program: Program, data: Data): string[] {
  const source = program.statements.data.find(({ name }) => name === data.name)?.source;
  const parts = [code(textOf(data))];
  const word =
    data.source?.$type === 'Call' && data.source.callee?.$type === 'Reference' ? sourceWords[data.source.callee.name] : undefined;
  if (word !== undefined) parts.push(word.says);
  if (source !== undefined) {
    const held = (share: number): string => (share === 0 ? 'nothing' : share < 1 ? `${+(100 * share).toFixed(1)} %` : `${share} examples`);
    parts.push(`Held out: ${held(source.validation)} for validation, ${held(source.test)} for the test.`);
  }
  return parts;
}

export const headerText = (cell: Cell): string => `${cell.name}(${cell.inputs.map(textOf).join(', ')})`;
