/** Whose content the disk has damaged, so that whoever is told knows what it is about. */
import type { Entry, Registry, Version } from '../store/registry.ts';
import { timeOf, userOf } from './documents/telling.ts';
import { iso } from './service/time.ts';

/** So many are named; the others are counted. */
const NAMED = 5;

/** "letter.txt (of 2026-10-07T12:00:00.000Z by ana)", the first few; '' where it is in no version of a document. */
export function damagedVersions(registry: Registry, chunks: ReadonlySet<string>): string {
  const named: string[] = [];
  let found = 0;
  for (const [entry, version] of versionsOf(registry)) {
    const content = registry.content(entry.id, version.by ?? 'base');
    if (!content?.chunks.some(({ id }) => chunks.has(id))) continue;
    found += 1;
    if (found > NAMED) continue;
    const at = iso(timeOf(registry, entry.id, version));
    named.push(`${entry.shown} (of ${at} by ${userOf(registry, version.by)})`);
  }
  const more = found - named.length;
  return [...named, ...(more > 0 ? [`${more} more ${more === 1 ? 'version' : 'versions'}`] : [])].join(', ');
}

function* versionsOf(registry: Registry): Generator<[Entry, Version]> {
  for (const entry of registry.entries('document')) {
    for (const version of registry.versions(entry.id)) yield [entry, version];
  }
}
