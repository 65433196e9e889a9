/**
 * A copy that meets a hub whose log of somebody is another one than the copy has: hub and that machine were brought back
 * from backups together, and numbered twice. What this copy has of the other branch, and what was made upon it by
 * whomever, is made again beside the hub's, under ids that follow from it (core/branches.ts); what a colleague has given
 * the hub before is taken from there. The copy itself goes on under a new id. Nothing of it may be at work meanwhile.
 */
import { body as bodyCodec } from '../core/body.ts';
import { type Division, divided, fitting, givenOtherwise, type Origins } from '../core/branches.ts';
import { type ChangeId, changeKey } from '../core/change.ts';
import { decode, encode, MalformedError } from '../core/codec.ts';
import { ProblemError } from '../core/problem.ts';
import { type Former, reissued } from '../core/reissue.ts';
import { at, type CopyId, EMPTY, meet, type Vector, withEntry } from '../core/vector.ts';
import type { Tip } from '../protocol/replica.ts';
import type { Author, FileStore, Reissued } from '../store/file-store.ts';
import type { StoredChange } from '../store/log.ts';
import { DamagedChunk } from '../store/stored-chunk.ts';
import { badHistory } from './compaction/compaction-problems.ts';
import { safeSnapshot } from './compaction/history-fetching.ts';
import { gathered } from './gathering.ts';
import type { HubConnection } from './hub-connection.ts';
import { completePacked, packedAhead } from './packed-ahead.ts';
import { introduction, type RenewalOptions, reissueIn, storeOf } from './renewal.ts';

/** The last change of each log at the hub. */
export type HubTips = ReadonlyMap<CopyId, Tip>;

const PAGE = 1000;

/**
 * False: there is no such branch (any more). Throws a `ProblemError` when the hub is out of reach, or what it has as
 * history cannot be used: then nothing was changed.
 */
export async function branchCopy(options: Omit<RenewalOptions, 'retires'>, theirs: HubTips): Promise<boolean> {
  try {
    return await branch(options, theirs);
  } catch (error) {
    if (!(error instanceof MalformedError || error instanceof DamagedChunk)) throw error;
    throw new ProblemError(badHistory(error.message));
  }
}

async function branch(options: Omit<RenewalOptions, 'retires'>, theirs: HubTips): Promise<boolean> {
  const { folder, hub, clock, author, member } = options;
  const { facts, origins } = folder;
  if (facts === undefined) return false;
  const { registry, store } = storeOf(folder, facts, clock);
  await completePacked(store, hub, clock, facts);
  const safe = await safeSnapshot(hub, facts);
  const isHere = safe?.record.last.every(({ copy, hash }) => store.hashAt(copy, at(safe.record.vector, copy)) === hash);
  const ahead = safe && !isHere ? await packedAhead(store, hub, clock, facts, safe) : null;
  const packed = safe?.record.vector ?? EMPTY;
  const shared = await sharedWith({
    store,
    hub,
    file: facts.file,
    theirs,
    origins,
    packed,
    same: ahead?.same ?? packed,
  });
  const has = new Map([...theirs].map(([copy, { seq }]) => [copy, seq]));
  const there = new Map(
    [...meet(store.vector(), has)].map(([copy, seq]) => [copy, Math.min(seq, shared.get(copy) ?? seq)]),
  );
  const kept = fitting(store.vector(), shared, changesAfter(store, there));
  if (kept.isWhole) return false;
  const others = [...changesAfter(store, kept.vector)];
  const division = divided(others, has, origins);
  const { given } = division;
  const upon = { store, facts, clock, kept: kept.vector, ahead, wanted: given };
  const taken = given.size > 0 ? await gathered({ ...upon, session: await hub.sessionOrRefusal() }) : [];
  const own = { from: facts.copy, to: author.copy, after: at(store.vector(), facts.copy) };
  const logs = new Set(division.toMake.map(({ log }) => log));
  const made = [
    ...madeAgain(store, division, others, author),
    { author, body: introduction(author.copy, member, [facts.copy, ...logs]) },
  ];
  reissueIn(
    { ...options, facts, store, registry, ahead },
    {
      kept: kept.vector,
      made,
      renewed: { ...own, others: division.renamings },
      alongside: () => {
        const refusal = store.take(taken);
        if (refusal) throw new MalformedError(refusal.text);
        folder.addOrigins(division.origins);
        folder.parentVector = there;
        folder.hubForgot = true;
      },
    },
  );
  return true;
}

/** Those that are not in `vector`, in a causal order. */
function* changesAfter(store: FileStore, vector: Vector): Generator<StoredChange> {
  for (let from = vector; ; ) {
    const page = store.log.after(from, { limit: PAGE });
    for (const change of page) from = withEntry(from, change.copy, change.seq);
    yield* page;
    if (page.length === 0) return;
  }
}

/**
 * Signed by this machine, each log by its own id. They are not gone on with, so no numbers are to be kept: who makes
 * them once more makes them of the same bodies.
 */
function madeAgain(
  store: FileStore,
  { toMake, renamings }: Division<StoredChange>,
  others: readonly StoredChange[],
  author: Author,
): Reissued[] {
  const read = others.flatMap((change) => readable(store, change) ?? []);
  const renamed = new Map(reissued(read, renamings).map((body, index) => [changeKey(read[index] as ChangeId), body]));
  const authors = new Map<CopyId, Author>();
  for (const { log } of toMake) authors.set(log, { ...author, copy: log, reserve: () => {} });
  return toMake.map(({ change, log }) => {
    const body = renamed.get(changeKey(change));
    const bytes = body ? encode(bodyCodec, body) : store.body(change);
    return { author: authors.get(log) as Author, body: bytes, stamp: change.stamp };
  });
}

/** What cannot be read has no effect on any copy, and stays as it is. */
function readable(store: FileStore, change: StoredChange): Former | undefined {
  const { copy, seq, deps } = change;
  const bytes = store.body(change);
  try {
    return { copy, seq, deps, body: decode(bodyCodec, bytes) };
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}

interface Sharing {
  readonly store: FileStore;
  readonly hub: HubConnection;
  readonly file: string;
  readonly theirs: HubTips;
  readonly origins: Origins;
  /** What is packed at the hub, and how much of that is the same here. */
  readonly packed: Vector;
  readonly same: Vector;
}

/** Of the logs that are not the same at the hub: the last change that is. */
async function sharedWith({ store, hub, file, theirs, origins, packed, same }: Sharing): Promise<Vector> {
  const has = new Map([...theirs].map(([copy, { seq }]) => [copy, seq]));
  const shared = new Map(givenOtherwise(store.vector(), has, origins));
  const hashThere = async (copy: CopyId, seq: number): Promise<string | null> => {
    const tip = theirs.get(copy);
    if (tip?.seq === seq) return tip.hash;
    const answer = await hub.ask({ kind: 'change', file, copy, seq });
    if (answer.kind !== 'change') throw new MalformedError('another answer than asked for');
    return answer.hash;
  };
  for (const [copy, tip] of store.vector()) {
    const both = Math.min(tip, at(has, copy));
    let low = Math.min(at(same, copy), both);
    if (low === both) continue;
    if (low < at(packed, copy)) {
      shared.set(copy, low);
      continue;
    }
    const last = await hashThere(copy, both);
    // The hub may have been brought back once more.
    if (last === null || last === store.hashAt(copy, both)) continue;
    for (let beyond = both; beyond - low > 1; ) {
      const middle = Math.floor((low + beyond) / 2);
      if ((await hashThere(copy, middle)) === store.hashAt(copy, middle)) low = middle;
      else beyond = middle;
    }
    shared.set(copy, low);
  }
  return shared;
}
