/**
 * A copy that must not number on under its id, because its sync folder was duplicated or restored from a backup, goes
 * on under a new one: what the parent shares stays as it is, what nobody else has is issued again, and what was folded
 * from it is folded again. Nothing of the copy may be at work meanwhile.
 */
import { body as bodyCodec, subjectOf } from '../core/body.ts';
import { sha256 } from '../core/bytes.ts';
import { decode, encode, MalformedError } from '../core/codec.ts';
import { ProblemError } from '../core/problem.ts';
import { COPIES, setOp } from '../core/registry.ts';
import { type Renaming, reissued } from '../core/reissue.ts';
import { commonSegments, type SegmentEntry } from '../core/segment.ts';
import { at, type CopyId, includes } from '../core/vector.ts';
import type { Clock, FileBytes } from '../platform/ports.ts';
import { type Author, FileStore } from '../store/file-store.ts';
import { readSegment } from '../store/packed-log.ts';
import { Registry } from '../store/registry.ts';
import { badHistory } from './compaction/compaction-problems.ts';
import {
  chunksOf,
  fetchHistory,
  fetchSegment,
  mustEndAs,
  type SignedSnapshot,
  safeSnapshot,
} from './compaction/history-fetching.ts';
import { RETIRED } from './compaction/live-copies.ts';
import type { Member } from './copying.ts';
import type { HubConnection } from './hub-connection.ts';
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
  const { folder, hub, clock, fileBytes, author, member, retires } = options;
  const facts = folder.facts;
  if (facts === undefined) return;
  const registry = new Registry(folder.db);
  const store = new FileStore({
    db: folder.db,
    chunks: folder.chunks,
    file: facts.file,
    office: facts.office,
    clock,
    hooks: { stored: (change, bytes) => fold(registry, change, bytes) },
  });
  await completePacked(store, hub, clock, facts);
  const safe = await safeSnapshot(hub, facts);
  const ahead = safe && !isHere(store, facts.copy, safe) ? await packedAhead(store, hub, clock, facts, safe) : null;
  // A hub that has dropped what is packed cannot be asked for it.
  const packed = safe ? at(safe.record.vector, facts.copy) : 0;
  const after = ahead?.shared ?? (await lastShared(store, hub, facts.file, facts.copy, packed));
  const renaming = { from: facts.copy, to: author.copy, after };
  const bodies = bodiesAgain(store, renaming, member, retires);
  // What the rows were merged from gets other names, so they are merged anew: nothing of the old ones may be left.
  for (const suffix of ['', '-wal', '-shm']) fileBytes.remove(folder.path(`rows.db${suffix}`));
  fileBytes.syncFolder(folder.path('.'));
  store.reissue(author, facts.copy, after, bodies, () => {
    if (ahead) store.adoptAll(ahead.segments);
    if (ahead) mustEndAs(store, ahead.record);
    registry.unfold();
    for (const change of store.log.after(new Map(), { subject: '', limit: Number.MAX_SAFE_INTEGER })) {
      foldRegistry(registry, change, store.registryBody(change));
    }
    folder.setFacts({ ...facts, copy: author.copy });
    folder.addRenaming(renaming);
    if (ahead) folder.verified = sha256(ahead.sealed);
  });
}

/** What is folded anew is read from the packed history: what this disk has lost of it, the hub has. */
async function completePacked(
  store: FileStore,
  hub: HubConnection,
  clock: Clock,
  { file, copy }: CopyFacts,
): Promise<void> {
  const complete = async (ids: readonly string[]): Promise<void> => {
    const missing = unreadable(store, ids);
    if (missing.length === 0) return;
    const { fetch, close } = chunksOf(await hub.sessionOrRefusal(), store, file, copy, clock);
    const left = await fetch(missing).finally(close);
    if (left.length > 0) throw notAllHere();
  };
  for (const entry of [...store.log.segments()]) {
    await complete(entry.parts.map(({ id }) => id));
    for (const { subject, content } of readSegment(entry, { readOne: (id) => store.readChunks([id])[0] })) {
      if (subject === '' && content.kind === 'parts') await complete(content.parts.map(({ id }) => id));
    }
  }
}

/** What is listed may be damaged: only reading tells. */
function unreadable(store: FileStore, ids: readonly string[]): string[] {
  return ids.filter((id) => store.readChunks([id]).length === 0);
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

type PackedAhead = SignedSnapshot & { readonly segments: readonly SegmentEntry[]; readonly shared: number };

/** What was packed while this copy was away, its chunks being here, and how far the own log is in it. */
async function packedAhead(
  store: FileStore,
  hub: HubConnection,
  clock: Clock,
  { file, copy }: CopyFacts,
  ahead: SignedSnapshot,
): Promise<PackedAhead> {
  const { fetch, close } = chunksOf(await hub.sessionOrRefusal(), store, file, copy, clock);
  try {
    const segments = await fetchHistory(store, ahead.record, fetch);
    if (segments === undefined) throw notAllHere();
    let shared = at(store.log.floor, copy);
    for (const entry of segments.slice(commonSegments([...store.log.segments()], segments))) {
      if (!(await fetchSegment(store, entry, fetch))) throw notAllHere();
      for (const change of readSegment(entry, { readOne: (id) => store.readChunks([id])[0] })) {
        if (change.copy === copy && shared === change.seq - 1 && store.hashAt(copy, change.seq) === change.hash) {
          shared = change.seq;
        }
      }
    }
    if (shared < at(ahead.record.vector, copy)) return { ...ahead, segments, shared };
    return { ...ahead, segments, shared: await lastShared(store, hub, file, copy, shared) };
  } finally {
    close();
  }
}

function notAllHere(): ProblemError {
  return new ProblemError({
    code: 'unreachable',
    text: 'The hub cannot give what was packed while this copy was away.',
    remedy: 'It is asked again in a while.',
  });
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

/** The unshared changes under the new id, after one that says whose copy it is. */
function bodiesAgain(store: FileStore, renaming: Renaming, { user, device }: Member, retires: boolean): Uint8Array[] {
  const last = store.tips().get(renaming.from)?.seq ?? 0;
  const old = [];
  for (let seq = renaming.after + 1; seq <= last; seq++) {
    const change = store.log.get({ copy: renaming.from, seq });
    if (change) old.push({ deps: change.deps, body: decode(bodyCodec, store.body(change)) });
  }
  const bodies = reissued(old, renaming).map((body) => encode(bodyCodec, body));
  const cells = { user: { value: user, over: [] }, device: { value: device, over: [] } };
  const former = retires ? [setOp(COPIES, renaming.from, { [RETIRED]: { value: 1n, over: [] } })] : [];
  const introduction = encode(bodyCodec, { kind: 'registry', ops: [setOp(COPIES, renaming.to, cells), ...former] });
  return [...bodies, introduction];
}
