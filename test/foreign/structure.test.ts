import assert from 'node:assert/strict';
import { type ModelFile, modelFileOf } from '../../src/onnx/file/open.ts';
import { operatorUses } from '../../src/onnx/file/remarks.ts';
import { type ModelNode, type ModelValue, nodeLabel, resolveName } from '../../src/onnx/file/structure.ts';
import { encodeModel, type ModelProto, type NodeProto } from '../../src/onnx/proto.ts';
import { attribute, tensorProto, valueInfo } from '../../src/onnx/write.ts';
import { functionModel, graphOf, modelOf, nestedModel, node, recurrentModel } from './models.ts';

const opened = (model: ModelProto): Promise<ModelFile> => modelFileOf('/nowhere/m.onnx', encodeModel(model));
const ofNodes = (...nodes: NodeProto[]): Promise<ModelFile> =>
  opened(modelOf(graphOf(nodes, { input: [valueInfo('x', 'float32')], output: [valueInfo('y', 'float32')] })));
const labels = (nodes: readonly ModelNode[]): string[] => nodes.map(nodeLabel);
const readers = (value: ModelValue | undefined): string[] =>
  (value?.readers ?? []).map(({ node, input }) => `${node.graph.path}|${nodeLabel(node)}|${input}`);
const relu = (from: string, to: string): NodeProto => node('Relu', [from], [to], [], { name: to });

describe('the structure of a model', () => {
  it('every graph with its path, each before its bodies', async () => {
    const { structure, remarks } = await opened(nestedModel());
    assert.deepEqual(
      structure.graphs.map(({ path }) => path),
      [
        '',
        'If "choice" then_branch',
        'If "choice" else_branch',
        'Loop "loop" body',
        'Scan "scan" body',
        'Scan "scan" body / If "inner" then_branch',
        'Scan "scan" body / If "inner" else_branch',
      ],
    );
    assert.deepEqual(remarks, []);
    const last = structure.graphs.at(-1)!;
    assert.deepEqual(
      [last.kind, last.attribute, nodeLabel(last.owner!), last.parent?.path],
      ['body', 'else_branch', 'If "inner"', 'Scan "scan" body'],
    );
  });

  it('who makes and who reads a name, in bodies too', async () => {
    const { structure } = await opened(nestedModel());
    const { main, graphs } = structure;
    assert.deepEqual(readers(main.values.get('x')), [
      'If "choice" then_branch|Tanh (node 0)|0',
      'If "choice" else_branch|Relu (node 0)|0',
      'Loop "loop" body|Add (node 0)|1',
      'Scan "scan" body / If "inner" else_branch|Relu (node 0)|0',
      '|Scan "scan"|1',
    ]);
    assert.deepEqual(
      main.nodes.map(({ captures }) => captures.map(({ name }) => name)),
      [['x'], ['x'], ['flag', 'x']],
    );
    const scan = graphs[4]!;
    assert.deepEqual(
      scan.nodes[0]!.captures.map(({ name, graph }) => [name, graph.path]),
      [
        ['h', 'Scan "scan" body'],
        ['w', 'Scan "scan" body'],
        ['x', ''],
      ],
    );
    const w = resolveName(graphs[5]!, 'w')!;
    assert.deepEqual([w.kind, w.graph.path, w.initial?.dims], ['initializer', 'Scan "scan" body', [1]]);
    const kept = scan.values.get('kept')!;
    assert.deepEqual([nodeLabel(kept.producer!), kept.output, kept.kind], ['If "inner"', 0, 'node']);
    assert.deepEqual(scan.values.get('h1')!.givenOut, [scan, scan]);
    assert.equal(resolveName(main, 'h'), undefined);
  });

  it('omitted inputs and outputs, defaults, declared types', async () => {
    const { structure } = await opened(recurrentModel());
    const { values, nodes } = structure.main;
    assert.equal(values.has(''), false);
    assert.deepEqual([values.get('h0')!.kind, values.get('h0')!.initial?.dims], ['input', [1, 2, 4]]);
    assert.deepEqual(readers(values.get('h0')), ['|LSTM "/rnn/LSTM"|5']);
    assert.deepEqual([values.get('c')!.output, values.get('y')!.type?.tensor_type?.shape?.dim[0]], [2, { dim_param: 'T' }]);
    assert.deepEqual(labels(nodes), ['LSTM "/rnn/LSTM"', 'Squeeze "s"', 'GRU (node 2)']);
  });

  it('a body may have a name of its graph again: the nearest counts', async () => {
    const body = graphOf([node('Tanh', ['x'], ['a']), node('Relu', ['a'], ['o'])], { output: [valueInfo('o', 'float32')] });
    const { structure } = await ofNodes(relu('x', 'a'), node('If', ['a'], ['y'], [attribute('then_branch', body)]));
    assert.deepEqual(readers(structure.main.values.get('a')), ['|If (node 1)|0']);
    assert.deepEqual(
      structure.main.nodes[1]!.captures.map(({ name }) => name),
      ['x'],
    );
  });

  it('a function sees its inputs only, and its calls are known', async () => {
    const { structure, faults } = await opened(functionModel());
    const gate = structure.graphs.find(({ kind }) => kind === 'function')!;
    assert.deepEqual([gate.path, gate.inputs, gate.outputs], ['function mine::Gate', ['x', 'w'], ['y']]);
    assert.equal(structure.main.nodes.find(({ proto }) => proto.op_type === 'Gate')!.calls, gate);
    assert.deepEqual(readers(structure.main.values.get('w')), ['|Gate (node 0)|1']);
    assert.deepEqual(faults, []);
    const model = functionModel();
    model.functions![0]!.node[0]!.input[1] = 'c';
    assert.deepEqual((await opened(model)).faults, ['function mine::Gate: Nothing makes c, read by MatMul (node 0).']);
  });
});

describe('the order of nodes', () => {
  it('is that of the file where it will do', async () => {
    const { structure } = await ofNodes(relu('x', 'b'), relu('x', 'a'), node('Add', ['a', 'b'], ['y'], [], { name: 'y' }));
    assert.deepEqual([structure.main.ordered, labels(structure.main.nodes)], [true, ['Relu "b"', 'Relu "a"', 'Add "y"']]);
  });

  it('is found where the file has none', async () => {
    const { structure, remarks, faults } = await ofNodes(relu('c', 'y'), relu('a', 'b'), relu('b', 'c'), relu('x', 'a'));
    assert.deepEqual(labels(structure.main.nodes), ['Relu "a"', 'Relu "b"', 'Relu "c"', 'Relu "y"']);
    assert.deepEqual(
      structure.main.nodes.map(({ index }) => index),
      [3, 1, 2, 0],
    );
    assert.deepEqual([faults, remarks], [[], ['The nodes of the graph are not in an order that they can run in; they are shown in one.']]);
  });

  it('counts what bodies read', async () => {
    const inner = graphOf([relu('late', 'o')], { output: [valueInfo('o', 'float32')] });
    const outer = graphOf([node('If', ['x'], ['p'], [attribute('then_branch', inner)])], { output: [valueInfo('p', 'float32')] });
    const { structure } = await ofNodes(node('If', ['x'], ['y'], [attribute('then_branch', outer)], { name: 'if' }), relu('x', 'late'));
    assert.deepEqual(labels(structure.main.nodes), ['Relu "late"', 'If "if"']);
  });

  it('a chain of a hundred thousand nodes, the last first', async () => {
    const count = 100_000;
    const chain = Array.from({ length: count }, (_, k) => relu(k === count - 1 ? 'x' : `v${k + 1}`, k === 0 ? 'y' : `v${k}`));
    const start = performance.now();
    const { structure, faults } = await ofNodes(...chain);
    assert.equal(structure.main.nodes[0]!.index, count - 1);
    assert.deepEqual(faults, []);
    assert.ok(performance.now() - start < 5000);
  });

  const cases: Readonly<Record<string, readonly [NodeProto[], string]>> = {
    'a node that reads itself': [[node('Add', ['x', 'y'], ['y'], [], { name: 'own' })], 'Add "own" reads its own output.'],
    'a cycle': [
      [relu('c', 'a'), relu('a', 'b'), relu('b', 'c'), relu('b', 'y')],
      '3 nodes wait for each other: Relu "a", Relu "c" and Relu "b".',
    ],
    'a cycle through a body': [
      [node('If', ['x'], ['a'], [attribute('then_branch', graphOf([relu('y', 'o')]))], { name: 'if' }), relu('a', 'y')],
      '2 nodes wait for each other: If "if" and Relu "y".',
    ],
    'a name made twice': [
      [relu('x', 'y'), node('Tanh', ['x'], ['y'], [], { name: 't' })],
      'y is made more than once, by Relu "y" and Tanh "t".',
    ],
    'an input made again': [[relu('x', 'x'), relu('x', 'y')], 'x is made more than once, by Relu "x".'],
    'a name that nothing makes': [[node('Add', ['x', 'gone'], ['y'], [], { name: 'n' })], 'Nothing makes gone, read by Add "n".'],
    'an output that nothing makes': [[relu('x', 'z')], 'Nothing makes y, read by the outputs.'],
    'a name of a body read outside': [
      [
        node('If', ['x'], ['a'], [attribute('then_branch', graphOf([relu('x', 'hidden')]))]),
        node('Add', ['a', 'hidden'], ['y'], [], { name: 'n' }),
      ],
      'Nothing makes hidden, read by Add "n".',
    ],
  };
  for (const [name, [nodes, expected]] of Object.entries(cases))
    it(`${name} is a fault`, async () => {
      const { faults, remarks, structure } = await ofNodes(...nodes);
      assert.deepEqual([faults, remarks], [[expected], [expected]]);
      assert.equal(structure.main.nodes.length, nodes.length);
    });

  it('an initialiser given twice, functions that call themselves', async () => {
    const twice = await opened(
      modelOf(graphOf([relu('w', 'y')], { initializer: [tensorProto('float32', [1], [1], 'w'), tensorProto('float32', [1], [2], 'w')] })),
    );
    assert.deepEqual(twice.faults, ['w is made more than once.']);
    const model = functionModel();
    const call = (name: string): NodeProto => node(name, ['x'], ['y'], [], { domain: 'mine' });
    model.functions = ['A', 'B', 'C'].map((name, k) => ({
      name,
      domain: 'mine',
      input: ['x'],
      output: ['y'],
      node: [call(['B', 'A', 'Gate'][k]!)],
      opset_import: [],
    }));
    assert.deepEqual((await opened(model)).faults, ['Functions call themselves: mine::A and mine::B.']);
  });
});

describe('what is said of operators', () => {
  it('unknown ones are listed, the rest is shown', async () => {
    const { structure, remarks } = await opened(functionModel());
    assert.deepEqual(
      operatorUses(structure).map(({ domain, name, kind }) => [domain, name, kind]),
      [
        ['', 'Constant', 'standard'],
        ['', 'LeakyRelu', 'standard'],
        ['', 'MatMul', 'standard'],
        ['custom.ops', 'Whirl', 'unknown'],
        ['mine', 'Gate', 'function'],
      ],
    );
    assert.ok(remarks.includes('Neither ONNX nor onnxruntime has custom.ops.Whirl: nothing can be said of what it computes.'));
  });

  it("ONNX's own domain under both names, onnxruntime's, and names that no domain has", async () => {
    const domains = (domain: string, name: string): NodeProto => node(name, ['x'], [`${domain}${name}`], [], { domain });
    const { structure, remarks, faults } = await ofNodes(
      domains('ai.onnx', 'Relu'),
      domains('com.microsoft', 'DynamicQuantizeLSTM'),
      domains('', 'Wobble'),
      domains('ai.onnx.ml', 'Scaler'),
      relu('x', 'y'),
    );
    assert.deepEqual(
      operatorUses(structure).map(({ name, kind, count }) => `${name} ${kind} ${count}`),
      ['Relu standard 2', 'Wobble unknown 1', 'Scaler standard 1', 'DynamicQuantizeLSTM runtime 1'],
    );
    assert.deepEqual(faults, [
      'The file does not say which version it uses of the operators of com.microsoft and ai.onnx.ml (opset_import).',
    ]);
    assert.ok(remarks.includes('Neither ONNX nor onnxruntime has Wobble: nothing can be said of what it computes.'));
  });

  it('names of any kind stand in sentences without harm', async () => {
    const { faults } = await ofNodes(
      node('Relu', ['/a:0::b'], ['y'], [], { name: '__proto__' }),
      node('Relu', ['\u001b[31m\nred\u202e'], ['constructor'], [], { name: 'x'.repeat(5000) }),
    );
    assert.equal(faults[0], 'Nothing makes /a:0::b and \\u{1b}[31m\\u{a}red\\u{202e}, read by Relu "__proto__" and others.');
  });

  it('sparse initialisers and training are named', async () => {
    const sparse = { values: tensorProto('float32', [1], [1], 's'), indices: tensorProto('int64', [1], [0]), dims: [4] };
    const model = modelOf(graphOf([relu('s', 'y')], { sparse_initializer: [sparse] }), { training_info: [{}] });
    assert.deepEqual((await opened(model)).remarks, [
      'Sparse initialisers are not read: s.',
      'What the file says of training (training_info) is not read.',
    ]);
  });
});
