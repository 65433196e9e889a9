/**
 * Making segments of what lies in a log above its floor: the same bytes on every copy. One segment is in memory at a
 * time.
 */
import type { ChangeId } from '../core/change.ts';
import { sizeOf } from '../core/floor.ts';
import { assert } from '../core/problem.ts';
import {
  encodeSegment,
  historyOrder,
  type PackedChange,
  piecesOf,
  type SegmentEntry,
  SegmentFilling,
} from '../core/segment.ts';
import { at, type Vector } from '../core/vector.ts';
import type { Log } from './log.ts';
import { encodeChunk, type StoredChunk } from './stored-chunk.ts';

export interface MadeSegment {
  readonly entry: SegmentEntry;
  readonly chunks: readonly StoredChunk[];
  readonly changes: readonly PackedChange[];
}

/** All that lies between the floor and `upto`, a segment at a time. */
export function* makeSegments(log: Log, upto: Vector): Generator<MadeSegment> {
  const held = new Map(log.floor);
  const filling = new SegmentFilling();
  let changes: PackedChange[] = [];
  for (const id of inOrder(log, upto)) {
    const change = packedOf(log, id);
    if (filling.isFullFor(change)) {
      yield segmentOf(changes, new Map(held));
      changes = [];
    }
    changes.push(change);
    held.set(id.copy, id.seq);
  }
  if (changes.length > 0) yield segmentOf(changes, held);
}

/** The one segment that holds what lies between two vectors. Undefined: something of it is not here. */
export function makeSegment(log: Log, after: Vector, { upto, changes }: SegmentEntry): MadeSegment | undefined {
  const found: PackedChange[] = [];
  for (const [copy, last] of upto) {
    for (let seq = at(after, copy) + 1; seq <= last; seq++) {
      const change = log.get({ copy, seq });
      if (change === undefined || found.length === changes) return undefined;
      found.push(change);
    }
  }
  return found.length === changes ? segmentOf(found.sort(historyOrder), upto) : undefined;
}

function inOrder(log: Log, upto: Vector): ChangeId[] {
  const found: { copy: string; seq: number; size: number }[] = [];
  for (const { copy, seq, deps } of log.headersAfter(log.floor)) {
    if (seq <= at(upto, copy)) found.push({ copy, seq, size: sizeOf(deps) });
  }
  // As `historyOrder`, without holding what each depends on.
  return found.sort((a, b) => a.size - b.size || (a.copy < b.copy ? -1 : a.copy > b.copy ? 1 : a.seq - b.seq));
}

function packedOf(log: Log, id: ChangeId): PackedChange {
  const change = log.get(id);
  assert(change, `change ${id.seq} of ${id.copy} is in the log`);
  return change;
}

function segmentOf(changes: readonly PackedChange[], upto: Vector): MadeSegment {
  const chunks: StoredChunk[] = [];
  const parts = piecesOf(encodeSegment(changes)).map((piece) => {
    const chunk = encodeChunk(piece);
    chunks.push(chunk);
    return { id: chunk.id, size: piece.byteLength };
  });
  return { entry: { upto, parts, changes: changes.length }, chunks, changes };
}
