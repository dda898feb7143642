// An engine process whose runtime dies, as by a native fault, when it runs a model that has a Softplus node, or an Erf among others.

import { createHandlers } from '../../src/engine/handlers.ts';
import { processPort, serve } from '../../src/engine/serve.ts';
import { decodeModel } from '../../src/onnx/proto.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Runtime } from '../../src/runtime/runtime.ts';

const runtime = createRuntime();
const dying: Runtime = {
  devices: () => runtime.devices(),
  async open(model, options) {
    const session = await runtime.open(model, options);
    const { node } = decodeModel(model).graph;
    // An Erf dies beside other nodes only: a fault of several together.
    const isFatal = node.some(({ op_type }) => op_type === 'Softplus' || (op_type === 'Erf' && node.length > 1));
    if (!isFatal) return session;
    return {
      inputs: session.inputs,
      outputs: session.outputs,
      read: (each) => session.read(each),
      release: () => session.release(),
      run: die,
      compute: die,
    };
  },
};

function die(): Promise<never> {
  process.kill(process.pid, 'SIGSEGV');
  return new Promise<never>(() => {});
}

serve(processPort(), createHandlers(dying).handlers);
process.on('disconnect', () => process.exit(0));
