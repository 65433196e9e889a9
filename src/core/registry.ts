/**
 * The registry: the file's documents and databases as rows of cells, merged like any row (rows.ts), and then shown.
 * Documents: `path`, `content` (an encoded `DocumentContent`), `behaviour`, `registered`.
 * Databases: `path`, `settings`, `content`. Copies: `user`, `device`. The file itself (row `file`): `name`, `access`.
 *
 * A save, a rename and a deletion name the writes that they replace (`over`), because what lies on a person's disk may
 * be older than what this copy has stored.
 */
import type { RegistryOp } from './body.ts';
import { sha256 } from './bytes.ts';
import { type ChangeId, changeKey } from './change.ts';
import { type DocumentContent, decodeContent, encodeContent, sameContent } from './content.ts';
import { foldPath, pathFault } from './paths.ts';
import {
  ABSENT,
  aliveByOwnWrites,
  compareOrigins,
  foldDelete,
  foldWrite,
  type Origin,
  type Row,
  seenWrites,
} from './rows.ts';
import type { Value } from './value.ts';

/** 16 bytes as 32 hex characters. */
export type DocumentId = string;

export const DOCUMENTS = 'documents';
export const DATABASES = 'databases';
export const COPIES = 'copies';
export const FILE = 'file';

export type Behaviour = 'automatic' | 'on-demand' | 'never';

/** What a document or database was at publish. */
export type Base = { readonly path: string; readonly content: DocumentContent; readonly registered: boolean };

/** One content that a document has now, with all who wrote just that; `by` is empty for the base's. */
export type Sibling = { readonly content: DocumentContent; readonly by: readonly Origin[] };

/** A document as merging leaves it. */
export type MergedDocument = {
  readonly id: DocumentId;
  readonly alive: boolean;
  readonly path: string;
  /** null: the base's. */
  readonly pathBy: Origin | null;
  /** More than one: people renamed it without knowing of each other. The path above first. */
  readonly paths: readonly { readonly path: string; readonly by: readonly Origin[] }[];
  /** The shown one first; more than one is a conflict. */
  readonly contents: readonly Sibling[];
  readonly behaviour: Behaviour;
  readonly registered: boolean;
  /** Deletions that nobody who saved later had seen: with `alive`, a conflict. */
  readonly deletions: readonly Origin[];
};

/** A document that was there at publish: everybody derives the same id. */
export function baseDocumentId(path: string): DocumentId {
  return sha256(Buffer.from(`base\0${foldPath(path)}`)).slice(0, 32);
}

/**
 * A document that somebody made at `path` later. `vacated` is the write that last took something away from there, so
 * that two people who make one path make one document, and a path that is used again gets another.
 */
export function newDocumentId(path: string, vacated: ChangeId | null): DocumentId {
  if (vacated === null) return baseDocumentId(path);
  return sha256(Buffer.from(`new\0${foldPath(path)}\0${vacated.copy}\0${vacated.seq}`)).slice(0, 32);
}

/** Databases are named alike, by 8 bytes. */
export function newDatabaseId(path: string, vacated: ChangeId | null): string {
  return newDocumentId(path, vacated).slice(0, 16);
}

/** Folds one op into its row. An op whose value no program of ours would write has no effect, on any copy. */
export function foldRegistryOp(row: Row, op: RegistryOp, by: Origin): Row {
  if (op.kind === 'remove') return foldDelete(row, by, seenWrites(op.over));
  let next = row;
  for (const cell of op.cells) {
    if (!fits(op.table, cell.column, cell.value) || speaksForOthers(op, cell.column, by)) continue;
    next = foldWrite(next, by, [[cell.column, cell.value]], seenWrites(cell.over));
  }
  return next;
}

function fits(table: string, column: string, value: Value): boolean {
  if (table !== DOCUMENTS && table !== DATABASES) return true;
  if (column === 'path') return typeof value === 'string' && pathFault(value) === undefined;
  if (column === 'content') return value instanceof Uint8Array && contentOf(value) !== undefined;
  return true;
}

/** Whose a copy is, it says itself; its retirement others may write down as well. */
export function isOwnWord(table: string, column: string): boolean {
  return table === COPIES && (column === 'user' || column === 'device');
}

function speaksForOthers({ table, row }: RegistryOp, column: string, by: Origin): boolean {
  return isOwnWord(table, column) && row !== by.copy;
}

function contentOf(value: Value): DocumentContent | undefined {
  try {
    return value instanceof Uint8Array ? decodeContent(value) : undefined;
  } catch {
    return undefined;
  }
}

/** undefined: nothing is known of it that could be shown (no path or no content yet). */
export function mergedDocument(id: DocumentId, row: Row = ABSENT, base?: Base): MergedDocument | undefined {
  const paths = siblings(
    row.cells.get('path'),
    (value) => String(value),
    (a, b) => a === b,
  );
  const contents = siblings(row.cells.get('content'), (value) => contentOf(value)!, sameContent);
  if (paths.length === 0 && base) paths.push({ value: base.path, by: [] });
  if (contents.length === 0 && base) contents.push({ value: base.content, by: [] });
  const [path] = paths;
  if (path === undefined || contents.length === 0) return undefined;
  const behaviour = row.cells.get('behaviour')?.[0]?.value;
  const registered = row.cells.get('registered')?.[0]?.value;
  return {
    id,
    alive: aliveByOwnWrites(base ? { ...row, base: true } : row),
    path: path.value,
    pathBy: path.by[0] ?? null,
    paths: paths.map(({ value, by }) => ({ path: value, by })),
    contents: contents.map(({ value, by }) => ({ content: value, by })),
    behaviour: behaviour === 'on-demand' || behaviour === 'never' ? behaviour : 'automatic',
    registered: registered === undefined ? (base?.registered ?? true) : registered !== 0n,
    deletions: row.deletions,
  };
}

function siblings<T>(
  cell: readonly (Origin & { value: Value })[] | undefined,
  read: (value: Value) => T,
  same: (a: T, b: T) => boolean,
) {
  const found: { value: T; by: Origin[] }[] = [];
  for (const { copy, seq, stamp, value } of cell ?? []) {
    const it = read(value);
    const known = found.find((other) => same(other.value, it));
    if (known) known.by.push({ copy, seq, stamp });
    else found.push({ value: it, by: [{ copy, seq, stamp }] });
  }
  return found;
}

/** A version's name for people and programs: the write that made it, or the base. */
export function versionName(by: ChangeId | null): string {
  return by === null ? 'base' : `${by.copy}-${by.seq}`;
}

export function versionOf(name: string): ChangeId | 'base' | undefined {
  if (name === 'base') return 'base';
  const [, copy, seq] = /^([0-9a-f]{32})-([1-9][0-9]{0,15})$/.exec(name) ?? [];
  return copy === undefined ? undefined : { copy, seq: Number(seq) };
}

export function setOp(
  table: string,
  row: string,
  cells: Record<string, { value: Value; over: readonly ChangeId[] }>,
): RegistryOp {
  return {
    kind: 'set',
    table,
    row,
    cells: Object.entries(cells).map(([column, { value, over }]) => ({ column, value, over: bare(over) })),
  };
}

export function contentCell(content: DocumentContent, over: readonly ChangeId[]) {
  return { value: encodeContent(content), over };
}

export function removeOp(table: string, row: string, over: readonly ChangeId[]): RegistryOp {
  return { kind: 'remove', table, row, over: bare(over) };
}

/** All that a row holds: what a deletion, or a person who settles a conflict, has in front of them. */
export function allWrites(row: Row): ChangeId[] {
  const all = [...row.cells.values()].flatMap((cell) => cell.map(({ copy, seq }) => ({ copy, seq })));
  return unique([...all, ...row.deletions.map(({ copy, seq }) => ({ copy, seq }))]);
}

export function unique(writes: readonly ChangeId[]): ChangeId[] {
  return [...new Map(writes.map(({ copy, seq }) => [changeKey({ copy, seq }), { copy, seq }])).values()];
}

function bare(writes: readonly ChangeId[]): ChangeId[] {
  return unique(writes);
}

/** The earlier of two, the base before all. Negative: `a`. */
export function compareEarlier(a: Origin | null, b: Origin | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  return compareOrigins(a, b);
}
