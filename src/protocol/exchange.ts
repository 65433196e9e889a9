/**
 * Synchronising two replicas of one file over a line: compare what each has, send what the other lacks in causal order,
 * then the chunks that the other wants. The same code runs on copies and on the hub. It holds no state that must
 * survive: after a cut it starts again from what both sides have stored.
 */
import { MalformedError } from '../core/codec.ts';
import { assert } from '../core/problem.ts';
import { at, type CopyId, includes, type Vector } from '../core/vector.ts';
import { ChunkExchange, type Deliver, type FetchOptions, type Upload } from './chunk-exchange.ts';
import { BATCH_BYTES, CHANGES_AT_ONCE, MAX_WRONG, UNACKED_MESSAGES } from './limits.ts';
import { clipped, type Message, type MessageOf, type WireChange } from './messages.ts';
import type { ChunkRecord, Line, Refusal, Replica, Tip } from './replica.ts';
import { type Incoming, WireReader, WireWriter, wireBytes } from './wire.ts';

export interface ExchangeOptions {
  readonly channel: number;
  readonly replica: Replica;
  readonly line: Line;
  /** A hub takes the chunks that it is given; a copy only those that it asked for. */
  readonly acceptsUploads: boolean;
  /** This side's own log, where it makes changes: nothing of it leaves before the partner's view was compared. */
  readonly own?: CopyId;
  /** A log of which the partner has a part under another id: it is not sent once more. */
  readonly givenOtherwise?: (theirs: Vector) => CopyId | undefined;
  /** Called once the partner has said what it has, and both logs agree. */
  readonly onReady?: () => void;
  /** The partner wants chunks that are not here. They are sent when they come. */
  readonly onAwaited?: (ids: readonly string[]) => void;
  /** Is this chunk what its id says? Not given by a hub, to which chunks are opaque. */
  readonly proves?: (chunk: ChunkRecord) => boolean;
  /** The partner could not use these chunks that it had from here. */
  readonly onWrong?: (ids: readonly string[]) => void;
  /** What lies below it is not in this log any more: a partner that lacks some of it is behind. A hub's. */
  readonly floor?: () => Vector;
  /** Changes were stored here; the ids tell of whom. */
  readonly onStored: () => void;
  /** The partner has stored more of what was sent. */
  readonly onAcked?: () => void;
  /** The exchange cannot go on; the line may, for other files. `forked`: the own log went another way there. */
  readonly onEnd: (why: Refusal) => void;
}

/** A partner that goes on sending wrong bytes for a part is not asked for ever. */
const PART_TRIES = 8;

export class Exchange {
  readonly chunks: ChunkExchange;
  readonly #options: ExchangeOptions;
  readonly #replica: Replica;
  readonly #writer = new WireWriter();
  readonly #reader = new WireReader();
  #begun = false;
  #ready = false;
  #ended = false;
  /** What the partner had to begin with. */
  #theirs: ReadonlyMap<CopyId, Tip> = new Map();
  /** What the partner has, or is on its way to it. */
  readonly #sent = new Map<CopyId, number>();
  /** What the partner has stored durably, by its own word. */
  readonly #partner = new Map<CopyId, number>();
  /** Per message that is not acknowledged yet, the last change of each copy in it. */
  readonly #inFlight: Vector[] = [];
  /** Changes that came in and wait for the parts of a large body, each with the number of its message. */
  #incoming: { readonly message: number; readonly change: Incoming }[] = [];
  #messages = 0;
  #awaitingParts = false;
  readonly #inquiries: { resolve: () => void; reject: (error: Error) => void }[] = [];

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#replica = options.replica;
    this.chunks = new ChunkExchange(options.channel, options.replica, options.line, options);
  }

  /** Says what this side has. Changes travel once both sides have; chunks can be had before. */
  begin(): void {
    assert(!this.#begun, 'an exchange begins once');
    this.#begun = true;
    const tips = [...this.#replica.tips()].map(([copy, { seq, hash }]) => ({ copy, seq, hash }));
    this.#send({ kind: 'have', channel: this.channel, tips });
    this.advance();
  }

  get channel(): number {
    return this.#options.channel;
  }

  /** The partner has said what it has, and both logs agree. */
  get ready(): boolean {
    return this.#ready;
  }

  /** What the partner has stored durably, as it is from moment to moment. */
  get partner(): Vector {
    return this.#partner;
  }

  /** What the partner had to begin with, as it said. */
  get theirs(): ReadonlyMap<CopyId, Tip> {
    return this.#theirs;
  }

  /** Nothing is left to send, and everything sent is stored there; nothing that the partner has is missing here. */
  get settled(): boolean {
    const mine = this.#replica.vector();
    return this.#ready && includes(this.#partner, mine) && includes(mine, this.#partner);
  }

  receive(message: Message): void {
    if (this.#ended) return;
    switch (message.kind) {
      case 'have':
        return this.#onHave(message);
      case 'changes':
        this.#mustHaveBegun();
        return this.#onChanges(message);
      case 'ack':
        this.#mustHaveBegun();
        return this.#onAck(message);
      case 'inquire':
        this.#mustHaveBegun();
        return this.#tellLevel();
      case 'level':
        return this.#onLevel(message);
      case 'want':
        return this.chunks.onWant(message);
      case 'chunks':
        return this.chunks.onChunks(message);
      case 'later':
        return this.chunks.onLater(message);
      case 'unwant':
        return this.chunks.onUnwant(message);
      case 'wrong':
        return this.#options.onWrong?.(message.ids);
      case 'offer':
        return this.chunks.onOffer(message);
      case 'need':
        return this.chunks.onNeed(message);
      case 'kept':
        return this.chunks.onKept(message);
      default:
        throw new MalformedError(`${message.kind} inside the exchange of a file`);
    }
  }

  /** The log has grown, or the partner has room again: sends what it lacks. Never throws: others call it as well. */
  advance(): void {
    try {
      while (this.#begun && this.#ready && this.#inFlight.length < UNACKED_MESSAGES) {
        const changes = this.#nextBatch();
        if (changes.length === 0) return;
        const copies = this.#writer.takeNamed();
        this.#send({ kind: 'changes', channel: this.channel, copies, changes });
      }
    } catch (error) {
      this.#options.line.fail(error);
    }
  }

  /**
   * Resolves when the partner has said what it has by now; from then on `settled` knows of it. Rejects when the line
   * ends.
   */
  level(): Promise<void> {
    if (this.#ended || !this.#ready) return Promise.reject(new Error('the partner is out of reach'));
    return new Promise((resolve, reject) => {
      this.#inquiries.push({ resolve, reject });
      this.#send({ kind: 'inquire', channel: this.channel });
    });
  }

  fetch(ids: readonly string[], deliver: Deliver, options?: FetchOptions): Promise<void> {
    return this.chunks.fetch(ids, deliver, options);
  }

  /** Tells the partner of chunks from it that are not what their ids say. */
  sayWrong(ids: readonly string[]): void {
    if (this.#ended) return;
    for (let start = 0; start < ids.length; start += MAX_WRONG) {
      this.#send({ kind: 'wrong', channel: this.channel, ids: ids.slice(start, start + MAX_WRONG) });
    }
  }

  upload(uploads: readonly Upload[]): Promise<void> {
    return this.chunks.upload(uploads);
  }

  end(why: Refusal): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#ready = false;
    this.chunks.end(new Error(why.text));
    for (const { reject } of this.#inquiries.splice(0)) reject(new Error(why.text));
    this.#options.onEnd(why);
  }

  #mustHaveBegun(): void {
    if (!this.#begun || !this.#ready) throw new MalformedError('changes before both sides said what they have');
  }

  #onHave({ tips }: MessageOf<'have'>): void {
    if (this.#ready) throw new MalformedError('said twice what it has');
    const theirs = new Map<CopyId, Tip>(tips.map(({ copy, seq, hash }) => [copy, { seq, hash }]));
    this.#theirs = theirs;
    const fork = this.#fork(theirs);
    if (fork) return this.#refuse(fork);
    const floor = this.#options.floor?.();
    if (floor && !this.#reaches(theirs, floor)) return this.#refuse(behind());
    for (const [copy, { seq }] of theirs) {
      this.#partner.set(copy, seq);
      this.#sent.set(copy, seq);
    }
    this.#ready = true;
    this.#options.onReady?.();
    this.advance();
  }

  /** Where both sides have a change of the same copy and number, it must be the same change. */
  #fork(theirs: ReadonlyMap<CopyId, Tip>): Refusal | null {
    const { own } = this.#options;
    for (const [copy, { seq, hash }] of theirs) {
      const here = this.#replica.hashAt(copy, seq);
      if (here !== undefined && here !== hash) return forked(copy, own);
      if (copy === own && here === undefined) return forked(copy, own);
    }
    const otherwise = this.#options.givenOtherwise?.(new Map([...theirs].map(([copy, { seq }]) => [copy, seq])));
    return otherwise === undefined ? null : forked(otherwise, own);
  }

  #reaches(theirs: ReadonlyMap<CopyId, Tip>, floor: Vector): boolean {
    for (const [copy, seq] of floor) if ((theirs.get(copy)?.seq ?? 0) < seq) return false;
    return true;
  }

  #nextBatch(): WireChange[] {
    const batch: WireChange[] = [];
    const tips = new Map<CopyId, number>();
    let bytes = 0;
    for (const change of this.#replica.after(this.#sent, { limit: CHANGES_AT_ONCE, bytes: BATCH_BYTES })) {
      if (bytes >= BATCH_BYTES) break;
      const written = this.#writer.write(change, (copy, seq) => this.#replica.depsOf(copy, seq));
      bytes += wireBytes(written);
      batch.push(written);
      tips.set(change.copy, change.seq);
    }
    for (const [copy, seq] of tips) this.#sent.set(copy, seq);
    if (batch.length > 0) this.#inFlight.push(tips);
    return batch;
  }

  #onChanges({ copies, changes }: MessageOf<'changes'>): void {
    const message = this.#messages++;
    const oldest = this.#incoming[0]?.message ?? message;
    if (message - oldest >= UNACKED_MESSAGES) throw new MalformedError('more changes at once than agreed');
    const incoming = this.#reader.read(copies, changes, (copy, seq) => this.#replica.depsOf(copy, seq));
    for (const change of incoming) {
      // Nobody but us makes changes of this copy: whoever has the next one has another history of it.
      if (change.copy === this.#options.own && this.#isNew(change))
        return this.#refuse(forked(change.copy, change.copy));
      raise(this.#partner, change);
      raise(this.#sent, change);
      this.#incoming.push({ message, change });
    }
    this.#take();
  }

  /** Stores what has come in, up to the first change whose body's parts are not all here. */
  #take(): void {
    if (this.#awaitingParts || this.#ended) return;
    const heard = new Set(this.#incoming.map(({ change }) => change.copy));
    // The same may have come by another way in the meantime.
    const fresh = this.#incoming.filter(({ change }) => this.#isNew(change));
    const { complete, missing } = this.#withParts(fresh.map(({ change }) => change));
    const known = this.#incoming.length - fresh.length;
    this.#incoming = fresh.slice(complete.length);
    const refusal = complete.length > 0 ? this.#replica.receive(complete) : null;
    if (complete.length + known > 0) this.#acknowledge(heard);
    if (complete.length > 0) this.#options.onStored();
    if (refusal) this.#refuse(refusal);
    else if (missing.length > 0) void this.#fetchParts(missing);
  }

  #isNew({ copy, seq }: Incoming): boolean {
    return at(this.#replica.vector(), copy) < seq;
  }

  #withParts(fresh: readonly Incoming[]): { complete: readonly Incoming[]; missing: readonly string[] } {
    for (const [index, { content }] of fresh.entries()) {
      if (content.kind === 'inline') continue;
      const missing = this.#replica.lacking(content.parts.map(({ id }) => id));
      if (missing.length > 0) return { complete: fresh.slice(0, index), missing };
    }
    return { complete: fresh, missing: [] };
  }

  /** Says how far the logs of these copies are stored; never more than the partner knows of them. */
  #acknowledge(copies: ReadonlySet<CopyId>): void {
    const mine = this.#replica.vector();
    const tips = [...copies].map((copy) => ({ copy, seq: Math.min(at(mine, copy), at(this.#partner, copy)) }));
    this.#send({ kind: 'ack', channel: this.channel, tips });
  }

  async #fetchParts(ids: readonly string[]): Promise<void> {
    this.#awaitingParts = true;
    const keeping: Promise<void>[] = [];
    try {
      let left = ids;
      for (let tries = 0; left.length > 0; tries++) {
        if (tries === PART_TRIES) throw new MalformedError('parts of a change are not what their ids say');
        const wrong: string[] = [];
        const keep = (chunk: ChunkRecord): undefined => {
          if (this.#options.proves?.(chunk) === false) return void wrong.push(chunk.id);
          const kept = this.#replica.keepChunks([chunk]);
          kept.catch(() => {});
          keeping.push(kept);
        };
        await this.chunks.fetch(left, keep, { urgent: true });
        // The partner gets them from who made them; until then they are promised for later.
        this.sayWrong(wrong);
        left = wrong;
      }
      await Promise.all(keeping);
      this.#awaitingParts = false;
      this.#take();
    } catch (error) {
      if (!this.#ended) this.#options.line.fail(error);
    }
  }

  #onAck({ tips }: MessageOf<'ack'>): void {
    const mine = this.#replica.vector();
    for (const tip of tips) {
      if (tip.seq > at(mine, tip.copy)) throw new MalformedError('acknowledged what was never sent');
      raise(this.#partner, tip);
    }
    while (this.#inFlight[0] && includes(this.#partner, this.#inFlight[0])) this.#inFlight.shift();
    this.#options.onAcked?.();
    this.advance();
  }

  #tellLevel(): void {
    const tips = [...this.#replica.vector()].map(([copy, seq]) => ({ copy, seq }));
    this.#send({ kind: 'level', channel: this.channel, tips });
  }

  #onLevel({ tips }: MessageOf<'level'>): void {
    const inquiry = this.#inquiries.shift();
    if (inquiry === undefined) throw new MalformedError('a level that nobody asked for');
    for (const tip of tips) {
      raise(this.#partner, tip);
      raise(this.#sent, tip);
    }
    inquiry.resolve();
  }

  /** Tells the partner why it does not go on, and ends. */
  #refuse(why: Refusal): void {
    this.#send({ kind: 'close', channel: this.channel, code: why.code, text: clipped(why.text) });
    this.end(why);
  }

  #send(message: Message): void {
    this.#options.line.send(message);
  }
}

function raise(vector: Map<CopyId, number>, { copy, seq }: { copy: CopyId; seq: number }): void {
  if (at(vector, copy) < seq) vector.set(copy, seq);
}

/** Said to who was away for so long that the changes it lacks are packed: a snapshot has them. */
export const BEHIND = 'behind';

export function behind(): Refusal {
  return { code: BEHIND, text: 'What is missing here is packed away by now, and comes as a snapshot.' };
}

/** Said where a log is not the same on both sides; of the own one `forked` is. */
export const FORKED_LOG = 'forked-log';

function forked(copy: CopyId, own: CopyId | undefined): Refusal {
  if (copy === own) return { code: 'forked', text: 'The partner knows other changes of this copy than we do.' };
  return { code: FORKED_LOG, text: `The log of copy ${copy} is not the same on both sides.` };
}
