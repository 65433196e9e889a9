/** Replicas that speak to each other: sessions over wires in memory, one file open on each. */
import type { FetchOptions } from '../../src/protocol/chunk-exchange.ts';
import { Exchange } from '../../src/protocol/exchange.ts';
import type { Line, Refusal } from '../../src/protocol/replica.ts';
import { Session } from '../../src/protocol/session.ts';
import type { StoredChange } from '../../src/store/log.ts';
import { decodeChunk, encodeChunk, type StoredChunk } from '../../src/store/stored-chunk.ts';
import { author, FILE, type Made, makeStore, text } from '../store/stores.ts';
import { Wire } from './carrier.ts';

/** A copy that makes changes, or a hub (no letter), which takes what it is given. */
export class Machine {
  readonly made: Made;
  readonly letter: string;
  readonly #exchanges = new Set<Exchange>();
  readonly ends: Refusal[] = [];
  readonly bodies: string[] = [];

  constructor(letter = '', made?: (hooks: Parameters<typeof makeStore>[0]) => Made) {
    this.letter = letter;
    const hooks = {
      ...(letter !== '' && { stored: (_: unknown, body: Uint8Array) => this.#fold(body) }),
      chunksArrived: (ids: readonly string[]) => this.arrived(ids),
    };
    this.made = (made ?? makeStore)({ hooks });
  }

  get store() {
    return this.made.store;
  }

  async append(...contents: (string | Uint8Array)[]): Promise<StoredChange[]> {
    const bodies = contents.map((content) => (typeof content === 'string' ? text(content) : content));
    const changes = this.store.append(await author(this.letter, `user ${this.letter}`), bodies);
    this.push();
    return changes;
  }

  push(except?: Exchange): void {
    for (const exchange of this.#exchanges) if (exchange !== except) exchange.advance();
  }

  get exchanges(): readonly Exchange[] {
    return [...this.#exchanges];
  }

  arrived(ids: readonly string[]): void {
    for (const exchange of this.#exchanges) exchange.chunks.arrived(ids);
  }

  exchange(channel: number, line: Line, own?: string): Exchange {
    const exchange: Exchange = new Exchange({
      channel,
      replica: this.store,
      line,
      acceptsUploads: this.letter === '',
      ...(own !== undefined && { own }),
      onStored: () => this.push(exchange),
      onEnd: (why) => {
        this.#exchanges.delete(exchange);
        this.ends.push(why);
      },
    });
    this.#exchanges.add(exchange);
    return exchange;
  }

  keep(content: Uint8Array): StoredChunk {
    const chunk = encodeChunk(content);
    this.store.chunks.append([chunk]);
    this.store.chunks.flush();
    return chunk;
  }

  #fold(body: Uint8Array): string {
    this.bodies.push(Buffer.from(body).toString());
    return '';
  }
}

export type Connection = { wire: Wire; caller: Session; answerer: Session; exchange: Exchange; reasons: string[] };

/** `from` dials `to` and opens the file. */
export async function connect(
  from: Machine,
  to: Machine,
  wire = new Wire(),
  { begin = true } = {},
): Promise<Connection> {
  const reasons: string[] = [];
  const nowMs = (): number => from.made.clock.now();
  const onEnd = (reason: string): void => void reasons.push(reason);
  const opened = ({ channel }: { channel: number }, line: Line) => to.exchange(channel, line);
  const answerer = new Session({ carrier: wire.ends[1], software: 'test', nowMs, opened, onEnd }, false);
  const caller = new Session({ carrier: wire.ends[0], software: 'test', nowMs, onEnd }, true);
  while (wire.deliver(0) || wire.deliver(1));
  const { copy } = await author(from.letter);
  const exchange = caller.open(FILE, copy, (channel, line) => from.exchange(channel, line, copy));
  if (begin) exchange.begin();
  return { wire, caller, answerer, exchange, reasons };
}

/** The content of chunks that are fetched, as it comes. */
export function fetchInto(exchange: Exchange, ids: readonly string[], into: Uint8Array[], options?: FetchOptions) {
  return exchange.fetch(
    ids,
    ({ id, bytes }) => {
      into.push(decodeChunk(id, bytes));
      return undefined;
    },
    options,
  );
}
