import assert from 'node:assert/strict';
import { Bridge } from '../../src/shared/bridge.ts';
import type { HostRequests, Numbers, ViewState, WebviewRequests } from '../../src/shared/messages.ts';
import { pack } from '../../src/shared/packed.ts';
import { Clients } from '../../src/views/clients.ts';
import { ports } from './gallery/ports.ts';

const order = (first: number): Numbers => ({ part: 'order', layer: 'h', values: pack({ order: [first], tau: [1] }) });

describe('webviews that are attached', () => {
  it('get the newest numbers when they were thrown away while they drew', async () => {
    const clients = new Clients();
    const [host, page] = ports();
    clients.attach(
      host,
      () => ({}) as ViewState,
      {} as never,
      async () => ({}),
    );
    const never = new Promise<never>(() => {});
    const asked: Numbers[] = [];
    // The page is hidden before its next frame, and answers nothing more.
    const first = new Bridge<WebviewRequests, HostRequests>(page, { change: () => never, numbers: () => never, picture: () => never });
    await first.request('ready', { view: 'panel' });
    clients.send(order(1));
    clients.send(order(2));
    await new Promise((resolve) => setTimeout(resolve, 10));
    first.close();
    const second = new Bridge<WebviewRequests, HostRequests>(page, {
      change: () => ({}),
      numbers: (numbers) => {
        asked.push(numbers);
        return {};
      },
      picture: () => never,
    });
    await second.request('ready', { view: 'panel' });
    clients.send(order(3));
    await new Promise((resolve) => setTimeout(resolve, 20));
    second.close();
    assert.deepEqual(
      asked.map(({ values }) => new Float32Array(values.buffer)[0]),
      [2, 3],
    );
  });
});
