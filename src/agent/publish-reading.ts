/** The files of a folder that is being published: read once, and handed to the hub as far as it lacks them. */
import type { DocumentContent } from '../core/content.ts';
import type { Exchange } from '../protocol/exchange.ts';
import type { Copy } from './copy.ts';
import type { Going } from './copying.ts';
import type { Ingested } from './documents/ports.ts';
import { Handover } from './handover.ts';
import type { HubConnection } from './hub-connection.ts';
import { LOOK_AGAIN_MS, stopIfAsked } from './syncing.ts';

type Survey = { readonly documents: readonly string[]; readonly bytes: number };

/** A document or database whose content the hub is to have. */
export type Handed = { readonly path: string; readonly content: DocumentContent };

/**
 * Nothing is kept here a second time: the files themselves lie here. After a cut the same files are read again, and only
 * what the hub still lacks is sent.
 */
export class Reading {
  readonly #copy: Copy;
  readonly #hub: HubConnection;
  readonly #survey: Survey;
  readonly #going: Going;
  readonly #stopping = new AbortController();
  #bytes = 0;
  #documents = 0;
  /** The session that all was handed to; null: there were several, and the hub may have been another in between. */
  #handedTo: Exchange | null | undefined;

  constructor(copy: Copy, hub: HubConnection, survey: Survey, going: Going) {
    this.#copy = copy;
    this.#hub = hub;
    this.#survey = survey;
    this.#going = going;
  }

  async read(paths: readonly string[]): Promise<readonly Ingested[]> {
    const before = { bytes: this.#bytes, documents: this.#documents };
    for (;;) {
      const exchange = await this.session();
      try {
        const sink = new Handover(exchange.chunks);
        const read = await this.#copy.contents.ingestInto(sink, paths, (one) => this.#tell(one));
        this.#handedTo = this.#handedTo === undefined || this.#handedTo === exchange ? exchange : null;
        return read;
      } catch (error) {
        // The line was cut: what reads the files is well, and starts over on the next one.
        if (this.#copy.exchange === exchange) throw error;
        this.#bytes = before.bytes;
        this.#documents = before.documents;
      }
    }
  }

  /** The session with the hub; waits until there is one. Throws a `ProblemError` when the hub refuses us. */
  async session(): Promise<Exchange> {
    for (;;) {
      this.#mayGoOn();
      if (this.#copy.exchange !== null) return this.#copy.exchange;
      await this.#hub.sessionOrRefusal();
      await this.#copy.change(LOOK_AGAIN_MS);
    }
  }

  /**
   * What of all that was read the hub lacks nevertheless: it had it in an earlier session, and was brought back from a
   * backup since. Rejects when the session ends.
   */
  async lost(exchange: Exchange, all: readonly Handed[]): Promise<readonly string[]> {
    if (this.#handedTo === exchange) return [];
    const ids = new Set(all.flatMap(({ content }) => content.chunks.map(({ id }) => id)));
    const lacking = new Set(await exchange.chunks.lacking([...ids]));
    const lost = all.filter(({ content }) => content.chunks.some(({ id }) => lacking.has(id)));
    if (lost.length === 0) this.#handedTo = exchange;
    return lost.map(({ path }) => path);
  }

  /** What is being read is given up. */
  stop(): void {
    this.#stopping.abort();
  }

  #mayGoOn(): void {
    stopIfAsked(this.#going.signal);
    stopIfAsked(this.#stopping.signal);
  }

  #tell(one: Ingested): void {
    this.#mayGoOn();
    this.#documents += 1;
    if (one.kind === 'done') this.#bytes += one.content.size;
    const { bytes, documents } = this.#survey;
    this.#going.progress({
      phase: 'sending',
      bytes: { done: this.#bytes, total: Math.max(bytes, this.#bytes) },
      documents: { done: Math.min(this.#documents, documents.length), total: documents.length },
    });
  }
}
