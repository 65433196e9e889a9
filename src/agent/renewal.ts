/**
 * A copy that must not number on under its id, because its sync folder was duplicated or restored from a backup, goes
 * on under a new one: what the parent shares stays as it is, what nobody else has is issued again, and what was folded
 * from it is folded again. Nothing of the copy may be at work meanwhile.
 */
import { body as bodyCodec, subjectOf } from '../core/body.ts';
import { sha256 } from '../core/bytes.ts';
import type { Stamp } from '../core/clock.ts';
import { decode, encode, MalformedError } from '../core/codec.ts';
import { ProblemError } from '../core/problem.ts';
import { COPIES, setOp } from '../core/registry.ts';
import { type Former, type Renaming, type Renewed, reissued } from '../core/reissue.ts';
import { at, type CopyId, includes, type Vector, withEntry } from '../core/vector.ts';
import type { Clock, FileBytes } from '../platform/ports.ts';
import { type Author, FileStore, type Reissued, type StoreHooks } from '../store/file-store.ts';
import { Registry } from '../store/registry.ts';
import { badHistory } from './compaction/compaction-problems.ts';
import { mustEndAs, type SignedSnapshot, safeSnapshot } from './compaction/history-fetching.ts';
import { RETIRED } from './compaction/live-copies.ts';
import type { Member } from './copying.ts';
import type { HubConnection } from './hub-connection.ts';
import { completePacked, type PackedAhead, packedAhead } from './packed-ahead.ts';
import { foldRegistry } from './registry-folding.ts';
import type { CopyFacts, SyncFolder } from './sync-folder.ts';

export interface RenewalOptions {
  readonly folder: SyncFolder;
  readonly hub: HubConnection;
  readonly clock: Clock;
  readonly fileBytes: FileBytes;
  /** With the new id. */
  readonly author: Author;
  readonly member: Member;
  /** Nobody else goes on under the old id: its word is not to be waited for. */
  readonly retires: boolean;
}

/**
 * Throws a `ProblemError` when the hub is out of reach, or what it has as history cannot be used, which may be put right:
 * then nothing was changed.
 */
export async function renewCopy(options: RenewalOptions): Promise<void> {
  try {
    await renew(options);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    throw new ProblemError(badHistory(error.message));
  }
}

async function renew(options: RenewalOptions): Promise<void> {
  const { folder, hub, clock, author, member, retires } = options;
  const facts = folder.facts;
  if (facts === undefined) return;
  const { registry, store } = storeOf(folder, facts, clock);
  await completePacked(store, hub, clock, facts);
  const safe = await safeSnapshot(hub, facts);
  const ahead = safe && !isHere(store, facts.copy, safe) ? await packedAhead(store, hub, clock, facts, safe) : null;
  // A hub that has dropped what is packed cannot be asked for it.
  const packed = ahead ? at(ahead.same, facts.copy) : safe ? at(safe.record.vector, facts.copy) : 0;
  const isCut =
    ahead !== null && Math.max(packed, at(store.log.floor, facts.copy)) < at(ahead.record.vector, facts.copy);
  const after = isCut
    ? Math.max(packed, at(store.log.floor, facts.copy))
    : await lastShared(store, hub, facts.file, facts.copy, packed);
  const renaming = { from: facts.copy, to: author.copy, after };
  const bodies = bodiesAgain(store, renaming);
  const kept = after > 0 ? withEntry(store.vector(), facts.copy, after) : without(store.vector(), facts.copy);
  const made = [...bodies, { body: introduction(author.copy, member, retires ? [facts.copy] : []) }];
  const again = made.map((each) => ({ author, ...each }));
  reissueIn({ ...options, facts, store, registry, ahead }, { kept, made: again, renewed: renaming });
}

/** The store of a copy that is not at work. */
export function storeOf(folder: SyncFolder, { file, office }: CopyFacts, clock: Clock) {
  const registry = new Registry(folder.db);
  const hooks: StoreHooks = { stored: (change, bytes) => fold(registry, change, bytes) };
  return { registry, store: new FileStore({ db: folder.db, chunks: folder.chunks, file, office, clock, hooks }) };
}

export interface Reissuing extends Pick<RenewalOptions, 'folder' | 'fileBytes'> {
  readonly facts: CopyFacts;
  readonly store: FileStore;
  readonly registry: Registry;
  readonly ahead: PackedAhead | null;
}

/** What goes on under other ids. */
export interface Again {
  /** The rest is taken back. */
  readonly kept: Vector;
  readonly made: readonly Reissued[];
  readonly renewed: Renewed;
  /** In the same transaction. */
  readonly alongside?: () => void;
}

/** Takes back, folds anew and makes again, in one step; the copy has its new id then. */
export function reissueIn({ folder, fileBytes, facts, store, registry, ahead }: Reissuing, again: Again): void {
  const { kept, made, renewed, alongside } = again;
  // What the rows were merged from gets other names, so they are merged anew: nothing of the old ones may be left.
  for (const suffix of ['', '-wal', '-shm']) fileBytes.remove(folder.path(`rows.db${suffix}`));
  fileBytes.syncFolder(folder.path('.'));
  store.reissue(kept, made, () => {
    if (ahead) store.adoptAll(ahead.segments);
    if (ahead) mustEndAs(store, ahead.record);
    registry.unfold();
    for (const change of store.log.after(new Map(), { subject: '', limit: Number.MAX_SAFE_INTEGER })) {
      foldRegistry(registry, change, store.registryBody(change));
    }
    folder.setFacts({ ...facts, copy: renewed.to });
    folder.addRenaming(renewed);
    if (ahead) folder.verified = sha256(ahead.sealed);
    alongside?.();
  });
}

function fold(registry: Registry, change: Parameters<typeof foldRegistry>[1], bytes: Uint8Array): string {
  const subject = subjectOf(bytes);
  if (subject === '') foldRegistry(registry, change, bytes);
  return subject;
}

/** Is all that is packed in the log here, the own part of it by the same name? */
function isHere(store: FileStore, copy: CopyId, { record: { vector, last } }: SignedSnapshot): boolean {
  const own = last.find((tip) => tip.copy === copy);
  const isSame = own === undefined || store.hashAt(copy, at(vector, copy)) === own.hash;
  return isSame && includes(store.vector(), vector);
}

/**
 * The last own change that somebody else has as well: the parent, by halving, or a colleague whose change here goes on
 * from it, while a parent that was brought back from a backup does not know it yet. The logs are the same up to `packed`
 * at least.
 */
async function lastShared(
  store: FileStore,
  hub: HubConnection,
  file: string,
  copy: CopyId,
  packed: number,
): Promise<number> {
  let shared = Math.max(packed, at(store.log.floor, copy), seenByOthers(store, copy));
  let beyond = (store.tips().get(copy)?.seq ?? 0) + 1;
  while (beyond - shared > 1) {
    const seq = Math.floor((shared + beyond) / 2);
    const answer = await hub.ask({ kind: 'change', file, copy, seq });
    if (answer.kind !== 'change') throw new MalformedError('another answer than asked for');
    if (answer.hash === store.hashAt(copy, seq)) shared = seq;
    else beyond = seq;
  }
  return shared;
}

function seenByOthers(store: FileStore, own: CopyId): number {
  const others = [...store.log.standing()].filter(({ copy }) => copy !== own);
  return others.reduce((seen, { deps }) => Math.max(seen, at(deps, own)), 0);
}

/** The unshared changes, for the new id. */
function bodiesAgain(store: FileStore, renaming: Renaming): Omit<Reissued, 'author'>[] {
  const { from, after } = renaming;
  const last = store.tips().get(from)?.seq ?? 0;
  const old: (Former & { readonly stamp: Stamp })[] = [];
  for (let seq = after + 1; seq <= last; seq++) {
    const change = store.log.get({ copy: from, seq });
    if (change === undefined) continue;
    const { deps, stamp } = change;
    old.push({ copy: from, seq, deps, stamp, body: decode(bodyCodec, store.body(change)) });
  }
  return reissued(old, [renaming]).map((body, index) => {
    return { body: encode(bodyCodec, body), stamp: (old[index] as { stamp: Stamp }).stamp };
  });
}

/** Whose copy it is, and which logs nobody goes on with. */
export function introduction(copy: CopyId, { user, device }: Member, retired: readonly CopyId[]): Uint8Array {
  const cells = { user: { value: user, over: [] }, device: { value: device, over: [] } };
  const former = retired.map((each) => setOp(COPIES, each, { [RETIRED]: { value: 1n, over: [] } }));
  return encode(bodyCodec, { kind: 'registry', ops: [setOp(COPIES, copy, cells), ...former] });
}

function without(vector: Vector, copy: CopyId): Vector {
  return new Map([...vector].filter(([each]) => each !== copy));
}
