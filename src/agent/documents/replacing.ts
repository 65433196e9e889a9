/** Which writes a save, a renaming and a deletion replace: those of what lay on this disk, and no others. */
import type { ChangeId } from '../../core/change.ts';
import type { DocumentId, MergedDocument } from '../../core/registry.ts';
import type { Observation } from '../../store/observations.ts';
import type { Registry } from '../../store/registry.ts';

/**
 * The writes that made the content that a save replaces. Where others have replaced it already it supersedes nothing any
 * more, and is named all the same: that is what the document's history tells.
 */
export function replacedWrites(registry: Registry, id: DocumentId, hash: string): readonly ChangeId[] {
  const merged = registry.document(id);
  const standing = merged ? contentWrites(merged, hash) : [];
  if (standing.length > 0) return standing;
  const former = registry.versions(id).find((version) => version.hash === hash)?.by;
  return former ? [former] : [];
}

/** The writes that made the content that was seen, as far as it stands. */
export function contentWrites(merged: MergedDocument, hash: string): readonly ChangeId[] {
  return merged.contents.filter(({ content }) => content.hash === hash).flatMap(({ by }) => by);
}

/** The writes that gave the name under which it was seen. */
export function pathWrites(merged: MergedDocument, seen: Observation, registry: Registry): readonly ChangeId[] {
  const shown = registry.entry(merged.id)?.shown;
  const name = seen.path === shown ? merged.path : seen.path;
  return merged.paths.filter(({ path }) => path === name).flatMap(({ by }) => by);
}
