// The runtime over onnxruntime-node; the only file that imports it.
//
// `run` of the native session blocks its thread; between two runs the event loop turns once, so messages are heard between steps.

import * as ort from 'onnxruntime-node';
import type { ElementType } from '../onnx/proto.ts';
import { physicalCores } from './cores.ts';
import { identityModel } from './identity.ts';
import { type Resident, type Runtime, RuntimeFailure, type Session, type SessionOptions, type Tensor } from './runtime.ts';

type GivenDevice = SessionOptions['device'];
type DeviceReport = Awaited<ReturnType<Runtime['devices']>>[number];

/** Every device a user can name, fastest first, and the runtime's word for it. */
const providers = { cuda: 'cuda', webgpu: 'webgpu', directml: 'dml', coreml: 'coreml', cpu: 'cpu' } as const satisfies Record<
  GivenDevice,
  string
>;

// Before its first session onnxruntime asks whether it may report to its makers what it is used for; on Linux and macOS this says no. What a worker
// thread writes here does not reach it: the first thread of a process has this file too.
process.env.ORT_DISABLE_TELEMETRY = '1';
// What goes wrong comes as an exception; the runtime's own log would say it twice.
ort.env.logLevel = 'fatal';

export function createRuntime(): Runtime {
  let reports: Promise<readonly DeviceReport[]> | undefined;
  const devices = (): Promise<readonly DeviceReport[]> => {
    reports ??= probeAll();
    return reports;
  };
  return {
    devices,
    async open(model, options) {
      if (options.device !== 'cpu') await demand(options.device, devices);
      const resident = new Set(options.resident ?? []);
      try {
        return new OnnxSession(await ort.InferenceSession.create(model, sessionOptions(options)), resident);
      } catch (error) {
        throw new RuntimeFailure(`The runtime refused the model on ${options.device}: ${plainMessage(error)}`, { cause: error });
      }
    },
  };
}

async function demand(device: GivenDevice, devices: Runtime['devices']): Promise<void> {
  const found = await devices();
  if (found.some((report) => report.device === device && report.available)) return;
  const known = found.filter((report) => report.available).map((report) => report.device);
  const reason = found.find((report) => report.device === device)?.reason ?? `no device is called ${device}`;
  throw new RuntimeFailure(`${device} was asked for, but ${reason}; devices here: ${known.join(', ')}`);
}

class OnnxSession implements Session {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly #session: ort.InferenceSession;
  readonly #resident: ReadonlySet<string>;
  /** Tensors of the device's memory that still live: they must go before their session. */
  readonly #living = new Set<OnnxResident>();
  #released = false;

  constructor(session: ort.InferenceSession, resident: ReadonlySet<string>) {
    this.#session = session;
    this.#resident = resident;
    this.inputs = session.inputNames;
    this.outputs = session.outputNames;
  }

  async run(
    feeds: Readonly<Record<string, Tensor | Resident>>,
    fetch: readonly string[] = this.outputs,
    into: Readonly<Record<string, Tensor>> = {},
  ): Promise<Record<string, Tensor | Resident>> {
    if (this.#released) throw new RuntimeFailure('This session has been released.');
    const inputs: Record<string, ort.Tensor> = {};
    for (const [name, feed] of Object.entries(feeds)) inputs[name] = native(feed);
    const outputs: Record<string, ort.Tensor | null> = {};
    for (const name of fetch) outputs[name] = into[name] === undefined ? null : native(into[name]);
    let results: Awaited<ReturnType<ort.InferenceSession['run']>>;
    try {
      results = await this.#session.run(inputs, outputs);
    } catch (error) {
      throw new RuntimeFailure(plainMessage(error), { cause: error });
    }
    const answer: Record<string, Tensor | Resident> = {};
    for (const name of fetch) {
      const result = results[name] as ort.Tensor;
      if (into[name] !== undefined) letGo(result, into[name]);
      answer[name] = into[name] ?? (this.#resident.has(name) ? this.#keep(result) : plain(result));
    }
    return answer;
  }

  async compute(
    feeds: Readonly<Record<string, Tensor | Resident>>,
    fetch?: readonly string[],
    into?: Readonly<Record<string, Tensor>>,
  ): Promise<Record<string, Tensor>> {
    if (this.#resident.size > 0) throw new RuntimeFailure('compute() reads every output; this session keeps some resident.');
    return (await this.run(feeds, fetch, into)) as Record<string, Tensor>;
  }

  async read(resident: Resident): Promise<Tensor> {
    const tensor = native(resident);
    if (tensor.location === 'cpu') return plain(tensor);
    // Reading a tensor of GPU memory directly ends the process; a model's output in CPU memory is copied as it should be.
    // What is kept there is made by our own models.
    const copy = await readBack(resident.type as ElementType);
    return plain((await copy.run({ x: tensor })).y as ort.Tensor);
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    for (const resident of [...this.#living]) resident.dispose();
    await this.#session.release();
  }

  #keep(tensor: ort.Tensor): Resident {
    const resident: OnnxResident = new OnnxResident(tensor, () => this.#living.delete(resident));
    this.#living.add(resident);
    return resident;
  }
}

class OnnxResident implements Resident {
  readonly kind = 'resident';
  readonly type: Tensor['type'];
  readonly dims: readonly number[];
  #tensor: ort.Tensor | undefined;
  readonly #gone: () => void;

  constructor(tensor: ort.Tensor, gone: () => void) {
    this.#tensor = tensor;
    this.#gone = gone;
    this.type = tensor.type as Tensor['type'];
    this.dims = tensor.dims;
  }

  get tensor(): ort.Tensor {
    if (this.#tensor === undefined) throw new RuntimeFailure('This resident tensor has been disposed.');
    return this.#tensor;
  }

  dispose(): void {
    if (this.#tensor === undefined) return;
    if (this.#tensor.location !== 'cpu') this.#tensor.dispose();
    this.#tensor = undefined;
    this.#gone();
  }
}

function native(value: Tensor | Resident): ort.Tensor {
  if (value instanceof OnnxResident) return value.tensor;
  const { type, dims, data } = value as Tensor;
  // The runtime refuses views of shared memory.
  const own = data.buffer instanceof SharedArrayBuffer ? data.slice() : data;
  const tensor = new ort.Tensor(type, own as never, dims);
  // Where JavaScript has a Float16Array, the package wraps halves in one, which its native part takes for empty.
  if (type === 'float16') Object.defineProperty(tensor, 'data', { value: own });
  return tensor;
}

/** The runtime makes a tensor of each output, also where it has written into memory that was given; its bytes count as held until the next collection of garbage, which
 *  would come with each step of a training. So they are given back at once. */
function letGo(result: ort.Tensor, given: Tensor): void {
  const { buffer } = result.data as Float32Array;
  // Node 20 cannot.
  if (buffer !== given.data.buffer && 'transfer' in buffer) (buffer.transfer as (length: number) => ArrayBuffer)(0);
}

function plain(tensor: ort.Tensor): Tensor {
  const data = tensor.data as Tensor['data'];
  if (tensor.type !== 'float16') return { type: tensor.type as Tensor['type'], dims: tensor.dims, data };
  return { type: 'float16', dims: tensor.dims, data: new Uint16Array(data.buffer, data.byteOffset, data.length) };
}

function sessionOptions({
  device,
  threads,
  resident,
  frugal = false,
  optimise = 'all',
}: SessionOptions): ort.InferenceSession.SessionOptions {
  const common: ort.InferenceSession.SessionOptions = {
    executionProviders: [providers[device]],
    executionMode: 'sequential',
    graphOptimizationLevel: optimise,
    enableCpuMemArena: !frugal,
    intraOpNumThreads: threads ?? physicalCores(),
    interOpNumThreads: 1,
    // As above: only what is fatal.
    logSeverityLevel: 4,
    // Threads that wait for the next run in a loop would take the cores from another session's.
    extra: { session: { force_spinning_stop: '1' } },
  };
  if (device === 'directml') return { ...common, enableMemPattern: false };
  if (device !== 'webgpu') return common;
  // An operator without a kernel for the GPU would run on the CPU, with copies, and nobody would know.
  const strict = { ...common, extra: { session: { force_spinning_stop: '1', disable_cpu_ep_fallback: '1' } } };
  if (resident === undefined || resident.length === 0) return strict;
  return { ...strict, preferredOutputLocation: Object.fromEntries(resident.map((name) => [name, 'gpu-buffer' as const])) };
}

const readers = new Map<ElementType, Promise<ort.InferenceSession>>();
function readBack(type: ElementType): Promise<ort.InferenceSession> {
  const known = readers.get(type);
  if (known !== undefined) return known;
  const made = ort.InferenceSession.create(identityModel(type), sessionOptions({ device: 'webgpu', threads: 1 }));
  readers.set(type, made);
  return made;
}

async function probeAll(): Promise<readonly DeviceReport[]> {
  const built = new Set(ort.listSupportedBackends().map((backend) => backend.name));
  const reports: DeviceReport[] = [];
  for (const device of Object.keys(providers) as GivenDevice[]) {
    const backend = providers[device];
    reports.push(
      built.has(backend)
        ? await probe(device)
        : { device, available: false, reason: `onnxruntime has no ${device} on ${process.platform}-${process.arch}` },
    );
  }
  return reports;
}

async function probe(device: GivenDevice): Promise<DeviceReport> {
  try {
    const session = await ort.InferenceSession.create(identityModel('float32'), sessionOptions({ device, threads: 1 }));
    await session.run({ x: new ort.Tensor('float32', Float32Array.of(1), [1]) });
    await session.release();
    return { device, available: true };
  } catch (error) {
    return { device, available: false, reason: absence(device, plainMessage(error)) };
  }
}

function absence(device: GivenDevice, message: string): string {
  if (device === 'webgpu' && /adapter/i.test(message)) return 'no GPU that WebGPU can use was found (driver, Vulkan or Metal missing?)';
  if (device === 'cuda' && /backend not found|provider|libonnxruntime_providers_cuda|cannot open/i.test(message))
    return "onnxruntime's CUDA files are not installed (npm install onnxruntime-node --onnxruntime-node-install=cuda12)";
  return `it did not start: ${message}`;
}

/** The runtime's messages begin with places in its own C++ source, and end with what happened. */
function plainMessage(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const where = /^\S*\.(?:cc|h):\d+ .*?(?: was false\. |\) )/s.exec(text);
  return (where === null ? text : text.slice(where[0].length)).trim();
}
