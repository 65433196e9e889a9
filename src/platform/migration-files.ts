/** Reads the numbered .sql files (`001-log.sql`) that build a store. They are part of the program, not of the user's data. */
import { readdirSync, readFileSync } from 'node:fs';
import { assert } from '../core/problem.ts';

export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

const read = new Map<string, readonly Migration[]>();

/** The migrations of all `folders` together, ascending. A number is used once over all of them. */
export function readMigrations(folders: readonly URL[]): readonly Migration[] {
  const all = folders.flatMap(readFolder).sort((a, b) => a.number - b.number);
  all.forEach((migration, at) => {
    assert(migration.number !== all[at - 1]?.number, `two migrations are numbered ${migration.number}`);
  });
  return all;
}

function readFolder(folder: URL): readonly Migration[] {
  const known = read.get(folder.href);
  if (known) return known;
  const base = folder.href.endsWith('/') ? folder : new URL(`${folder.href}/`);
  const found = readdirSync(base)
    .filter((name) => name.endsWith('.sql'))
    .map((name) => {
      const number = Number(/^(\d{3})-[a-z0-9-]+\.sql$/.exec(name)?.[1]);
      assert(number > 0, `${name} is not named like 001-log.sql`);
      return { number, name, sql: readFileSync(new URL(name, base), 'utf8') };
    });
  read.set(folder.href, found);
  return found;
}
