/**
 * A person's program on their databases. Every value that it writes is told from all others ever written, so that it
 * can be found again; its transactions keep an invariant that no copy may ever show broken.
 */
import { lstatSync } from 'node:fs';
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { Chance } from './chance.ts';
import { ApplicationDatabase } from './open-stores.ts';
import { isBooks, tokensIn } from './reading-databases.ts';
import { isAlone, type Upgrade, upgrade } from './upgrades.ts';

export const LEDGER = 'ledger.db';
export const BOOKS = 'books/office.db';

const SCHEMAS: Readonly<Record<string, string>> = {
  [LEDGER]: `
    PRAGMA journal_mode = WAL;
    CREATE TABLE account (no INTEGER PRIMARY KEY, name TEXT, closing, note TEXT);
    CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT, status TEXT, mark TEXT);
    CREATE TABLE line (entry INTEGER NOT NULL REFERENCES entry (id) ON DELETE CASCADE, nr INTEGER NOT NULL,
                       account INTEGER REFERENCES account (no), text TEXT, belongs TEXT,
                       PRIMARY KEY (entry, nr)) WITHOUT ROWID;
    CREATE TABLE movement (id TEXT PRIMARY KEY, amount INTEGER NOT NULL, text TEXT);
    INSERT INTO account VALUES (1000, 'Cash', 10, NULL), (1200, 'Bank', 20.5, NULL), (4010, 'Sales', -30, 'net');
    INSERT INTO entry (text, status, mark) VALUES ('opening', 'posted', 'one'), ('accruals', 'draft', 'two');
    INSERT INTO line VALUES (1, 1, 1000, 'a', 'one'), (1, 2, 4010, 'b', 'one'), (2, 1, 1200, 'c', 'two');`,
  [BOOKS]: `
    CREATE TABLE setting (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE remark (text TEXT, page INTEGER);
    CREATE TABLE part (kind TEXT NOT NULL, code BLOB NOT NULL, text, PRIMARY KEY (kind, code));
    INSERT INTO setting VALUES ('year', 2026), ('rate', 1.5), ('name', 'Miller'), ('logo', x'00ff'), ('none', NULL);
    INSERT INTO remark VALUES ('check the bank', 3), ('ask Ana', NULL);
    INSERT INTO part VALUES ('a', x'01', 'one'), ('a', x'02', 'two'), ('b', x'', 'three');`,
};

export const DATABASES = Object.keys(SCHEMAS);

export function makeDatabase(native: string, name: string): void {
  const db = new ApplicationDatabase(native);
  db.exec(`PRAGMA synchronous = OFF; ${SCHEMAS[name] as string}`);
  db.close();
}

export const DATABASE_EDITS = {
  cell: 10,
  several: 3,
  insertNumbered: 5,
  insertNamed: 4,
  insertHidden: 3,
  deleteRow: 4,
  renumber: 1,
  replace: 2,
  move: 4,
  undo: 1,
} as const;
export type DatabaseEdit = keyof typeof DATABASE_EDITS;

/** What one transaction did: what stands in the database now that did not before, and the other way round. */
export type Edited = { readonly text: string; readonly added: ReadonlySet<string>; readonly gone: ReadonlySet<string> };

/** `isAlone`: what SQLite does in no transaction. */
type How = { readonly foreignKeys: 'ON' | 'OFF'; readonly isAlone: boolean };

export class Application {
  readonly #native: string;
  readonly #token: () => string;
  /** How often people meet on the same few rows, 0 to 1. */
  readonly #heat: number;
  #db: DatabaseSync | null = null;
  #inode: bigint | undefined;

  constructor(native: string, token: () => string, heat: number) {
    this.#native = native;
    this.#token = token;
    this.#heat = heat;
  }

  /** Between `hold` and `close`. */
  get isHeld(): boolean {
    return this.#db?.isTransaction === true;
  }

  close(): void {
    this.#db?.close();
    this.#db = null;
  }

  /** One transaction; undefined: the database is locked, or not to be opened now. */
  edit(kind: DatabaseEdit, chance: Chance, keepOpen: boolean): Edited | undefined {
    return this.#transact(chance, keepOpen, (db) => this.#change(db, kind, chance));
  }

  /** The same of what alters the schema. */
  upgrade(kind: Upgrade, chance: Chance, keepOpen: boolean): Edited | undefined {
    // As SQLite's manual tells: a table that is made anew is referred to by others all the time.
    const how = { foreignKeys: 'OFF', isAlone: isAlone(kind) } as const;
    return this.#transact(chance, keepOpen, (db) => upgrade(db, kind, chance, this.#token()), how);
  }

  #transact(
    chance: Chance,
    keepOpen: boolean,
    change: (db: DatabaseSync) => string,
    { foreignKeys, isAlone }: How = { foreignKeys: 'ON', isAlone: false },
  ): Edited | undefined {
    if (this.#db?.isTransaction) return undefined;
    this.#closeIfGone();
    try {
      this.#db ??= this.#connect(chance);
      const before = tokensIn(this.#db);
      this.#db.exec(`PRAGMA foreign_keys = ${foreignKeys}`);
      if (!isAlone) this.#db.exec('BEGIN IMMEDIATE');
      const text = change(this.#db);
      if (!isAlone && chance.happens(0.05)) {
        this.#db.exec('ROLLBACK');
        return { text: `${text}, and takes it back`, added: new Set(), gone: new Set() };
      }
      const after = tokensIn(this.#db);
      if (!isAlone) this.#db.exec('COMMIT');
      const added = new Set([...after].filter((token) => !before.has(token)));
      const gone = new Set([...before].filter((token) => !after.has(token)));
      return { text, added, gone };
    } catch (error) {
      if (this.#db?.isTransaction) this.#db.exec('ROLLBACK');
      this.close();
      if (/locked|busy|unable to open/.test((error as Error).message)) return undefined;
      throw error;
    } finally {
      if (!keepOpen) this.close();
    }
  }

  /** Begins to write and stays there, with the lock held: `close` gives it up. */
  hold(chance: Chance): boolean {
    if (this.#db?.isTransaction) return false;
    this.#closeIfGone();
    try {
      this.#db ??= this.#connect(chance);
      this.#db.exec('BEGIN IMMEDIATE');
      return true;
    } catch {
      this.close();
      return false;
    }
  }

  /** Another file lies there now, or none: people see that, and open it again. */
  #closeIfGone(): void {
    if (this.#db !== null && inodeAt(this.#native) !== this.#inode) this.close();
  }

  #connect(chance: Chance): DatabaseSync {
    this.#inode = inodeAt(this.#native);
    const url = new URL(`file://${encodeURI(this.#native)}?mode=rw`);
    const db = new ApplicationDatabase(url, { timeout: 0, enableForeignKeyConstraints: true });
    db.exec(`PRAGMA synchronous = ${chance.one(['OFF', 'NORMAL', 'FULL'])}`);
    if (chance.happens(0.2)) db.exec('PRAGMA recursive_triggers = ON');
    return db;
  }

  #change(db: DatabaseSync, kind: DatabaseEdit, chance: Chance): string {
    const run = (sql: string, ...values: SQLInputValue[]): void => void db.prepare(sql).run(...values);
    const one = (sql: string): SQLInputValue[] => {
      const rows = db.prepare(sql).all();
      return rows.length === 0 ? [] : (Object.values(chance.one(rows)) as SQLInputValue[]);
    };
    const token = this.#token();
    if (isBooks(db)) return this.#changeBooks(kind, chance, run, one, token);
    switch (kind) {
      case 'cell': {
        const [table, key, column] = chance.one([
          ['account', 'no', 'name'],
          ['account', 'no', 'note'],
          ['account', 'no', 'closing'],
          ['entry', 'id', 'text'],
          ['entry', 'id', 'status'],
        ] as const);
        const [id] = chance.happens(this.#heat)
          ? [table === 'account' ? 1000 : 1]
          : one(`SELECT ${key} FROM ${table} ORDER BY 1`);
        if (id !== undefined) run(`UPDATE ${table} SET ${column} = ? WHERE ${key} = ?`, token, id);
        return `${table} ${id}: ${column} = ${token}`;
      }
      case 'several': {
        run('UPDATE account SET note = ?', token);
        return `all accounts: note = ${token}`;
      }
      case 'insertNumbered': {
        run('INSERT INTO entry (text, status, mark) VALUES (?, ?, ?)', token, 'draft', `mark ${token}`);
        const id = Number(db.prepare('SELECT max(id) AS id FROM entry').get()?.id);
        const lines = chance.whole(0, 2);
        for (let nr = 1; nr <= lines; nr++) {
          const [no = null] = one('SELECT no FROM account ORDER BY 1');
          run('INSERT INTO line VALUES (?, ?, ?, ?, ?)', id, nr, no, this.#token(), `mark ${token}`);
        }
        return `new entry ${id} (${token}) with ${lines} lines`;
      }
      case 'insertHidden': {
        const [id] = one('SELECT id FROM entry ORDER BY 1');
        if (id === undefined) return 'no entry for a line';
        const nr = chance.happens(this.#heat) ? 1 : chance.whole(1, 4);
        run(
          `INSERT INTO line SELECT id, ?, NULL, ?, mark FROM entry WHERE id = ?
           ON CONFLICT DO UPDATE SET text = excluded.text`,
          nr,
          token,
          id,
        );
        return `line ${id}.${nr}: ${token}`;
      }
      case 'insertNamed': {
        const no = chance.happens(this.#heat) ? 5000 : chance.whole(5000, 5006);
        run(
          'INSERT INTO account (no, name, closing, note) VALUES (?, ?, 0, NULL) ON CONFLICT DO UPDATE SET name = excluded.name',
          no,
          token,
        );
        return `account ${no}: ${token}`;
      }
      case 'deleteRow': {
        const table = chance.one(['entry', 'line', 'account'] as const);
        if (table === 'account') {
          run(
            'DELETE FROM account WHERE no = (SELECT no FROM account WHERE no >= 5000 AND no NOT IN (SELECT account FROM line WHERE account IS NOT NULL) ORDER BY no LIMIT 1)',
          );
          return 'an unused account goes';
        }
        if (table === 'entry') {
          const [id] = chance.happens(this.#heat / 2) ? [1] : one('SELECT id FROM entry ORDER BY 1');
          if (id !== undefined) run('DELETE FROM entry WHERE id = ?', id);
          return `entry ${id} goes, and its lines`;
        }
        const [entry, nr] = one('SELECT entry, nr FROM line ORDER BY 1, 2');
        if (entry !== undefined) run('DELETE FROM line WHERE entry = ? AND nr = ?', entry, nr as SQLInputValue);
        return `line ${entry}.${nr} goes`;
      }
      case 'renumber': {
        const [nr, entry] = one('SELECT nr, entry FROM line ORDER BY 2, 1');
        if (entry === undefined) return 'no line to renumber';
        run(
          'UPDATE OR REPLACE line SET nr = ? WHERE entry = ? AND nr = ?',
          chance.whole(1, 5),
          entry,
          nr as SQLInputValue,
        );
        return `a line of entry ${entry} gets another number`;
      }
      case 'replace': {
        const [no] = one('SELECT no FROM account ORDER BY 1');
        if (no === undefined) return 'no account to replace';
        run('UPDATE account SET name = ?, closing = closing WHERE no = ?', token, no);
        return `account ${no}: name = ${token}, closing as it is`;
      }
      case 'move': {
        const amount = chance.whole(1, 1000);
        run(
          'INSERT INTO movement VALUES (?, ?, ?), (?, ?, ?)',
          `${token}a`,
          amount,
          token,
          `${token}b`,
          -amount,
          this.#token(),
        );
        return `movement of ${amount} (${token})`;
      }
      case 'undo': {
        const [id] = one('SELECT no FROM account ORDER BY 1');
        if (id === undefined) return 'nothing to write twice';
        run('UPDATE account SET note = ? WHERE no = ?', this.#token(), id);
        run('UPDATE account SET note = ? WHERE no = ?', token, id);
        return `account ${id}: note twice, last ${token}`;
      }
    }
  }

  #changeBooks(
    kind: DatabaseEdit,
    chance: Chance,
    run: (sql: string, ...values: SQLInputValue[]) => void,
    one: (sql: string) => SQLInputValue[],
    token: string,
  ): string {
    const key = chance.happens(this.#heat) ? 'year' : chance.one(['rate', 'name', 'logo', 'none', 'new']);
    switch (kind) {
      case 'cell':
      case 'several':
      case 'undo': {
        const odd = [9007199254740993n, -0.5, 1e300, 'a\0b', new Uint8Array([1, 0, 2]), null, 'Ünï 決算 👩‍💼'];
        const value = chance.happens(0.3) ? (chance.one(odd) as SQLInputValue) : token;
        run('INSERT INTO setting VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value', key, value);
        return `setting ${key} = ${value instanceof Uint8Array ? 'bytes' : String(value).replace('\0', '0')}`;
      }
      case 'insertNamed':
      case 'replace':
        run('INSERT OR REPLACE INTO setting VALUES (?, ?)', key, token);
        return `setting ${key} replaced by ${token}`;
      case 'insertHidden':
      case 'insertNumbered':
        run('INSERT INTO remark VALUES (?, ?)', token, chance.whole(1, 9));
        return `remark ${token}`;
      case 'move': {
        const code = Uint8Array.of(chance.whole(1, 4));
        run(
          'INSERT INTO part (kind, code, text) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET text = excluded.text',
          'a',
          code,
          token,
        );
        return `part a ${code[0]}: ${token}`;
      }
      case 'renumber': {
        const [rowid] = chance.happens(this.#heat) ? [1] : one('SELECT rowid FROM remark ORDER BY 1');
        if (rowid !== undefined) run('UPDATE remark SET text = ? WHERE rowid = ?', token, rowid);
        return `a remark becomes ${token}`;
      }
      case 'deleteRow': {
        if (chance.happens(0.5)) {
          run('DELETE FROM setting WHERE key = ?', key);
          return `setting ${key} goes`;
        }
        const [rowid] = one('SELECT rowid FROM remark ORDER BY 1');
        if (rowid !== undefined) run('DELETE FROM remark WHERE rowid = ?', rowid);
        return 'a remark goes';
      }
    }
  }
}

function inodeAt(native: string): bigint | undefined {
  return lstatSync(native, { bigint: true, throwIfNoEntry: false })?.ino;
}
