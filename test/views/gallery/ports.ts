// Two joined ports that copy messages as VS Code does: JSON save for buffers, delivered later.

import type { Port } from '../../../src/shared/bridge.ts';

export function ports(): readonly [Port, Port] {
  const heard = [new Set<(message: unknown) => void>(), new Set<(message: unknown) => void>()] as const;
  const port = (own: 0 | 1): Port => ({
    post: (message) => {
      const copy = copied(message);
      setTimeout(() => {
        for (const receive of heard[own === 0 ? 1 : 0]) receive(copy);
      });
    },
    listen: (receive) => {
      heard[own].add(receive);
      return () => void heard[own].delete(receive);
    },
  });
  return [port(0), port(1)];
}

function copied(message: unknown): unknown {
  if (message instanceof ArrayBuffer) return message.slice(0);
  if (Array.isArray(message)) return message.map(copied);
  if (message !== null && typeof message === 'object') {
    const entries = Object.entries(message).filter(([, value]) => value !== undefined);
    return Object.fromEntries(entries.map(([key, value]) => [key, copied(value)]));
  }
  return typeof message === 'number' && !Number.isFinite(message) ? null : message;
}
