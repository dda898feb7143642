// The line to the host.

import { Bridge, type Handlers, type Port } from '../src/shared/bridge.ts';
import type { HostRequests, WebviewRequests } from '../src/shared/messages.ts';

export type Host = Bridge<WebviewRequests, HostRequests>;

declare function acquireVsCodeApi(): { postMessage(message: unknown): void };

/** The port that VS Code gives a webview. */
export function portToHost(): Port {
  const api = acquireVsCodeApi();
  return {
    post: (message) => api.postMessage(message),
    listen: (receive) => {
      const heard = (event: MessageEvent) => receive(event.data);
      window.addEventListener('message', heard);
      return () => window.removeEventListener('message', heard);
    },
  };
}

export const connect = (port: Port, handlers: Handlers<WebviewRequests>): Host => new Bridge<WebviewRequests, HostRequests>(port, handlers);
