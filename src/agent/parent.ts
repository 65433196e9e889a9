/**
 * The parent of one copy, as this machine reaches it: the exchange over whatever session stands with the hub, and what
 * the parent is known to have when none does.
 */
import { givenOtherwise } from '../core/branches.ts';
import type { Hash } from '../core/bytes.ts';
import type { CopyId, Vector } from '../core/vector.ts';
import type { Clock } from '../platform/ports.ts';
import { storageKind } from '../platform/storage-failure.ts';
import { Exchange } from '../protocol/exchange.ts';
import type { ChunkRecord, Refusal, Replica } from '../protocol/replica.ts';
import type { Session } from '../protocol/session.ts';
import { isProved } from '../store/stored-chunk.ts';
import type { HubTips } from './branching.ts';
import type { ChunkSource } from './documents/ports.ts';
import type { Attached, HubConnection } from './hub-connection.ts';
import type { SyncFolder } from './sync-folder.ts';

/** How long content that is being uploaded may make no progress before others get their turn. */
const PATIENCE_MS = 3000;

export interface ParentOptions {
  readonly file: string;
  readonly copy: CopyId;
  readonly hub: HubConnection;
  readonly clock: Clock;
  readonly replica: Replica;
  /** Keeps what the parent was last known to have. */
  readonly folder: SyncFolder;
  /** The user does not want to work offline. */
  readonly isWanted: () => boolean;
  /** Changes can be folded only onto the base: is it known? */
  readonly takesChanges: () => boolean;
  /** Both sides have said what they have. */
  readonly ready: () => void;
  /** Changes were stored here. */
  readonly stored: () => void;
  /** The parent has stored more of what was sent. */
  readonly acked: () => void;
  /** Content came in, bytes. */
  readonly received: (bytes: number) => void;
  /** The exchange is over; the next session begins another. */
  readonly ended: (why: Refusal, theirs: HubTips) => void;
}

export class Parent implements Attached, ChunkSource {
  readonly #options: ParentOptions;
  #exchange: Exchange | null = null;
  #session: Session | null = null;

  constructor(options: ParentOptions) {
    this.#options = options;
  }

  /** Uses the way to the hub from now on. */
  attach(): void {
    this.#options.hub.attach(this);
  }

  detach(): void {
    this.#options.hub.detach(this);
    this.close('this copy is closed here');
  }

  connected(session: Session): void {
    this.#session = session;
    this.open();
  }

  disconnected(): void {
    this.#session = null;
  }

  /** The exchange, once both sides have said what they have. */
  get exchange(): Exchange | null {
    return this.#exchange?.ready ? this.#exchange : null;
  }

  /** What the parent has: by its own word, or as it was last known. */
  get vector(): Vector {
    return this.exchange?.partner ?? this.#options.folder.parentVector;
  }

  /** The base is known: changes may come. */
  begin(): void {
    this.#exchange?.begin();
  }

  /** The log has grown. */
  advance(): void {
    this.#exchange?.advance();
  }

  /** Begins the exchange if there is a session and none of it yet. */
  open(): void {
    const { file, copy, folder, replica, isWanted, takesChanges, ready, stored, acked } = this.#options;
    const session = this.#session;
    if (session === null || !isWanted() || this.#exchange) return;
    const exchange: Exchange = session.open(
      file,
      copy,
      (channel, line) =>
        new Exchange({
          channel,
          line,
          replica,
          acceptsUploads: false,
          own: copy,
          proves: isProved,
          givenOtherwise: (theirs) => givenOtherwise(replica.vector(), theirs, folder.origins).keys().next().value,
          onReady: ready,
          onStored: stored,
          onAcked: acked,
          onEnd: (why) => this.#onEnd(exchange, why),
        }),
    );
    this.#exchange = exchange;
    if (takesChanges()) exchange.begin();
  }

  close(text: string): void {
    if (this.#exchange) this.#session?.close(this.#exchange, text);
  }

  /** Throws a `ProblemError` that says why the hub is out of reach, if it is; waits a moment for a session. */
  async mustBeReached(): Promise<void> {
    if (this.exchange === null) await this.#options.hub.sessionOrRefusal();
  }

  /** Chunks that are not here, for who proves each by its id. Resolves with those that could not be had. */
  async fetch(
    ids: readonly Hash[],
    deliver: (id: Hash, stored: Uint8Array) => void | Promise<void>,
    signal: AbortSignal,
  ): Promise<readonly Hash[]> {
    const missing = new Set(ids);
    const exchange = this.exchange;
    if (exchange === null) return ids;
    const delivering: Promise<void>[] = [];
    const giveUp = new AbortController();
    let stopTimer = (): void => {};
    const take = ({ id, bytes }: ChunkRecord): Promise<void> | undefined => {
      stopTimer();
      missing.delete(id);
      this.#options.received(bytes.byteLength);
      const busy = deliver(id, bytes) ?? undefined;
      if (busy) delivering.push(busy);
      return busy;
    };
    // A colleague's upload under way is followed; what nobody has uploaded must not be waited for.
    const waiting = (): void => {
      stopTimer();
      stopTimer = this.#options.clock.after(PATIENCE_MS, () => giveUp.abort());
    };
    try {
      const given = AbortSignal.any([signal, giveUp.signal]);
      await exchange.fetch(ids, take, { signal: given, waiting, proving: true });
    } catch {
      // What has not come is told.
    }
    stopTimer();
    await Promise.all(delivering);
    return [...missing];
  }

  /** What came for these chunks is not what their ids say: others are to be had from elsewhere. */
  wrong(ids: readonly Hash[]): void {
    this.exchange?.sayWrong(ids);
  }

  #onEnd(exchange: Exchange, why: Refusal): void {
    if (this.#exchange !== exchange) return;
    this.#exchange = null;
    // One that ended before the parent had said what it has tells nothing: what was known of it stays known.
    if (exchange.partner.size > 0) this.#remember(exchange.partner);
    this.#options.ended(why, exchange.theirs);
  }

  /** Only saves work: without it more is offered again after a restart. A full disk is told where it does harm. */
  #remember(vector: Vector): void {
    try {
      this.#options.folder.parentVector = vector;
    } catch (error) {
      if (storageKind(error) === undefined) throw error;
    }
  }
}
