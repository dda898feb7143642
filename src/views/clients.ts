// The webviews that are attached: changes of the state go to all that are ready, numbers to those that draw them, at most once a frame each.

import { Bridge, type Handlers, type Port } from '../shared/bridge.ts';
import type { HostRequests, Numbers, ViewState, WebviewRequests } from '../shared/messages.ts';

/** Requests that need no particular webview. */
export type ViewRequests = Omit<HostRequests, 'ready' | 'export'>;

export interface Client {
  readonly bridge: Bridge<HostRequests, WebviewRequests>;
  /** Set when it is ready. */
  view: 'panel' | 'gates' | undefined;
  /** Parts that it draws just now, with what came meanwhile. */
  readonly outbox: Map<Numbers['part'], { next: Numbers | undefined }>;
}

export class Clients {
  private readonly clients = new Set<Client>();
  /** The newest numbers of each part, for webviews that come later. */
  private readonly newest = new Map<Numbers['part'], Numbers>();

  /** Connects a webview; the result disconnects it. */
  attach(
    port: Port,
    state: () => ViewState,
    handlers: Handlers<ViewRequests>,
    exported: (client: Client, line: string | undefined) => Promise<HostRequests['export']['result']>,
  ): () => void {
    const client: Client = {
      bridge: new Bridge<HostRequests, WebviewRequests>(port, {
        ...handlers,
        ready: ({ view }) => {
          client.view = view;
          // A page that was hidden is thrown away and made anew: what the one before was sent, it answers no more.
          client.outbox.clear();
          for (const numbers of this.newest.values()) this.post(client, numbers);
          return state();
        },
        export: ({ line }) => exported(client, line),
      }),
      view: undefined,
      outbox: new Map(),
    };
    this.clients.add(client);
    return () => {
      client.bridge.close();
      this.clients.delete(client);
    };
  }

  change(change: Partial<ViewState>): void {
    for (const client of this.clients) {
      // A webview that is closed meanwhile asks for everything when it comes back.
      if (client.view !== undefined) client.bridge.request('change', change).catch(() => {});
    }
  }

  send(numbers: Numbers): void {
    this.newest.set(numbers.part, numbers);
    for (const client of this.clients) if (client.view !== undefined) this.post(client, numbers);
  }

  /** Numbers of a trace that is gone are not sent again. */
  forgetTrace(): void {
    for (const part of this.newest.keys()) if (part !== 'training') this.newest.delete(part);
  }

  /** Posts the newest numbers of a part when the webview has drawn those before. */
  private post(client: Client, numbers: Numbers): void {
    if (client.view === 'gates' && numbers.part !== 'column' && numbers.part !== 'order') return;
    const waiting = client.outbox.get(numbers.part);
    if (waiting !== undefined) {
      waiting.next = numbers;
      return;
    }
    const slot: { next: Numbers | undefined } = { next: undefined };
    client.outbox.set(numbers.part, slot);
    client.bridge
      .request('numbers', numbers)
      .catch(() => {})
      .finally(() => {
        if (client.outbox.get(numbers.part) !== slot) return;
        client.outbox.delete(numbers.part);
        if (slot.next !== undefined && this.clients.has(client)) this.post(client, slot.next);
      });
  }
}
