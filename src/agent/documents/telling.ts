/** What lists, histories and conflicts of documents have in common: which document, which content, by whom, and when. */
import type { RegistryOp } from '../../core/body.ts';
import type { ChangeId } from '../../core/change.ts';
import { stampMs } from '../../core/clock.ts';
import { type DocumentContent, encodeContent } from '../../core/content.ts';
import { ProblemError } from '../../core/problem.ts';
import { DOCUMENTS, type DocumentId, FILE, setOp, versionOf } from '../../core/registry.ts';
import type { Origin } from '../../core/rows.ts';
import type { Entry, Registry } from '../../store/registry.ts';

/** Throws a `ProblemError` for a path where no document is. */
export function documentAt(registry: Registry, path: string): Entry {
  const entry = registry.entryAt(path);
  if (entry?.kind === 'document') return entry;
  if (entry) throw isDatabase(path);
  throw new ProblemError({
    code: 'no-document',
    text: path === '' ? 'This is the folder of the file, and no document.' : `${path} is not a document of this file.`,
    remedy: 'See `tieout docs` for what is in the file; a new document is listed once it has been saved.',
    path,
  });
}

/** The same, or else the document that was deleted there last. */
export function documentEver(registry: Registry, path: string): Entry {
  const deleted = (): Entry | undefined => registry.deletedAt(path).find(({ kind }) => kind === 'document');
  return (registry.entryAt(path) ? undefined : deleted()) ?? documentAt(registry, path);
}

function isDatabase(path: string): ProblemError {
  return new ProblemError({
    code: 'no-document',
    text: `${path} is a database: it is followed value by value, and has no versions.`,
    remedy: 'See `tieout history` for what was changed in it; `tieout undo` takes a change back.',
    path,
  });
}

/** The content of a version, by its name. Throws a `ProblemError`. */
export function contentOf(registry: Registry, entry: Entry, version: string): DocumentContent {
  const id = versionOf(version);
  const content = id && registry.content(entry.id, id);
  if (content) return content;
  throw new ProblemError({
    code: 'no-version',
    text: `${entry.shown} has no version ${version}.`,
    remedy: 'See `tieout versions` for those that it has.',
    path: entry.shown,
  });
}

/** A write of this content over all that there is, deletions included. What was deleted takes its place anew. */
export function choice(registry: Registry, id: DocumentId, content: DocumentContent): RegistryOp {
  const row = registry.row(DOCUMENTS, id);
  const entry = registry.entry(id);
  const over: ChangeId[] = [...(row.cells.get('content') ?? []), ...row.deletions];
  const place = entry && !entry.alive ? { path: { value: entry.path, over: row.cells.get('path') ?? [] } } : {};
  return setOp(DOCUMENTS, id, { content: { value: encodeContent(content), over }, ...place });
}

/** Who made a write; the base is who published the file. */
export function userOf(registry: Registry, by: ChangeId | null): string {
  const copy = by?.copy ?? registry.row(FILE, 'file').cells.get('name')?.at(-1)?.copy;
  return copy === undefined ? '' : (registry.user(copy) ?? '');
}

/** Milliseconds since 1970. */
export function timeOf(registry: Registry, id: DocumentId, { by }: { by: Origin | null }): number {
  if (by) return stampMs(by.stamp);
  return Number((registry.base(id)?.content.mtimeNs ?? 0n) / 1_000_000n);
}
