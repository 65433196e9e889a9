/**
 * Making a sync copy: the list of what is in the file first, then the log and the content side by side. Whatever was
 * reached is kept, so that the same command goes on after a cut.
 */
import { concatBytes, sha256 } from '../core/bytes.ts';
import { MalformedError } from '../core/codec.ts';
import { decodeManifest, type Manifest, type SnapshotRecord } from '../core/manifest.ts';
import { ProblemError } from '../core/problem.ts';
import { COPIES, setOp } from '../core/registry.ts';
import { commonSegments } from '../core/segment.ts';
import { openSnapshot } from '../store/snapshot.ts';
import { decodeChunk } from '../store/stored-chunk.ts';
import {
  fetchHistory,
  fetchSegment,
  mustEndAs,
  type SignedSnapshot,
  snapshotAhead,
} from './compaction/history-fetching.ts';
import type { Copy } from './copy.ts';
import { missingOf } from './copy-status.ts';
import { databaseInTheWay } from './database-problems.ts';
import type { HubConnection } from './hub-connection.ts';
import { complete, handOverIfReached, LOOK_AGAIN_MS, stopIfAsked } from './syncing.ts';

export type Progress = {
  readonly phase: 'reading' | 'sending' | 'receiving' | 'placing' | 'checking';
  readonly bytes: { readonly done: number; readonly total: number };
  readonly documents: { readonly done: number; readonly total: number };
};

export type Going = { readonly progress: (progress: Progress) => void; readonly signal: AbortSignal };

/** Brings a copy in the phases `fetching` and `copying` to `complete`. The copy is attached and not started. */
export async function fillCopy(copy: Copy, hub: HubConnection, who: Member, going: Going): Promise<void> {
  if (copy.facts.phase === 'fetching') await fetchBase(copy, hub, going);
  if (copy.facts.phase === 'packed') {
    await takeHistory(copy, hub, going);
    copy.baseKnown();
  }
  await copy.start();
  // A person may have moved away what lay in its place the last time.
  copy.databases.place();
  const total = { bytes: missingOf(copy).bytes, documents: missingOf(copy).documents };
  for (;;) {
    stopIfAsked(going.signal);
    copy.mustBeOpen();
    const missing = missingOf(copy);
    going.progress({
      phase: 'receiving',
      bytes: { done: Math.max(0, total.bytes - missing.bytes), total: Math.max(total.bytes, missing.bytes) },
      documents: { done: Math.max(0, total.documents - missing.documents), total: total.documents },
    });
    if (copy.exchange?.settled && missing.documents === 0) {
      const blocked = copy.databases.blocked();
      if (blocked === undefined) break;
      throw cannotBePlaced(blocked.shown);
    }
    if (copy.isBehind) await goBeyondFloor(copy, hub, going);
    if (copy.exchange === null) await hub.sessionOrRefusal();
    await copy.change(LOOK_AGAIN_MS);
  }
  await introduce(copy, who);
  // What it says of itself may be too late for the log as well: from now on it goes on like any copy that is behind.
  complete(copy);
  await handOverIfReached(copy, going.signal);
}

function cannotBePlaced(path: string): ProblemError {
  const remedy = 'Move that file away; the same command then goes on. What is in it can be brought over afterwards.';
  return new ProblemError({ ...databaseInTheWay(path), remedy });
}

export type Member = { readonly user: string; readonly device: string };

/** The copy's first change: whose it is. It also carries the device's certificates. */
export async function introduce(copy: Copy, { user, device }: Member): Promise<void> {
  const row = copy.registry.row(COPIES, copy.facts.copy);
  if (row.cells.size > 0) return;
  const cells = { user: { value: user, over: [] }, device: { value: device, over: [] } };
  await copy.record([setOp(COPIES, copy.facts.copy, cells)]);
}

async function fetchBase(copy: Copy, hub: HubConnection, { signal }: Going): Promise<void> {
  const { file, office } = copy.facts;
  const answer = await hub.ask({ kind: 'snapshot', file });
  if (answer.kind !== 'snapshot') throw new MalformedError('another answer than asked for');
  const { record } = openSnapshot(answer.record, file, office);
  const manifest = await fetchManifest(copy, hub, record, signal);
  copy.store.transaction(() => {
    copy.registry.loadBase(manifest.documents, manifest.databases);
    copy.folder.snapshot = answer.record;
    if (answer.given !== null) copy.folder.given = answer.given;
    copy.setFacts({ phase: 'packed' });
  });
}

/** The history up to the newest snapshot, packed as it is; what came after it comes as changes. */
async function takeHistory(copy: Copy, hub: HubConnection, { signal }: Going): Promise<void> {
  for (;;) {
    stopIfAsked(signal);
    const ahead = await snapshotAhead(copy.store, hub, copy.facts);
    if (ahead === null || (await takeSegments(copy, ahead, signal))) return;
    if (copy.exchange === null) await hub.sessionOrRefusal();
    await copy.change(LOOK_AGAIN_MS);
  }
}

/** False: not all of it could be had now; what came is kept. */
async function takeSegments(copy: Copy, { sealed, record }: SignedSnapshot, signal: AbortSignal): Promise<boolean> {
  const { store } = copy;
  const fetch = (ids: readonly string[]) => copy.fetchChunks(ids, signal);
  const segments = await fetchHistory(store, record, fetch);
  if (segments === undefined) return false;
  const own = [...store.log.segments()];
  const same = commonSegments(own, segments);
  for (const entry of segments.slice(same)) {
    stopIfAsked(signal);
    if (!(await fetchSegment(store, entry, fetch))) return false;
    if (same === own.length) store.transaction(() => store.adopt(entry));
  }
  if (same < own.length) store.transaction(() => store.adoptAll(segments));
  mustEndAs(store, record);
  copy.folder.verified = sha256(sealed);
  return true;
}

/** While this copy was being made, what it was to get as changes was packed. */
async function goBeyondFloor(copy: Copy, hub: HubConnection, going: Going): Promise<void> {
  // Chunks come over an exchange that has not begun: one that begins would be refused again.
  copy.setFacts({ phase: 'packed' });
  copy.reopen();
  await takeHistory(copy, hub, going);
  copy.baseKnown();
}

export async function fetchManifest(
  copy: Copy,
  hub: HubConnection,
  record: SnapshotRecord,
  signal: AbortSignal,
): Promise<Manifest> {
  const parts = new Map<string, Uint8Array>();
  const sizes = new Map(record.manifest.map(({ id, size }) => [id, size]));
  while (parts.size < sizes.size) {
    stopIfAsked(signal);
    const wanted = [...sizes.keys()].filter((id) => !parts.has(id));
    const missing = await copy.parent.fetch(
      wanted,
      (id, stored) => {
        parts.set(id, decodeChunk(id, stored, sizes.get(id)));
        // Kept: a hub that is brought back from a backup may not know the file any more.
        return copy.store.keepChunks([{ id, hash: sha256(stored), bytes: stored }]);
      },
      signal,
    );
    if (missing.length === 0) break;
    if (copy.exchange === null) await hub.sessionOrRefusal();
    await copy.change(LOOK_AGAIN_MS);
  }
  const bytes = concatBytes(record.manifest.map(({ id }) => parts.get(id) as Uint8Array));
  if (sha256(bytes) !== record.manifestHash) throw new MalformedError('the list of contents is not what was signed');
  return decodeManifest(bytes);
}
