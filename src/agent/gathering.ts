/**
 * What the hub has, for a copy that is about to give up a part of its log and make changes that go on from the hub's:
 * taken in by the same exchange as always, and held until the log can be changed in one step.
 */

import { sha256 } from '../core/bytes.ts';
import { type Change, changeKey, signedBytes } from '../core/change.ts';
import { ProblemError } from '../core/problem.ts';
import { at, type CopyId, includes, join, type Vector, withEntry } from '../core/vector.ts';
import type { Clock } from '../platform/ports.ts';
import { Exchange } from '../protocol/exchange.ts';
import type { Replica, Tip } from '../protocol/replica.ts';
import type { Session } from '../protocol/session.ts';
import type { Incoming } from '../protocol/wire.ts';
import type { FileStore } from '../store/file-store.ts';
import { isProved } from '../store/stored-chunk.ts';
import type { PackedAhead } from './packed-ahead.ts';
import type { CopyFacts } from './sync-folder.ts';

/** A hub that sends nothing for so long is asked again later. */
const PATIENCE_MS = 30_000;

type Known = Pick<Change, 'hash' | 'deps'>;

export interface Gathering {
  readonly store: FileStore;
  readonly facts: CopyFacts;
  readonly clock: Clock;
  readonly session: Session;
  /** Of the log, this stays. */
  readonly kept: Vector;
  /** This is to be taken over with it. */
  readonly ahead: PackedAhead | null;
  /** Enough is here once this is. */
  readonly wanted: Vector;
}

/** In a causal order, upon what stays; not proved yet but for their order. Throws a `ProblemError`. */
export async function gathered(gathering: Gathering): Promise<readonly Incoming[]> {
  const { facts, clock, session, wanted } = gathering;
  const replica = new GatheringReplica(gathering);
  await new Promise<void>((resolve, reject) => {
    const fail = (text: string): void => reject(new ProblemError({ ...UNREACHABLE, text }));
    const late = (): void => session.close(exchange, 'nothing came for a while');
    let cancel = clock.after(PATIENCE_MS, late);
    const exchange: Exchange = session.open(
      facts.file,
      facts.copy,
      (channel, line) =>
        new Exchange({
          channel,
          line,
          replica,
          acceptsUploads: false,
          proves: isProved,
          onStored: () => {
            cancel();
            cancel = clock.after(PATIENCE_MS, late);
            if (!includes(replica.vector(), wanted)) return;
            resolve();
            session.close(exchange, 'it has what it wanted');
          },
          onEnd: ({ text }) => {
            cancel();
            fail(`The hub cannot give what colleagues have given it: ${text}`);
          },
        }),
    );
    exchange.begin();
  });
  return replica.changes;
}

const UNREACHABLE = { code: 'unreachable', remedy: 'It is asked again in a while.' };

class GatheringReplica implements Replica {
  readonly changes: Incoming[] = [];
  readonly #store: FileStore;
  readonly #file: string;
  readonly #kept: Vector;
  readonly #known = new Map<string, Known>();
  #vector: Vector;

  constructor({ store, facts, kept, ahead }: Gathering) {
    this.#store = store;
    this.#file = facts.file;
    this.#kept = kept;
    this.#vector = ahead ? join(kept, ahead.record.vector) : kept;
    for (const change of ahead?.changes() ?? []) this.#known.set(changeKey(change), change);
  }

  vector(): Vector {
    return this.#vector;
  }

  tips(): ReadonlyMap<CopyId, Tip> {
    return new Map([...this.#vector].map(([copy, seq]) => [copy, { seq, hash: this.hashAt(copy, seq) ?? '' }]));
  }

  hashAt(copy: CopyId, seq: number): string | undefined {
    const known = this.#known.get(changeKey({ copy, seq }))?.hash;
    return known ?? (seq <= at(this.#kept, copy) ? this.#store.hashAt(copy, seq) : undefined);
  }

  depsOf(copy: CopyId, seq: number): Vector | undefined {
    const known = this.#known.get(changeKey({ copy, seq }))?.deps;
    return known ?? (seq <= at(this.#kept, copy) ? this.#store.depsOf(copy, seq) : undefined);
  }

  after(): Change[] {
    return [];
  }

  receive(changes: readonly Incoming[]): null {
    for (const change of changes) {
      const { copy, seq, deps } = change;
      const hash = sha256(signedBytes(this.#file, change, (of, number) => this.hashAt(of, number)));
      this.#known.set(changeKey(change), { hash, deps });
      this.#vector = withEntry(this.#vector, copy, seq);
      this.changes.push(change);
    }
    return null;
  }

  lacking(ids: readonly string[]): readonly string[] {
    return this.#store.lacking(ids);
  }

  readChunks(ids: readonly string[]) {
    return this.#store.readChunks(ids);
  }

  keepChunks(chunks: Parameters<Replica['keepChunks']>[0]): Promise<void> {
    return this.#store.keepChunks(chunks);
  }
}
