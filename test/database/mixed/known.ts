/** Stories of databases that failed once: each a file in test/seeds/databases, with a line that says what was wrong. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { Story } from './story.ts';

const FOLDER = new URL('../../seeds/databases/', import.meta.url);

export interface KnownStory {
  readonly name: string;
  readonly about: string;
  readonly story: Story;
}

export function knownStories(): KnownStory[] {
  const names = existsSync(FOLDER) ? readdirSync(FOLDER).filter((name) => name.endsWith('.json')) : [];
  return names.sort().map((name) => {
    const { about, story } = JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as { about: string; story: Story };
    return { name: name.replace('.json', ''), about, story };
  });
}
