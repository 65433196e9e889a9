/**
 * Synchronising two replicas of one file over a line: compare what each has, send what the other lacks in causal order,
 * then the chunks that the other wants. The same code runs on copies and on the hub. It holds no state that must
 * survive: after a cut it starts again from what both sides have stored.
 */
import { MalformedError } from '../core/codec.ts';
import { at, type CopyId, includes, join, type Vector } from '../core/vector.ts';
import { ChunkExchange, type Deliver, type Upload } from './chunk-exchange.ts';
import { BATCH_BYTES, MAX_BATCH, UNACKED_BYTES } from './limits.ts';
import type { Message, MessageOf } from './messages.ts';
import type { Line, Refusal, Replica, Tip } from './replica.ts';
import { type Incoming, WireReader, WireWriter } from './wire.ts';

export interface ExchangeOptions {
  readonly channel: number;
  readonly replica: Replica;
  readonly line: Line;
  /** A hub takes the chunks that it is given; a copy only those that it asked for. */
  readonly acceptsUploads: boolean;
  /** This side's own log, where it makes changes: nothing of it leaves before the partner's view was compared. */
  readonly own?: CopyId;
  /** Called once the partner has said what it has, and both logs agree. */
  readonly onReady?: () => void;
  /** Changes were stored here; the ids tell of whom. */
  readonly onStored: () => void;
  /** The partner has stored more of what was sent. */
  readonly onAcked?: () => void;
  /** The exchange cannot go on; the line may, for other files. `forked`: the own log went another way there. */
  readonly onEnd: (why: Refusal) => void;
}

type InFlight = { readonly copy: CopyId; readonly seq: number; readonly bytes: number };

/** Headers, names and list lengths around a body on the wire, roughly: for filling batches. */
const CHANGE_OVERHEAD = 160;
const CHANGES_AT_ONCE = 1024;

export class Exchange {
  readonly chunks: ChunkExchange;
  readonly #options: ExchangeOptions;
  readonly #replica: Replica;
  readonly #writer = new WireWriter();
  readonly #reader = new WireReader();
  #ready = false;
  #ended = false;
  /** What the partner has, or is on its way to it. */
  #sent: Vector = new Map();
  /** What the partner has stored durably, by its own word. */
  #partner: Vector = new Map();
  #inFlight: InFlight[] = [];
  #unacked = 0;
  /** Changes that came in and wait for the parts of a large body. */
  #incoming: Incoming[] = [];
  #awaitingParts = false;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#replica = options.replica;
    this.chunks = new ChunkExchange(options.channel, options.replica, options.line, options);
  }

  /** Says what this side has. */
  begin(): void {
    const tips = [...this.#replica.tips()].map(([copy, { seq, hash }]) => ({ copy, seq, hash }));
    this.#send({ kind: 'have', channel: this.#options.channel, tips });
  }

  get channel(): number {
    return this.#options.channel;
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** What the partner has stored durably. */
  get partner(): Vector {
    return this.#partner;
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
        return this.#onChanges(message);
      case 'ack':
        return this.#onAck(message);
      case 'want':
        return this.chunks.onWant(message);
      case 'chunks':
        return this.chunks.onChunks(message);
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

  /** The log has grown, or the partner has room again: sends what it lacks. */
  advance(): void {
    while (this.#ready && !this.#ended && this.#unacked < UNACKED_BYTES) {
      const changes = this.#nextBatch();
      if (changes.length === 0) return;
      const { channel } = this.#options;
      this.#send({
        kind: 'changes',
        channel,
        ...this.#writer.write(changes, (copy, seq) => this.#replica.depsOf(copy, seq)),
      });
    }
  }

  fetch(ids: readonly string[], deliver: Deliver): Promise<void> {
    return this.chunks.fetch(ids, deliver);
  }

  upload(uploads: readonly Upload[]): Promise<void> {
    return this.chunks.upload(uploads);
  }

  end(why: Refusal): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#ready = false;
    this.chunks.end(new Error(why.text));
    this.#options.onEnd(why);
  }

  #onHave({ tips }: MessageOf<'have'>): void {
    if (this.#ready) throw new MalformedError('said twice what it has');
    const theirs = new Map<CopyId, Tip>(tips.map(({ copy, seq, hash }) => [copy, { seq, hash }]));
    const fork = this.#fork(theirs);
    if (fork) return this.end(fork);
    this.#partner = new Map([...theirs].map(([copy, { seq }]) => [copy, seq]));
    this.#sent = this.#partner;
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
    return null;
  }

  #nextBatch(): ReturnType<Replica['after']> {
    const found = this.#replica.after(this.#sent, { limit: CHANGES_AT_ONCE });
    let bytes = 0;
    let count = 0;
    for (const change of found) {
      if (bytes >= BATCH_BYTES || count >= MAX_BATCH) break;
      const size =
        CHANGE_OVERHEAD + (change.content.kind === 'inline' ? change.size : change.content.parts.length * 36);
      bytes += size;
      count += 1;
      this.#inFlight.push({ copy: change.copy, seq: change.seq, bytes: size });
      this.#sent = new Map(this.#sent).set(change.copy, change.seq);
    }
    this.#unacked += bytes;
    return found.slice(0, count);
  }

  #onChanges({ copies, changes }: MessageOf<'changes'>): void {
    const incoming = this.#reader.read(copies, changes, (copy, seq) => this.#replica.depsOf(copy, seq));
    this.#incoming.push(...incoming);
    for (const { copy, seq } of incoming) {
      if (at(this.#partner, copy) < seq) this.#partner = new Map(this.#partner).set(copy, seq);
      if (at(this.#sent, copy) < seq) this.#sent = new Map(this.#sent).set(copy, seq);
    }
    this.#take();
  }

  /** Stores what has come in, up to the first change whose body's parts are not all here. */
  #take(): void {
    if (this.#awaitingParts) return;
    const mine = this.#replica.vector();
    const fresh = this.#incoming.filter(({ copy, seq }) => at(mine, copy) < seq);
    const duplicates = this.#incoming.length > fresh.length;
    const complete: Incoming[] = [];
    let missing: readonly string[] = [];
    for (const change of fresh) {
      if (change.content.kind === 'parts') {
        missing = this.#replica.lacking(change.content.parts.map(({ id }) => id));
        if (missing.length > 0) break;
      }
      complete.push(change);
    }
    this.#incoming = fresh.slice(complete.length);
    if (complete.length > 0 || duplicates) this.#store(complete);
    if (missing.length > 0 && !this.#ended) void this.#fetchParts(missing);
  }

  #store(changes: readonly Incoming[]): void {
    const before = this.#replica.vector();
    const refusal = changes.length > 0 ? this.#replica.receive(changes) : null;
    const now = this.#replica.vector();
    const copies = new Set(changes.map(({ copy }) => copy));
    for (const { copy } of this.#incoming) copies.add(copy);
    const tips = [...(copies.size > 0 ? copies : now.keys())].map((copy) => ({ copy, seq: at(now, copy) }));
    this.#send({ kind: 'ack', channel: this.#options.channel, tips });
    if (!includes(before, now)) this.#options.onStored();
    if (refusal) {
      this.#send({ kind: 'close', channel: this.#options.channel, ...refusal });
      this.end(refusal);
    }
  }

  async #fetchParts(ids: readonly string[]): Promise<void> {
    this.#awaitingParts = true;
    try {
      const keeping: Promise<void>[] = [];
      await this.chunks.fetch(ids, (chunk) => {
        keeping.push(this.#replica.keepChunks([chunk]));
        return undefined;
      });
      await Promise.all(keeping);
      this.#awaitingParts = false;
      this.#take();
    } catch (error) {
      this.end({ code: 'parts', text: (error as Error).message });
    }
  }

  #onAck({ tips }: MessageOf<'ack'>): void {
    const acked = new Map(tips.map(({ copy, seq }) => [copy, seq]));
    for (const [copy, seq] of acked) {
      if (seq > at(this.#replica.vector(), copy)) throw new MalformedError('acknowledged what was never sent');
    }
    this.#partner = join(this.#partner, acked);
    this.#inFlight = this.#inFlight.filter(({ copy, seq, bytes }) => {
      if (at(this.#partner, copy) < seq) return true;
      this.#unacked -= bytes;
      return false;
    });
    this.#options.onAcked?.();
    this.advance();
  }

  #send(message: Message): void {
    this.#options.line.send(message);
  }
}

function forked(copy: CopyId, own: CopyId | undefined): Refusal {
  if (copy === own) return { code: 'forked', text: 'The partner knows other changes of this copy than we do.' };
  return { code: 'forked-log', text: `The log of copy ${copy} is not the same on both sides.` };
}
