// The modules that a node lies in. PyTorch's exporter writes them as metadata; the older one names nodes by them (`/encoder/rnn/LSTM`);
// where both are missing, the names of the weights that the node reads tell (`encoder.rnn.weight_ih_l0`).

import type { NodeProto } from '../../onnx/proto.ts';

export interface PythonScopes {
  /** The module's path in the model, `encoder.rnn`; '' is the model itself. */
  readonly path: string;
  /** The modules from the model inwards, each with its path; classes (`torch.nn.modules.rnn.LSTM`) only where metadata tells them. */
  readonly modules: readonly PythonModule[];
  /** Where this was read: `metadata` is the exporter's word, the others follow from names. */
  readonly from: 'metadata' | 'node name' | 'weights';
}

export interface PythonModule {
  readonly path: string;
  readonly class?: string;
}

/** Undefined where nothing tells. */
export function scopesOf(node: Pick<NodeProto, 'name' | 'op_type' | 'input' | 'metadata_props'>): PythonScopes | undefined {
  const metadata = (suffix: string): string => node.metadata_props?.find(({ key }) => key?.endsWith(suffix))?.value?.slice(0, 65536) ?? '';
  const paths = listOf(metadata('name_scopes'));
  const classes = listOf(metadata('class_hierarchy'));
  const listed = paths.map((path, k) => ({ path, class: classes[k] ?? '' }));
  const spaced = metadata('namespace') === '' ? [] : namespaceOf(metadata('namespace'));
  const found = modulesOf(listed.length > 0 && classes.length > 0 ? listed : spaced);
  if (found.length > 0) return { path: found.at(-1)!.path, modules: found, from: 'metadata' };

  const named = nodePath(node.name ?? '');
  if (named !== undefined) return { ...named, from: 'node name' };
  const weighed = weightPath(node.input);
  return weighed === undefined ? undefined : { ...weighed, from: 'weights' };
}

/** Items of a printed Python list of strings. */
function listOf(text: string): string[] {
  return Array.from(text.matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/g), (match) => (match[1] ?? match[2]!).replace(/\\(.)/g, '$1'));
}

/** `: models.Net/rnn: torch.nn.modules.rnn.LSTM/lstm: aten.lstm.input` */
function namespaceOf(text: string): PythonModule[] {
  return text.split('/').map((part) => {
    const colon = part.indexOf(': ');
    return colon < 0 ? { path: part.trim() } : { path: part.slice(0, colon), class: part.slice(colon + 2) };
  });
}

/** Without what is no module: the operator that ends the list, and what the exporter's own passes made. */
function modulesOf(listed: readonly PythonModule[]): PythonModule[] {
  const modules = listed.filter(
    ({ path, class: kind }) => kind !== undefined && kind !== '' && !isOperator(kind) && !path.startsWith('_empty_nn_module'),
  );
  return modules.map((module) => ({ ...module, path: module.path.trim() }));
}

const isOperator = (name: string): boolean =>
  /^(aten|prims?|higher_order|torchvision|quantized|_operator|math|builtins)\b|^_empty_nn_module|^<built-in/.test(name);

/** `/encoder/layers.0/lin/MatMul_1`, and `/seq/seq.0/Tanh`, whose inner name repeats the outer one. */
function nodePath(name: string): Pick<PythonScopes, 'path' | 'modules'> | undefined {
  if (name.length > 4096 || !name.includes('/')) return undefined;
  const segments = name
    .split('/')
    .filter((segment) => segment !== '')
    .slice(0, -1);
  if (segments.length === 0) return name.startsWith('/') ? { path: '', modules: [{ path: '' }] } : undefined;
  const flat: string[] = [];
  for (const segment of segments) {
    const last = flat.at(-1);
    if (last !== undefined && segment.startsWith(`${last}.`)) flat[flat.length - 1] = segment;
    else flat.push(segment);
  }
  return along(flat);
}

/** The module of weights such as `encoder.rnn.weight_ih_l0`, and `cell.bias`: what the node's parameters have in common. */
function weightPath(inputs: readonly string[]): Pick<PythonScopes, 'path' | 'modules'> | undefined {
  for (const input of inputs) {
    const match = /^([A-Za-z_][\w.]*)\.(weight|bias|in_proj_weight|in_proj_bias)(_\w+)?$/.exec(input);
    if (match !== null) return along([match[1]!]);
  }
  return undefined;
}

function along(segments: readonly string[]): Pick<PythonScopes, 'path' | 'modules'> {
  const names = segments.join('.').split('.');
  const modules = names.map((_, k) => ({ path: names.slice(0, k + 1).join('.') }));
  return { path: names.join('.'), modules: [{ path: '' }, ...modules] };
}
