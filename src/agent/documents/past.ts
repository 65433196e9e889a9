/**
 * What became of documents and databases besides their contents: the names that they were given, their deletions and how
 * they came back; and which contents each content replaced. Told from the registry's changes: the registry itself keeps
 * only what stands.
 */
import type { RegistryOp } from '../../core/body.ts';
import type { ChangeId } from '../../core/change.ts';
import { DATABASES, DOCUMENTS, type DocumentId, versionName } from '../../core/registry.ts';
import type { Origin } from '../../core/rows.ts';

/** A change of the registry, in an order in which each comes after what it had seen. */
export type RegistryChange = { readonly by: Origin; readonly ops: readonly RegistryOp[] };

export type PastEvent = {
  readonly by: Origin;
  readonly what: 'renamed' | 'deleted' | 'brought back';
  /** Where it was, and is then; null where it is not there. */
  readonly from: string | null;
  readonly to: string | null;
};

/** What became of each document and database. */
export type Past = {
  readonly events: ReadonlyMap<DocumentId, readonly PastEvent[]>;
  /** The writes that the maker of a content had in front of him; undefined where the log does not tell. */
  readonly replacedBy: (id: DocumentId, write: ChangeId) => readonly ChangeId[] | undefined;
};

/** `basePath`: where one was at publish; undefined if it was made later. */
export function pastOf(changes: Iterable<RegistryChange>, basePath: (id: DocumentId) => string | undefined): Past {
  const replaced = new Map<string, readonly ChangeId[]>();
  const events = new Map<DocumentId, PastEvent[]>();
  const paths = new Map<string, string>();
  const last = new Map<DocumentId, string>();
  const deleted = new Set<DocumentId>();
  for (const { by, ops } of changes) {
    for (const op of ops) {
      const { table, row: id } = op;
      if ((table !== DOCUMENTS && table !== DATABASES) || id === null) continue;
      const before = last.get(id) ?? basePath(id) ?? null;
      const isDeleted = deleted.has(id);
      const event = op.kind === 'remove' ? deletion(by, before) : naming(id, op, by, paths, before, isDeleted);
      if (op.kind === 'remove') deleted.add(id);
      else deleted.delete(id);
      if (event) events.set(id, [...(events.get(id) ?? []), event]);
      const content = op.kind === 'set' ? op.cells.find(({ column }) => column === 'content') : undefined;
      if (content) replaced.set(keyOf(id, by), content.over);
      const path = op.kind === 'set' ? pathIn(op) : undefined;
      if (path === undefined) continue;
      paths.set(keyOf(id, by), path);
      last.set(id, path);
    }
  }
  return { events, replacedBy: (id, write) => replaced.get(keyOf(id, write)) };
}

function deletion(by: Origin, from: string | null): PastEvent {
  return { by, what: 'deleted', from, to: null };
}

/** From the name that its maker had in front of him, whatever others called it meanwhile. */
function naming(
  id: DocumentId,
  op: Extract<RegistryOp, { kind: 'set' }>,
  by: Origin,
  paths: ReadonlyMap<string, string>,
  before: string | null,
  isDeleted: boolean,
): PastEvent | undefined {
  const cell = op.cells.find(({ column }) => column === 'path');
  const to = pathIn(op);
  if (cell === undefined || to === undefined) return undefined;
  const from = cell.over.map((write) => paths.get(keyOf(id, write))).find((path) => path !== undefined) ?? before;
  if (from !== null && from !== to) return { by, what: 'renamed', from, to };
  return isDeleted ? { by, what: 'brought back', from: null, to } : undefined;
}

function pathIn(op: Extract<RegistryOp, { kind: 'set' }>): string | undefined {
  const value = op.cells.find(({ column }) => column === 'path')?.value;
  return typeof value === 'string' ? value : undefined;
}

function keyOf(id: DocumentId, write: ChangeId): string {
  return `${id} ${versionName(write)}`;
}
