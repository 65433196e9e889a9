/**
 * One parent file while somebody has it open: its store, and the exchanges of everyone who is connected. Whatever one
 * of them stores is pushed to the others at once. Closed again when the last one has gone.
 */
import type { DatabaseSync } from 'node:sqlite';
import { includes, MAX_COPIES_OF_DEVICE } from '../core/vector.ts';
import type { Clock, FileBytes } from '../platform/ports.ts';
import { BEHIND, Exchange } from '../protocol/exchange.ts';
import type { Line } from '../protocol/replica.ts';
import { CHUNKS_SCHEMA, ChunkStore } from '../store/chunks.ts';
import { FileStore } from '../store/file-store.ts';
import { LOG_SCHEMA } from '../store/log.ts';
import { openStore } from '../store/sqlite.ts';
import { isProved } from '../store/stored-chunk.ts';
import { Seeking } from './seeking.ts';
import { Snapshots } from './snapshots.ts';

export interface ParentFileOptions {
  readonly folder: string;
  readonly file: string;
  readonly office: string;
  readonly clock: Clock;
  readonly files: FileBytes;
  readonly log: (text: string) => void;
}

/** Who sends such changes is no honest program, or a broken one: its whole connection is ended. */
const FORGERIES: readonly string[] = ['forged', 'distrusted'];

export class ParentFile {
  readonly #db: DatabaseSync;
  readonly #chunks: ChunkStore;
  readonly #store: FileStore;
  readonly #exchanges = new Map<Exchange, { readonly copy: string; readonly line: Line }>();
  readonly #options: ParentFileOptions;
  readonly #seeking: Seeking;
  readonly snapshots: Snapshots;

  constructor(options: ParentFileOptions) {
    const { folder, file, office, clock, files, log } = options;
    this.#options = options;
    files.makeFolder(folder);
    this.#db = openStore(`${folder}/store.db`, { schema: [LOG_SCHEMA, CHUNKS_SCHEMA], synchronous: 'FULL' });
    const hooks = {
      chunksArrived: (ids: readonly string[]) => {
        this.#seeking.arrived(ids);
        for (const exchange of this.#exchanges.keys()) exchange.chunks.arrived(ids);
      },
      chunksDamaged: (ids: readonly string[]) => log(`${ids.length} damaged chunks are not used: ${ids.join(' ')}`),
    };
    try {
      this.#chunks = new ChunkStore(this.#db, `${folder}/packs`, files);
      this.#store = new FileStore({
        db: this.#db,
        chunks: this.#chunks,
        file,
        office,
        clock,
        copiesOfDevice: MAX_COPIES_OF_DEVICE,
        hooks,
      });
    } catch (error) {
      // A damaged store is opened again whenever somebody comes; its file must not stay open each time.
      this.#db.close();
      throw error;
    }
    this.#seeking = new Seeking(clock, this.#store);
    const risen = (): void => this.#dismissBehind();
    const isHere = (copy: string): boolean => this.isOnline(copy);
    this.snapshots = new Snapshots({ db: this.#db, store: this.#store, file, office, clock, isHere, risen });
  }

  get idle(): boolean {
    return this.#exchanges.size === 0;
  }

  hashAt(copy: string, seq: number): string | null {
    return this.#store.hashAt(copy, seq) ?? null;
  }

  isOnline(copy: string): boolean {
    return [...this.#exchanges.values()].some((one) => one.copy === copy);
  }

  /** The exchange with one copy over one line. `onEnd` is called when it is over, whoever ended it. */
  join(copy: string, channel: number, line: Line, onEnd: () => void): Exchange {
    const exchange: Exchange = new Exchange({
      channel,
      replica: this.#store,
      line,
      acceptsUploads: true,
      floor: () => this.#store.log.floor,
      onReady: () => this.#seeking.came(exchange),
      onAwaited: (ids) => this.#seeking.seek(ids),
      onWrong: (ids) => this.#dropWrong(copy, ids),
      onStored: () => this.#pushFrom(exchange),
      onEnd: ({ code, text }) => {
        if (code !== 'cut') this.#options.log(`copy ${copy}: ${text}`);
        this.#exchanges.delete(exchange);
        this.#seeking.left(exchange);
        onEnd();
        if (FORGERIES.includes(code)) line.fail(new Error(text));
      },
    });
    this.#exchanges.set(exchange, { copy, line });
    return exchange;
  }

  /** Ends the connections of all who have it open, with the reason, and closes it. */
  dismiss(why: string): void {
    for (const { line } of [...this.#exchanges.values()]) line.fail(new Error(why));
    this.close();
  }

  close(): void {
    this.#seeking.stop();
    this.snapshots.stop();
    for (const exchange of [...this.#exchanges.keys()]) exchange.end({ code: 'cut', text: 'the hub is stopping' });
    try {
      this.#chunks.close();
    } finally {
      this.#db.close();
    }
  }

  /** Whoever is connected and has not stored all that lies below the floor calls again, and hears that it is behind. */
  #dismissBehind(): void {
    const { floor } = this.#store.log;
    for (const [exchange, { line }] of [...this.#exchanges]) {
      if (exchange.ready && !includes(exchange.partner, floor)) line.fail(new Error(`${BEHIND}: the file was packed`));
    }
  }

  /**
   * Somebody could not use these chunks. The hub does not need to look into them; asked, it does: whoever uploaded other
   * bytes under an id that they had guessed must not keep out those that belong there.
   */
  #dropWrong(copy: string, ids: readonly string[]): void {
    const wrong = this.#store.readChunks(ids).filter((chunk) => !isProved(chunk));
    if (wrong.length === 0) return;
    const dropped = wrong.map(({ id }) => id);
    this.#chunks.forget(dropped);
    this.#options.log(`copy ${copy}: ${dropped.length} chunks are not what their ids say: ${dropped.join(' ')}`);
    this.#seeking.seek(dropped);
  }

  #pushFrom(source: Exchange): void {
    for (const exchange of this.#exchanges.keys()) if (exchange !== source) exchange.advance();
  }
}
