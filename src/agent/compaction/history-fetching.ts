/** What a later snapshot lists: its history, and the segments of it, from the hub. */
import { concatBytes, sha256 } from '../../core/bytes.ts';
import { MalformedError } from '../../core/codec.ts';
import type { SnapshotRecord } from '../../core/manifest.ts';
import { decodeHistory, MAX_LIST_PIECES, type SegmentEntry } from '../../core/segment.ts';
import { type CopyId, EMPTY, includes, same } from '../../core/vector.ts';
import type { Clock } from '../../platform/ports.ts';
import { Exchange } from '../../protocol/exchange.ts';
import type { ChunkRecord, Replica } from '../../protocol/replica.ts';
import type { Session } from '../../protocol/session.ts';
import type { FileStore } from '../../store/file-store.ts';
import { readSegment } from '../../store/packed-log.ts';
import { countersigner, openSnapshot } from '../../store/snapshot.ts';
import { decodeChunk, isProved } from '../../store/stored-chunk.ts';
import type { HubConnection } from '../hub-connection.ts';

/** A hub that sends nothing for so long is asked again later. */
const PATIENCE_MS = 30_000;

/** Brings chunks that are not here. Resolves with those that could not be had now. */
export type Fetch = (ids: readonly string[]) => Promise<readonly string[]>;

/** What was signed, and what it says. */
export type SignedSnapshot = { readonly sealed: Uint8Array; readonly record: SnapshotRecord };

/** Undefined: not all of it could be had now. Throws `MalformedError` when it is not what was signed. */
export async function fetchHistory(
  store: FileStore,
  record: SnapshotRecord,
  fetch: Fetch,
): Promise<readonly SegmentEntry[] | undefined> {
  if (record.manifest.length > MAX_LIST_PIECES) throw new MalformedError('a list of segments that is too long');
  if (
    !(await haveAll(
      store,
      record.manifest.map(({ id }) => id),
      fetch,
    ))
  )
    return undefined;
  const pieces = record.manifest.map(({ id, size }) => {
    const [chunk] = store.readChunks([id]);
    if (chunk === undefined) throw new MalformedError('a list that was here a moment ago');
    return decodeChunk(id, chunk.bytes, size);
  });
  const bytes = concatBytes(pieces);
  if (sha256(bytes) !== record.manifestHash) throw new MalformedError('the list of segments is not what was signed');
  const segments = decodeHistory(bytes);
  const upto = segments.at(-1)?.upto ?? new Map();
  if (!same(upto, record.vector)) throw new MalformedError('the history ends elsewhere than was signed');
  return segments;
}

/** Are the chunks of a segment here, or here now, and those of large bodies in it? */
export async function fetchSegment(store: FileStore, entry: SegmentEntry, fetch: Fetch): Promise<boolean> {
  const pieces = entry.parts.map(({ id }) => id);
  if (!(await haveAll(store, pieces, fetch))) return false;
  const changes = readSegment(entry, { readOne: (id) => store.readChunks([id])[0] });
  const parts = changes.flatMap(({ content }) => (content.kind === 'parts' ? content.parts.map(({ id }) => id) : []));
  return haveAll(store, parts, fetch);
}

/** The snapshot that everybody can rely on, where it holds something that is missing here. */
export async function snapshotAhead(
  store: FileStore,
  hub: Pick<HubConnection, 'ask'>,
  names: { readonly file: string; readonly office: string },
): Promise<SignedSnapshot | null> {
  const safe = await safeSnapshot(hub, names);
  return safe === null || includes(store.vector(), safe.record.vector) ? null : safe;
}

/** The snapshot that everybody can rely on; null: there is none. */
export async function safeSnapshot(
  hub: Pick<HubConnection, 'ask'>,
  { file, office }: { readonly file: string; readonly office: string },
): Promise<SignedSnapshot | null> {
  const answer = await hub.ask({ kind: 'history', file });
  if (answer.kind !== 'history') throw new MalformedError('another answer than asked for');
  const { safe: sealed, signed } = answer;
  if (sealed === null) return null;
  const { record } = openSnapshot(sealed, file, office);
  if (signed.some((one) => countersigner(sealed, one, office) === null)) {
    throw new MalformedError('a countersignature that is wrong');
  }
  return { sealed, record };
}

/** A way to the hub's chunks for a copy that exchanges nothing else now. */
export function chunksOf(session: Session, store: FileStore, file: string, copy: CopyId, clock: Clock) {
  const nothing: Replica = {
    vector: () => EMPTY,
    tips: () => new Map(),
    hashAt: () => undefined,
    depsOf: () => undefined,
    after: () => [],
    receive: () => ({ code: 'gap', text: 'Only chunks are wanted.' }),
    lacking: (ids) => store.lacking(ids),
    readChunks: (ids) => store.readChunks(ids),
    keepChunks: (chunks) => store.keepChunks(chunks),
  };
  const exchange = session.open(
    file,
    copy,
    (channel, line) =>
      new Exchange({ channel, line, replica: nothing, acceptsUploads: false, onStored() {}, onEnd() {} }),
  );
  const fetch: Fetch = async (ids) => {
    const giveUp = new AbortController();
    const keeping: Promise<void>[] = [];
    const wrong: string[] = [];
    let cancel = clock.after(PATIENCE_MS, () => giveUp.abort());
    const keep = (chunk: ChunkRecord): undefined => {
      cancel();
      cancel = clock.after(PATIENCE_MS, () => giveUp.abort());
      if (isProved(chunk)) keeping.push(store.keepChunks([chunk]));
      else wrong.push(chunk.id);
    };
    await exchange.fetch(ids, keep, { signal: giveUp.signal }).catch(() => {});
    cancel();
    exchange.sayWrong(wrong);
    await Promise.all(keeping);
    return store.lacking(ids);
  };
  return { fetch, close: () => session.close(exchange, 'all is here') };
}

async function haveAll(store: FileStore, ids: readonly string[], fetch: Fetch): Promise<boolean> {
  const missing = store.lacking(ids);
  return missing.length === 0 || (await fetch(missing)).length === 0;
}

/** The hashes that were signed must be those at which the history ended. Throws `MalformedError`. */
export function mustEndAs(store: FileStore, { vector, last }: SnapshotRecord): void {
  const hashes = new Map(last.map(({ copy, hash }) => [copy, hash]));
  for (const [copy, seq] of vector) {
    if (store.hashAt(copy, seq) !== hashes.get(copy))
      throw new MalformedError('the history ends otherwise than was signed');
  }
}
