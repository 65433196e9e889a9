/** Connections that have not proved themselves: each has its time, and together they have their number. */
import type { Socket } from 'node:net';

export interface WaitingLimits {
  /** From the first packet to a proved session. */
  readonly handshakeMs: number;
  /** Connections that have not proved themselves; when there are more, the oldest is dropped. */
  readonly waiting: number;
}

export function waitingRoom({ handshakeMs, waiting }: WaitingLimits, refuse: (socket: Socket, why: string) => void) {
  const inside = new Map<string, { socket: Socket; timer: NodeJS.Timeout }>();
  // The TLS socket and the plain one below it are two objects with one remote end.
  const key = (socket: Socket) => `${socket.remoteAddress} ${socket.remotePort}`;
  const drop = (name: string, why?: string) => {
    const entry = inside.get(name);
    if (entry === undefined) return;
    inside.delete(name);
    clearTimeout(entry.timer);
    if (why !== undefined) refuse(entry.socket, why);
  };
  return {
    enter(socket: Socket): void {
      const name = key(socket);
      // Dropping the oldest leaves room for honest newcomers, who need milliseconds.
      if (inside.size >= waiting) drop(inside.keys().next().value!, 'too many connections are waiting');
      const timer = setTimeout(() => drop(name, `no session within ${handshakeMs / 1000} s`), handshakeMs);
      inside.set(name, { socket, timer });
      socket.once('close', () => {
        if (inside.get(name)?.socket === socket) drop(name);
      });
    },
    leave: (socket: Socket) => drop(key(socket)),
    clear(): void {
      for (const { socket, timer } of inside.values()) {
        clearTimeout(timer);
        socket.destroy();
      }
      inside.clear();
    },
  };
}
