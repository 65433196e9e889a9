/**
 * SQLite keeps its files on a real disk, whoever's they are. So that a simulated machine can lose its power, every
 * connection that anybody in this process opens is known here by its path from its first statement on, and can be
 * closed under its owner.
 */
import { DatabaseSync } from 'node:sqlite';

const open = new Map<DatabaseSync, string>();
const { exec, prepare, close } = DatabaseSync.prototype;

/** What lies in memory alone ends with whoever holds it. */
function know(db: DatabaseSync): void {
  if (open.has(db) || db instanceof ApplicationDatabase) return;
  const path = db.location();
  if (path !== null) open.set(db, path);
}

DatabaseSync.prototype.exec = function (this: DatabaseSync, ...given) {
  know(this);
  return exec.apply(this, given);
};
DatabaseSync.prototype.prepare = function (this: DatabaseSync, ...given) {
  know(this);
  return prepare.apply(this, given);
};
DatabaseSync.prototype.close = function (this: DatabaseSync) {
  open.delete(this);
  close.apply(this);
};

/** For the programs of people: what they have open is theirs to close. */
export class ApplicationDatabase extends DatabaseSync {}

/** The machine whose folder this is has no power: what its programs had open is gone, what they had not committed too. */
export function closeBelow(folder: string): void {
  for (const [db, path] of [...open]) if (path.startsWith(`${folder}/`)) db.close();
}

export function openBelow(folder: string): string[] {
  return [...open.values()].filter((path) => path.startsWith(`${folder}/`));
}
