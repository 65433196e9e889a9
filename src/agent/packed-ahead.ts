/** The packed history of a copy that is about to be folded anew: completed, and, where the hub is ahead, the hub's. */
import { ProblemError } from '../core/problem.ts';
import { commonSegments, type PackedChange, type SegmentEntry } from '../core/segment.ts';
import { at, type CopyId, type Vector } from '../core/vector.ts';
import type { Clock } from '../platform/ports.ts';
import type { FileStore } from '../store/file-store.ts';
import { readSegment } from '../store/packed-log.ts';
import { chunksOf, fetchHistory, fetchSegment, type SignedSnapshot } from './compaction/history-fetching.ts';
import type { HubConnection } from './hub-connection.ts';
import type { CopyFacts } from './sync-folder.ts';

/** What is folded anew is read from the packed history: what this disk has lost of it, the hub has. */
export async function completePacked(
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

export type PackedAhead = SignedSnapshot & {
  readonly segments: readonly SegmentEntry[];
  /** How far each log here is the same as in them. */
  readonly same: Vector;
  /** Those of them that are not packed alike here. */
  readonly changes: () => Generator<PackedChange>;
};

/** What was packed while this copy was away, its chunks being here. */
export async function packedAhead(
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
    const own = [...store.log.segments()];
    const common = commonSegments(own, segments);
    for (const entry of segments.slice(common)) {
      if (!(await fetchSegment(store, entry, fetch))) throw notAllHere();
    }
    const changes = function* (): Generator<PackedChange> {
      const chunks = { readOne: (id: string) => store.readChunks([id])[0] };
      for (const entry of segments.slice(common)) yield* readSegment(entry, chunks);
    };
    const same = new Map<CopyId, number>(own[common - 1]?.upto);
    for (const { copy: maker, seq, hash } of changes()) {
      if (at(same, maker) === seq - 1 && store.hashAt(maker, seq) === hash) same.set(maker, seq);
    }
    return { ...ahead, segments, same, changes };
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
