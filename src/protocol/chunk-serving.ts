/**
 * What the partner wants of our chunks. A want for one that is not here yet is answered with `later` and kept: a
 * colleague's upload is served while it arrives, and what nobody has uploaded yet stands in nobody's way.
 */
import { MalformedError } from '../core/codec.ts';
import { READ_AT_ONCE, sendChunks } from './chunk-batches.ts';
import { BACKLOG_BYTES, MAX_AWAITED, OUTSTANDING_WANTS } from './limits.ts';
import type { MessageOf } from './messages.ts';
import { Queue } from './queue.ts';
import type { ChunkRecord, Line, Replica } from './replica.ts';

export class ChunkServing {
  readonly #channel: number;
  readonly #replica: Replica;
  readonly #line: Line;
  /** The partner wants chunks that are not here. */
  readonly #onAwaited: (ids: readonly string[]) => void;
  readonly #toServe = new Queue<string>();
  /** What was promised for later and has come in. */
  readonly #toPush = new Queue<string>();
  #inService = 0;
  #serving = false;
  /** Wants of the partner for chunks that are not here yet. */
  readonly #awaited = new Set<string>();
  #ended = false;

  constructor(channel: number, replica: Replica, line: Line, onAwaited: (ids: readonly string[]) => void) {
    this.#channel = channel;
    this.#replica = replica;
    this.#line = line;
    this.#onAwaited = onAwaited;
  }

  onWant({ ids }: MessageOf<'want'>): void {
    const open = this.#toServe.length + this.#inService + ids.length;
    if (open > OUTSTANDING_WANTS) throw new MalformedError('more wants at once than agreed');
    if (open + this.#awaited.size > MAX_AWAITED) throw new MalformedError('too many wants for what is not here');
    this.#toServe.push(ids);
    void this.#serve();
  }

  onUnwant({ ids }: MessageOf<'unwant'>): void {
    for (const id of ids) this.#awaited.delete(id);
  }

  /** Chunks have come in here, from whomever: answers the partner's wants that waited for them. */
  arrived(ids: readonly string[]): void {
    const served = ids.filter((id) => this.#awaited.delete(id));
    if (served.length === 0) return;
    this.#toPush.push(served);
    void this.#serve();
  }

  end(): void {
    this.#ended = true;
    this.#toServe.clear();
    this.#toPush.clear();
    this.#awaited.clear();
  }

  async #serve(): Promise<void> {
    if (this.#serving) return;
    this.#serving = true;
    try {
      while (this.#toServe.length + this.#toPush.length > 0 && !this.#ended) {
        const queue = this.#toServe.length > 0 ? this.#toServe : this.#toPush;
        const ids = queue.take(READ_AT_ONCE);
        this.#inService = queue === this.#toServe ? ids.length : 0;
        const found = this.#replica.readChunks(ids);
        if (found.length < ids.length) this.#await(ids, found, queue === this.#toServe);
        this.#inService = 0;
        sendChunks(this.#line, this.#channel, found);
        if (this.#line.backlog > BACKLOG_BYTES) await this.#line.drained(BACKLOG_BYTES / 2);
      }
    } catch (error) {
      this.#line.fail(error);
    } finally {
      this.#serving = false;
    }
  }

  #await(ids: readonly string[], found: readonly ChunkRecord[], tell: boolean): void {
    const here = new Set(found.map(({ id }) => id));
    const missing = ids.filter((id) => !here.has(id));
    for (const id of missing) this.#awaited.add(id);
    if (missing.length > 0) this.#onAwaited(missing);
    if (tell) this.#line.send({ kind: 'later', channel: this.#channel, ids: missing });
  }
}
