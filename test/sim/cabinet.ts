/** A person's databases: those that lie in their folder now, wherever they were moved to, each with its program. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { Application, DATABASES, makeDatabase } from './application.ts';
import type { Chance } from './chance.ts';
import type { SimMachine } from './machine.ts';
import { ApplicationDatabase } from './open-stores.ts';
import { isBooks, tokensIn } from './reading-databases.ts';

/** Few places, so that people meet on them. */
const PLACES = ['ledger.db', 'books/office.db', 'archive/old ledger.db', 'office.db'];

const COMPANIONS = ['-wal', '-shm', '-journal'];

export const DATABASE_MOVES = { rename: 4, make: 3, delete: 2, backUp: 5, putBack: 5 } as const;
export type DatabaseMove = keyof typeof DATABASE_MOVES;

/** An application's own backup: a file that nobody follows, and where it was made. */
type Backup = { readonly path: string; readonly file: string };

export class Cabinet {
  readonly #machine: SimMachine;
  readonly #token: () => string;
  readonly #heat: number;
  readonly #open = new Map<string, Application>();
  readonly #backups: Backup[] = [];
  #made = 0;

  constructor(machine: SimMachine, token: () => string, heat: number) {
    this.#machine = machine;
    this.#token = token;
    this.#heat = heat;
  }

  /** Where databases lie, '/'-separated, in order. */
  paths(): string[] {
    return [...databasesBelow(this.#machine.root, '')].sort();
  }

  at(path: string): Application {
    const known = this.#open.get(path);
    if (known) return known;
    const made = new Application(this.#machine.native(path), this.#token, this.#heat);
    this.#open.set(path, made);
    return made;
  }

  /** All programs let go. */
  close(): void {
    for (const application of this.#open.values()) application.close();
  }

  /** All values of ours that stand in any of them. Nobody may hold one. */
  tokens(): Set<string> {
    const found = new Set<string>();
    for (const path of this.paths()) for (const token of tokensAt(this.#machine.native(path))) found.add(token);
    return found;
  }

  /** Says what was done; undefined: nothing could be. */
  do(move: DatabaseMove, chance: Chance): string | undefined {
    const there = this.paths();
    if (move === 'make') return this.#make(chance);
    if (move === 'putBack' && this.#backups.length > 0) return this.#putBack(chance);
    if (there.length === 0) return undefined;
    const path = chance.one(there);
    if (this.at(path).isHeld) return undefined;
    this.at(path).close();
    if (move === 'backUp' || move === 'putBack') return this.#backUp(path);
    if (move === 'delete') return this.#delete(path);
    return this.#rename(path, chance.one(PLACES));
  }

  /** Before anybody follows anything. */
  lay(path: string): void {
    this.#makeFolder(path);
    makeDatabase(this.#machine.native(path), path);
    this.#keepAsMade(path);
  }

  /** A new one, under a name that nobody else gives: two people's databases on one path are another story. */
  #make(chance: Chance): string {
    const { name } = this.#machine;
    const path = `${chance.happens(0.3) ? 'more/' : ''}${name.toLowerCase()} ${++this.#made}.db`;
    if (existsSync(this.#machine.native(path))) return `has ${path} already`;
    this.#makeFolder(path);
    makeDatabase(this.#machine.native(path), chance.one(DATABASES));
    this.#keepAsMade(path);
    this.#tell(path);
    return `makes ${path}`;
  }

  /** As it is before anybody follows it. */
  #keepAsMade(path: string): void {
    const file = this.#nextBackup();
    copyFileSync(this.#machine.native(path), file);
    this.#backups.push({ path, file });
  }

  #nextBackup(): string {
    return `${this.#machine.options.folder}/backup-${this.#backups.length}.db`;
  }

  #rename(from: string, to: string): string | undefined {
    if (from === to || existsSync(this.#machine.native(to)) || !this.#checkpointed(from)) return undefined;
    this.#makeFolder(to);
    renameSync(this.#machine.native(from), this.#machine.native(to));
    this.#tell(from);
    this.#tell(to);
    return `renames ${from} to ${to}`;
  }

  #delete(path: string): string {
    for (const end of ['', ...COMPANIONS]) rmSync(this.#machine.native(path) + end, { force: true });
    this.#tell(path);
    return `deletes ${path}`;
  }

  /** As applications do it: a consistent copy, made by SQLite. */
  #backUp(path: string): string | undefined {
    const file = this.#nextBackup();
    rmSync(file, { force: true });
    try {
      const db = new ApplicationDatabase(this.#machine.native(path), { timeout: 0 });
      try {
        db.prepare('VACUUM INTO ?').run(file);
      } finally {
        db.close();
      }
    } catch {
      return undefined;
    }
    this.#backups.push({ path, file });
    return `backs up ${path}`;
  }

  /**
   * In place of what lies where it was made, by rename; what SQLite keeps beside the old file goes first. Where another
   * database has that name by now its tables would go: applications change no schemas here.
   */
  #putBack(chance: Chance): string | undefined {
    const { path, file } = chance.one(this.#backups);
    const native = this.#machine.native(path);
    if (!existsSync(native) || this.at(path).isHeld || areBooksAt(file) !== areBooksAt(native)) return undefined;
    this.at(path).close();
    for (const end of COMPANIONS) rmSync(native + end, { force: true });
    copyFileSync(file, `${native}.restored.db`);
    renameSync(`${native}.restored.db`, native);
    this.#tell(path);
    return `puts ${path} back from its backup`;
  }

  /** Nothing stands in a log beside the file alone: whoever renames it then takes everything along. */
  #checkpointed(path: string): boolean {
    try {
      const db = new ApplicationDatabase(this.#machine.native(path), { timeout: 0 });
      try {
        const state = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as { busy: number };
        return state.busy === 0 && !existsSync(`${this.#machine.native(path)}-journal`);
      } finally {
        db.close();
      }
    } catch {
      return false;
    }
  }

  #makeFolder(path: string): void {
    if (!path.includes('/')) return;
    const folder = this.#machine.native(path.slice(0, path.lastIndexOf('/')));
    mkdirSync(folder, { recursive: true });
    this.#machine.disk.bytes.makeFolder(folder);
  }

  #tell(path: string): void {
    this.#machine.disk.disk.tell(this.#machine.native(path));
  }
}

export function tokensAt(native: string): Set<string> {
  return askedOf(native, tokensIn) ?? new Set();
}

/** undefined: it does not say now. */
function areBooksAt(native: string): boolean | undefined {
  return askedOf(native, isBooks);
}

function askedOf<T>(native: string, ask: (db: ApplicationDatabase) => T): T | undefined {
  try {
    const db = new ApplicationDatabase(new URL(`file://${encodeURI(native)}?mode=rw`), { timeout: 0 });
    try {
      return ask(db);
    } finally {
      db.close();
    }
  } catch {
    return undefined;
  }
}

function* databasesBelow(native: string, path: string): Generator<string> {
  for (const entry of readdirSync(native, { withFileTypes: true })) {
    const at = path === '' ? entry.name : `${path}/${entry.name}`;
    if (entry.name === '.tieout') continue;
    if (entry.isDirectory()) yield* databasesBelow(`${native}/${entry.name}`, at);
    else if (entry.name.endsWith('.db') && !entry.name.startsWith('.~')) yield at;
  }
}
