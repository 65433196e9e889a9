/** Stories that failed once: each a file in test/seeds, with a line that says what was wrong. They are played first. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Story } from './story.ts';

const FOLDER = new URL('../seeds/', import.meta.url);

export type KnownSeed = { readonly name: string; readonly about: string; readonly story: Story };

export function knownSeeds(): KnownSeed[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
  return names.sort().map((name) => {
    const { about, story } = JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as { about: string; story: Story };
    return { name: name.replace('.json', ''), about, story };
  });
}
