// The Python frames that made a node, as PyTorch's exporters leave them:
//
// - torch.onnx.export(dynamo=True): metadata `pkg.torch.onnx.stack_trace`, a Python traceback, outermost frame first, often with
//   source text, sometimes cut in the middle.
// - The older exporter with verbose=True: `file.py(line): function` in doc_string, innermost first; where the module was scripted,
//   one frame without a function, and an excerpt whose lines are underlined.

import type { NodeProto } from '../../onnx/proto.ts';

export interface PythonFrame {
  /** As traced: most often a path of another machine. */
  readonly file: string;
  /** One-based. */
  readonly line: number;
  /** Absent where the trace has none: scripted modules. */
  readonly function?: string;
  /** The source line, trimmed, if the trace has it. */
  readonly text?: string;
  /** The package that the frame belongs to, `torch` or `python` for instance; absent for the user's own code. */
  readonly library?: string;
}

/** Longer lines are no frames and no source; longer traces are cut. */
const longest = { line: 4096, trace: 8 << 20 };

/** Frames of a node, innermost first; none where the exporter left no trace, or one that cannot be read. */
export function stackOf(node: Pick<NodeProto, 'doc_string' | 'metadata_props'>): readonly PythonFrame[] {
  const traces = (node.metadata_props ?? []).filter(({ key }) => key?.endsWith('stack_trace')).map(({ value }) => value);
  for (const trace of [...traces, node.doc_string]) {
    const frames = framesOf(trace ?? '');
    if (frames.length > 0) return frames;
  }
  return [];
}

/** The innermost frame of the user's own code; where all are of packages, the innermost that is not PyTorch's, Python's or an exporter's. */
export function userFrame(frames: readonly PythonFrame[]): PythonFrame | undefined {
  return frames.find(({ library }) => library === undefined) ?? frames.find(({ library }) => !isMachinery(library));
}

/** Packages that run or export a model, and never are one. */
export const isMachinery = (library: string | undefined): boolean =>
  library !== undefined && /^(torch|functorch|python|onnx|onnxscript|onnx_ir|onnxruntime|IPython|ipykernel)$/.test(library);

function framesOf(trace: string): PythonFrame[] {
  const lines = trace.slice(0, longest.trace).split(/\r?\n/);
  const frames: PythonFrame[] = [];
  let outermostFirst = false;
  for (let k = 0; k < lines.length; k++) {
    const line = lines[k]!;
    if (line.length > longest.line) continue;
    const quoted = quotedFrame(line);
    if (quoted !== undefined) {
      const end = excerptEnd(lines, k + 1);
      const text = sourceText(lines.slice(k + 1, end));
      frames.push(frame(quoted.file, quoted.line, quoted.function, text));
      outermostFirst ||= quoted.function !== undefined;
      k = end - 1;
      continue;
    }
    const short = shortFrame(line);
    if (short !== undefined) frames.push(short);
  }
  return outermostFirst ? frames.reverse() : frames;
}

/** `File "a.py", line 3, in forward`, indented by two at most: source text is indented by four. */
function quotedFrame(line: string): { file: string; line: number; function?: string } | undefined {
  const match = /^ {0,2}File "(.+)", line (\d{1,9})(?:, in (.+))?$/.exec(line);
  if (match === null) return undefined;
  return { file: match[1]!, line: Number(match[2]), ...(match[3] === undefined ? {} : { function: match[3].trim() }) };
}

/** `a.py(3): forward`, `File: a.py:3 in forward, code: y = f(x)` and `# a.py:3:15`. */
function shortFrame(untrimmed: string): PythonFrame | undefined {
  const line = untrimmed.trim();
  const traced = /^(.+)\((\d{1,9})\): (.+)$/.exec(line);
  if (traced !== null) return frame(traced[1]!, Number(traced[2]), traced[3]!.trim());
  const readable = /^(?:# ?)?File: (.+):(\d{1,9}) in ([^,]+)(?:, code: (.*))?$/.exec(line);
  if (readable !== null) return frame(readable[1]!, Number(readable[2]), readable[3]!.trim(), readable[4]?.trim());
  const printed = /^# ?(.+\.py):(\d{1,9}):\d{1,9}$/.exec(line);
  return printed === null ? undefined : frame(printed[1]!, Number(printed[2]));
}

function frame(file: string, line: number, name?: string, text?: string): PythonFrame {
  const library = libraryOf(file);
  return {
    file,
    line,
    ...(name === undefined ? {} : { function: name }),
    ...(text === undefined || text === '' ? {} : { text }),
    ...(library === undefined ? {} : { library }),
  };
}

/** The first line from `start` on that begins another frame. */
function excerptEnd(lines: readonly string[], start: number): number {
  let end = start;
  while (end < lines.length && quotedFrame(lines[end]!) === undefined) end++;
  return end;
}

/** The line that an excerpt underlines first; without underlines the first. */
function sourceText(excerpt: readonly string[]): string | undefined {
  const lines = excerpt.filter((line) => line.trim() !== '' && line.length <= longest.line);
  const marked = lines.findIndex((line) => /^\s*[~^]+(\s*<--- HERE)?\s*$/.test(line));
  const text = marked > 0 ? lines[marked - 1] : marked === 0 ? undefined : lines[0];
  return text?.trim();
}

/** Folders of PyTorch's own sources, as they lie in a checkout of it. */
const torchFolders =
  /^(nn\/(modules|functional\.py|utils|parallel)|fx|jit|_\w+|autograd|functional\.py|_tensor\.py|ao|func|overrides\.py)(\/|$)/;

/** The package that a file belongs to, told from its path; undefined for the user's own code. */
function libraryOf(file: string): string | undefined {
  if (/^<eval_with_key>/.test(file)) return 'torch';
  if (/^<(frozen|__array_function__)/.test(file)) return 'python';
  const segments = file.split(/[\\/]+/);
  const installed = segments.findLastIndex((segment) => /^(site|dist)-packages$/i.test(segment));
  if (installed >= 0) return segments[installed + 1]?.replace(/\.py$/, '');
  const torch = segments.indexOf('torch');
  if (torch >= 0 && torchFolders.test(segments.slice(torch + 1).join('/'))) return 'torch';
  if (torch === 0 && segments.length > 1) return 'torch';
  const standard = segments.some(
    (segment, k) =>
      (/^lib(64)?$/i.test(segment) && /^python3(\.\d+)?$/.test(segments[k + 1] ?? '')) ||
      (/^python3\d+$/i.test(segment) && /^lib$/i.test(segments[k + 1] ?? '')),
  );
  return standard ? 'python' : undefined;
}
