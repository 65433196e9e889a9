/**
 * A relay that counts TCP payload bytes (TLS records included; TCP and IP headers, 2 to 3 % on Ethernet, are not).
 * `up` is what the callers send, `down` what they get.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface Wire {
  up: number;
  down: number;
}

export interface Relay {
  readonly port: number;
  readonly wire: Wire;
  close(): Promise<void>;
}

/** Both are HOST:PORT. */
export async function countBytes(listen: string, target: string): Promise<Relay> {
  const wire: Wire = { up: 0, down: 0 };
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true }, (caller) => {
    const called = connect({ ...place(target), noDelay: true });
    caller.on('data', ({ length }) => {
      wire.up += length;
    });
    called.on('data', ({ length }) => {
      wire.down += length;
    });
    for (const [socket, other] of [
      [caller, called],
      [called, caller],
    ] as const) {
      open.add(socket);
      socket.pipe(other);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        open.delete(socket);
        other.destroy();
      });
    }
  });
  server.listen(place(listen));
  await once(server, 'listening');
  return {
    port: place(listen).port,
    wire,
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function place(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at), port: Number(address.slice(at + 1)) };
}
