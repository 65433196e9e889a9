/**
 * Which changes a database file contains. Its position says what was applied; the marks that are still in it say which
 * own changes are in it besides. So a file that lost its last commits, or came back from a backup, is known for what it
 * is.
 */
import { type Body, body as bodyCodec, type ReadBody, subjectOf } from '../../core/body.ts';
import { readPieces } from '../../core/body-pieces.ts';
import type { ChangeId } from '../../core/change.ts';
import { decode, MalformedError } from '../../core/codec.ts';
import { assert } from '../../core/problem.ts';
import { type Renewed, renamedVector } from '../../core/reissue.ts';
import { type CopyId, covers, type Vector, withEntry } from '../../core/vector.ts';
import { hasMark, type MarkId } from '../file/marks.ts';
import type { Position } from '../file/position.ts';
import type { Statements } from '../file/sql.ts';
import type { ChangeSource, SourceChange } from './source.ts';

const PAGE = 1000;
/** Bodies up to this are decoded at once: some 30,000 rows. */
const WHOLE_BYTES = 1024 * 1024;
/** Large bodies that were read to their end. */
const readable = new WeakMap<ChangeSource, Set<string>>();

export interface Containing {
  /** What was applied. */
  readonly vector: Vector;
  /** Marks after this one are not in any change that we know of. */
  readonly mark: { readonly id: number; readonly nonce: bigint | null };
  /** Own changes that are contained beyond the position: edited here, never applied. */
  readonly edited: readonly SourceChange[];
}

/** All changes on a database that `vector` lacks, in causal order, a page at a time. */
export function* changesAfter(source: ChangeSource, subject: string, vector: Vector): Generator<SourceChange> {
  for (let from = vector; ; ) {
    const page = source.after(from, { subject, limit: PAGE });
    for (const change of page) {
      from = withEntry(from, change.copy, change.seq);
      yield change;
    }
    // A page may be cut short by its size.
    if (page.length === 0) return;
  }
}

/**
 * A body that cannot be read was signed by its maker, so its log goes on; it has no effect on any copy. Of a large one
 * the ops are gone through once, to know that they can be read, and again whenever they are asked for.
 */
export function readBody(source: ChangeSource, change: SourceChange): ReadBody {
  if (change.size > (source.wholeBytes ?? WHOLE_BYTES)) return readLarge(source, change);
  const bytes = source.body(change);
  let read: Body;
  try {
    read = decode(bodyCodec, bytes);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    source.unreadable?.(change);
    return { database: subjectOf(bytes), seen: null, mark: null, uses: [], ops: [] };
  }
  assert(read.kind === 'database', `change ${change.seq} of ${change.copy} is not on a database`);
  return read;
}

function readLarge(source: ChangeSource, change: SourceChange): ReadBody {
  const known = readable.get(source) ?? new Set();
  readable.set(source, known);
  try {
    const body = openLarge(source, change);
    const name = `${change.copy}:${change.seq}`;
    if (!known.has(name)) for (const _ of body.ops.entries());
    known.add(name);
    return body;
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    source.unreadable?.(change);
    return { database: '', seen: null, mark: null, uses: [], ops: [] };
  }
}

/** What a large body begins with; whether the rest can be read is not known yet. Throws `MalformedError`. */
function openLarge(source: ChangeSource, change: SourceChange): ReadBody {
  return readPieces(() => source.pieces(change));
}

/**
 * A position that was written under an id under which this copy no longer numbers. One that was written since means what
 * it says: what the old log has beyond the shared number are changes that came from elsewhere.
 */
export function renamedPosition(position: Position, renamings: readonly Renewed[]): Position {
  let { copy, vector } = position;
  for (const renaming of renamings) {
    if (renaming.from !== copy) continue;
    vector = renamedVector(vector, [renaming, ...(renaming.others ?? [])]);
    copy = renaming.to;
  }
  return { ...position, vector };
}

export function whatItContains(
  sql: Statements,
  position: Position,
  source: ChangeSource,
  { copy, renamings = [] }: { readonly copy: CopyId; readonly renamings?: readonly Renewed[] | undefined },
): Containing {
  // The file of a colleague, put in place of this copy's: edited there before, and here since.
  const authors = new Set([position.copy, copy]);
  for (const { others = [], ...renaming } of renamings) {
    for (const { from, to } of [renaming, ...others]) if (authors.has(from)) authors.add(to);
  }
  const own = [...changesAfter(source, position.database, position.vector)].filter(({ copy }) => authors.has(copy));
  // Marks are only cleared together with writing the position: those of all changes since are still there, or the
  // file lost them.
  const edited: SourceChange[] = [];
  let mark: Containing['mark'] = { id: position.mark, nonce: null };
  for (const change of own) {
    const last = readBody(source, change).mark;
    if (last === null || typeof last.nonce !== 'bigint' || last.id <= position.mark) continue;
    const found: MarkId = { id: last.id, nonce: last.nonce };
    if (!hasMark(sql, found)) continue;
    edited.push(change);
    mark = found;
  }
  return { vector: position.vector, mark, edited };
}

/** The changes that a state at `vector` has and one at `less` with these besides lacks. */
export function* lackingAt(
  source: ChangeSource,
  subject: string,
  vector: Vector,
  less: Vector,
  besides: readonly ChangeId[],
): Generator<SourceChange> {
  const has = new Set(besides.map(({ copy, seq }) => `${copy}:${seq}`));
  for (const change of changesAfter(source, subject, less)) {
    if (covers(vector, change.copy, change.seq) && !has.has(`${change.copy}:${change.seq}`)) yield change;
  }
}

export function isBeyond(
  source: ChangeSource,
  subject: string,
  vector: Vector,
  less: Vector,
  besides: readonly ChangeId[] = [],
): boolean {
  return lackingAt(source, subject, vector, less, besides).next().done !== true;
}
