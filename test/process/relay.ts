/** A line between machines and hub that can be counted, held and cut. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export class Relay {
  /** TCP payload that has gone through: to the hub, and from it. */
  readonly passed = { up: 0, down: 0 };
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  #hold: { way: 'up' | 'down'; after: number } | undefined;
  #held = false;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Both are HOST:PORT. */
  static async between(listen: string, target: string): Promise<Relay> {
    const server = createServer({ noDelay: true });
    const relay = new Relay(server);
    server.on('connection', (caller) => relay.#join(caller, connect({ ...place(target), noDelay: true })));
    server.listen(place(listen));
    await once(server, 'listening');
    return relay;
  }

  /** Nothing goes through any more once so many more bytes have gone this way. */
  holdAfter(way: 'up' | 'down', bytes: number): void {
    this.#hold = { way, after: this.passed[way] + bytes };
  }

  get held(): boolean {
    return this.#held;
  }

  release(): void {
    this.#hold = undefined;
    this.#held = false;
    for (const socket of this.#open) socket.resume();
  }

  cut(): void {
    for (const socket of this.#open) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(caller: Socket, called: Socket): void {
    for (const [from, to, way] of [
      [caller, called, 'up'],
      [called, caller, 'down'],
    ] as const) {
      this.#open.add(from);
      from.on('data', (bytes: Buffer) => {
        this.passed[way] += bytes.length;
        to.write(bytes);
        if (this.#hold && this.passed[this.#hold.way] >= this.#hold.after) this.#held = true;
        if (this.#held) for (const socket of this.#open) socket.pause();
        else if (to.writableNeedDrain) {
          from.pause();
          to.once('drain', () => this.#held || from.resume());
        }
      });
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#open.delete(from);
        to.destroy();
      });
      if (this.#held) from.pause();
    }
  }
}

function place(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at), port: Number(address.slice(at + 1)) };
}
