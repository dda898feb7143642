import assert from 'node:assert/strict';
import { type Position, positionText, Stepper } from '../../src/debug/stepper.ts';
import { BOTH_WAYS, BOTH_WAYS_CALLS, LSTM, LSTM_CALLS, NESTED, NESTED_CALLS, TRANSLATES } from './sources.ts';
import { described, withBeside } from './traces.ts';

type Move = 'into' | 'backInto' | 'over' | 'back' | 'out';
const KEYS: Record<string, Move> = { '>': 'over', '<': 'back', v: 'into', '^': 'out', u: 'backInto' };

/** Goes from a position by keys (`>` over, `<` back, `v` into, `^` out, `u` back into) and prints every stop. */
const walk = (stepper: Stepper, keys: string, from: Position = stepper.entry): string => {
  const stops = [positionText(stepper, from)];
  let position = from;
  for (const key of keys) {
    position = stepper[KEYS[key]!](position);
    stops.push(positionText(stepper, position));
  }
  return stops.join(', ');
};

const lstm = (steps = 3): Stepper => new Stepper(described(LSTM, steps, { calls: LSTM_CALLS }));
const layers = (): Stepper => new Stepper(described(LSTM, 2, { calls: ['x = embed', 'h[0] = lstm', 'h[1] = lstm', 'logits = linear'] }));
const both = (): Stepper => new Stepper(described(BOTH_WAYS, 2, { calls: BOTH_WAYS_CALLS, once: ['/total', 'total'] }));
const within = (): Stepper => new Stepper(described(LSTM, 2, { calls: ['x = embed', 'h.embed = ^embed', 'h = lstm', 'logits = linear'] }));
const nested = (): Stepper => new Stepper(described(NESTED, 2, { calls: NESTED_CALLS }));

/** Two steps are read, three are predicted. */
const translates = (): Stepper =>
  new Stepper(withBeside(described(TRANSLATES, 3, { calls: ['encoder = rnn', 'decoder = looking'] }), 'S', 2, ['encoder', 'written']));

/** The whole order, from the first stop to the last. */
const order = (stepper: Stepper): Position[] => {
  const stops = [stepper.first];
  while (stepper.compare(stops.at(-1)!, stepper.last) < 0) stops.push(stepper.into(stops.at(-1)!));
  return stops;
};

describe('stepping', () => {
  const cases: [title: string, stepper: () => Stepper, keys: string, stops: string][] = [
    ['over a model line is one timestep', lstm, '>>', 'h @ 0, h @ 1, h @ 2'],
    ['over the last timestep ends at the last line', lstm, '>>>>', 'h @ 0, h @ 1, h @ 2, loss @ 2, loss @ 2'],
    ['into a line, then from equation to equation', lstm, 'v>>>>>', "h @ 0, h/f @ 0, h/i @ 0, h/g @ 0, h/o @ 0, h/c' @ 0, h/h' @ 0"],
    [
      'over the last equation: the caller, a timestep on',
      lstm,
      'v>>>>>>',
      "h @ 0, h/f @ 0, h/i @ 0, h/g @ 0, h/o @ 0, h/c' @ 0, h/h' @ 0, h @ 1",
    ],
    [
      'into from the last equation: the very next line',
      lstm,
      'v>>>>>vvvv',
      "h @ 0, h/f @ 0, h/i @ 0, h/g @ 0, h/o @ 0, h/c' @ 0, h/h' @ 0, logits @ 0, logits/y @ 0, loss @ 0, x @ 1",
    ],
    ['out is the rest of the timestep', lstm, '>v>^', 'h @ 0, h @ 1, h/f @ 1, h/i @ 1, h @ 2'],
    ['out of the model is the end', lstm, '^', 'h @ 0, loss @ 2'],
    ['back is one timestep back', lstm, '>><<<<', 'h @ 0, h @ 1, h @ 2, h @ 1, h @ 0, x @ 0, x @ 0'],
    [
      'back inside a cell, and out of its beginning',
      lstm,
      '>v>><<<<',
      'h @ 0, h @ 1, h/f @ 1, h/i @ 1, h/g @ 1, h/i @ 1, h/f @ 1, h @ 1, h @ 0',
    ],
    [
      'layers follow each other within a timestep',
      layers,
      'v>>>>>>>>>>>>',
      "h @ 0, h[0]/f @ 0, h[0]/i @ 0, h[0]/g @ 0, h[0]/o @ 0, h[0]/c' @ 0, h[0]/h' @ 0, h[1]/f @ 0, h[1]/i @ 0, h[1]/g @ 0, h[1]/o @ 0, h[1]/c' @ 0, h[1]/h' @ 0, h @ 1",
    ],
    [
      'back through the layers',
      layers,
      'v>>>>>><^',
      "h @ 0, h[0]/f @ 0, h[0]/i @ 0, h[0]/g @ 0, h[0]/o @ 0, h[0]/c' @ 0, h[0]/h' @ 0, h[1]/f @ 0, h[0]/h' @ 0, h @ 1",
    ],
    ['a line that needs the whole sequence ends the row', both, '>>>>>>', 'e @ 0, e @ 1, h, logits @ 0, logits @ 1, total, total'],
    ['and back', both, '>>>>><<<<<<', 'e @ 0, e @ 1, h, logits @ 0, logits @ 1, total, logits @ 1, logits @ 0, h, e @ 1, e @ 0, e @ 0'],
    [
      'inside it the loops of its own lines, one of them reversed',
      both,
      '>>v>>>>>>',
      'e @ 0, e @ 1, h, h.forward @ 0, h.forward @ 1, h.backward @ 1, h.backward @ 0, h.both @ 0, h.both @ 1, logits @ 0',
    ],
    [
      'a reverse run goes backwards',
      both,
      '>>v>>v>>>>',
      "e @ 0, e @ 1, h, h.forward @ 0, h.forward @ 1, h.backward @ 1, h.backward/r @ 1, h.backward/z @ 1, h.backward/n @ 1, h.backward/h' @ 1, h.backward @ 0",
    ],
    [
      'back in a reverse run',
      both,
      '>>v>>>v<<',
      'e @ 0, e @ 1, h, h.forward @ 0, h.forward @ 1, h.backward @ 1, h.backward @ 0, h.backward/r @ 0, h.backward @ 0, h.backward @ 1',
    ],
    ['out of a call that is met once', both, '>>vv^^', 'e @ 0, e @ 1, h, h.forward @ 0, h.forward/r @ 0, h.forward @ 1, logits @ 0'],
    ['a call among the arguments comes before the call', within, 'v>>>', 'h @ 0, h.embed/vector @ 0, h/f @ 0, h/i @ 0, h/g @ 0'],
    [
      'a cell made of cells',
      nested,
      'vv>>v>>^',
      "h @ 0, h.fast @ 0, h.fast/h' @ 0, h.gate @ 0, h.slow @ 0, h.slow/h' @ 0, h.both @ 0, h @ 1, y @ 1",
    ],
  ];
  for (const [title, stepper, keys, stops] of cases)
    it(title, () => assert.equal(walk(stepper(), keys), stops.replaceAll(/h\.(forward|backward|both|fast|gate|slow)(?= @)/g, 'h/$1')));

  for (const [name, stepper] of Object.entries({ lstm, layers, both, nested, translates })) {
    it(`${name}: into visits every line once a timestep, in order, and backInto is its inverse`, () => {
      const machine = stepper();
      const stops = order(machine);
      const expected = machine.program.sites.reduce((sum, site) => sum + (site.loop?.steps ?? 1), 0);
      assert.equal(stops.length, expected);
      stops.slice(1).forEach((stop, k) => {
        assert.ok(machine.compare(stops[k]!, stop) < 0, positionText(machine, stop));
        assert.deepEqual(machine.backInto(stop), stops[k]);
      });
      assert.deepEqual(machine.backInto(stops[0]!), stops[0]);
      assert.deepEqual(machine.into(machine.last), machine.last);
    });

    it(`${name}: over and out go forwards, back goes backwards, and back undoes over within a frame`, () => {
      const machine = stepper();
      for (const stop of order(machine)) {
        const text = positionText(machine, stop);
        if (machine.compare(stop, machine.last) < 0) {
          assert.ok(machine.compare(stop, machine.over(stop)) < 0, text);
          assert.ok(machine.compare(stop, machine.out(stop)) < 0, text);
        }
        if (machine.compare(machine.first, stop) < 0) assert.ok(machine.compare(machine.back(stop), stop) < 0, text);
        const after = machine.over(stop);
        if (machine.compare(after, machine.last) === 0) continue;
        if (after.instance === stop.instance && (after.line === stop.line) !== (after.t === stop.t))
          assert.deepEqual(machine.back(after), stop, text);
      }
    });
  }

  it('the stack has one frame a call, innermost first', () => {
    const machine = nested();
    const stack = machine.frames(machine.into(machine.into(machine.entry))).map((frame) => positionText(machine, frame));
    assert.deepEqual(stack, ["h.fast/h' @ 0", 'h/fast @ 0', 'h @ 0']);
  });

  it('goto keeps the line and changes the timestep', () => {
    const machine = lstm(10);
    assert.equal(positionText(machine, machine.goto(machine.into(machine.entry), 7)), 'h/f @ 7');
    assert.equal(positionText(machine, machine.goto(machine.entry, 99)), 'h @ 9');
    const tags = both();
    assert.equal(positionText(tags, tags.goto({ instance: '', line: 1 }, 1)), 'e @ 1');
  });

  it('each sequence has its own timesteps: what is read is gone through before what is predicted', () => {
    const machine = translates();
    assert.equal(walk(machine, '>>>>>'), 'encoder @ 0, encoder @ 1, decoder @ 0, decoder @ 1, decoder @ 2, loss @ 2');
    assert.deepEqual(
      order(machine)
        .map((stop) => positionText(machine, stop))
        .slice(0, 7),
      ['encoder @ 0', "encoder/h' @ 0", 'encoder @ 1', "encoder/h' @ 1", 'decoder @ 0', 'decoder/weights @ 0', "decoder/h' @ 0"],
    );
    assert.deepEqual(machine.moment(machine.entry), { t: 0, along: 'S' });
    assert.deepEqual(machine.moment(machine.last), { t: 2 });
  });

  it('goto goes to a timestep of the sequence that an instance runs over', () => {
    const machine = translates();
    const inside = machine.into(machine.entry);
    assert.equal(positionText(machine, machine.goto(inside, 9, 'encoder')), "encoder/h' @ 1");
    assert.equal(positionText(machine, machine.goto(inside, 9, 'decoder')), 'decoder @ 2');
    assert.equal(positionText(machine, machine.goto({ instance: '', line: 1, t: 2 }, 0, 'encoder')), 'encoder @ 0');
  });

  it('the timestep shown outside a loop is where the loop before it ended', () => {
    const machine = both();
    assert.deepEqual(
      [
        { instance: '', line: 0, t: 1 },
        { instance: '', line: 1 },
        { instance: '', line: 3 },
      ].map((p) => machine.timestep(p)),
      [1, 1, 1],
    );
    assert.equal(machine.timestep({ instance: '', line: 1 }), 1);
  });

  it('a trace without lines is refused', () => {
    assert.throws(() => new Stepper({ ...described(LSTM, 2, { calls: [] }), instances: [] }), /Shakespeare has no line/);
  });
});
