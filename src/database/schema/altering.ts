/**
 * Brings the schema of a user's database to what is shown, inside the transaction that applies: by ALTER where SQLite
 * can, else by its own way of rebuilding a table (a new one, the rows over, the old one away, the name). Views and
 * triggers of the application are made anew, so that they stand in no ALTER's way. A table that cannot be brought there
 * stays as it is and is told.
 */
import { affinityOf } from '../../core/affinity.ts';
import { sameValue, type Value } from '../../core/value.ts';
import { literal, parameter, quoted, type Statements } from '../file/sql.ts';
import { defaultOf, readActual } from './actual.ts';
import { schemaDifference } from './difference.ts';
import { sameGone } from './gone.ts';
import {
  createObject,
  createTable,
  objectName,
  type Schema,
  type SchemaColumn,
  type SchemaObject,
  type SchemaTable,
  spelled,
  VALUES,
} from './schema.ts';
import { folded } from './text.ts';

export interface Altered {
  readonly schema: Schema;
  /** Tables that are empty now and have to be filled with all their rows. */
  readonly emptied: ReadonlySet<string>;
  /** Columns that are new in a table with its rows, by table. */
  readonly widened: ReadonlyMap<string, ReadonlySet<string>>;
  /** Columns of another type, by table: SQLite has made of each value what the type before, and this one, make of it. */
  readonly converted: ReadonlyMap<string, ReadonlySet<string>>;
  /** Tables that are there no longer. */
  readonly gone: ReadonlySet<string>;
  /** By table: why it is not as it is to be. */
  readonly failed: ReadonlyMap<string, string>;
}

const REBUILT = '_tieout_rebuilt';
const CONSTRAINT = 19;

/** Is there anything to bring about? */
export function differs(now: Schema, wanted: Schema): boolean {
  if (now.tables.size !== wanted.tables.size || now.objects.size !== wanted.objects.size) return true;
  if (VALUES.some((name) => now.values[name] !== wanted.values[name]) || !sameGone(now.gone, wanted.gone)) return true;
  for (const table of wanted.tables.values()) {
    const own = now.tables.get(table.id);
    if (own === undefined || !sameTable(own, table)) return true;
  }
  for (const [key, object] of wanted.objects) {
    const own = now.objects.get(key);
    if (own?.text !== object.text || own.table !== object.table || own.unique !== object.unique) return true;
  }
  return false;
}

export function sameTable(a: SchemaTable, b: SchemaTable): boolean {
  if (a.name !== b.name || a.options !== b.options || a.columns.length !== b.columns.length) return false;
  if (a.constraints.join('\0') !== b.constraints.join('\0')) return false;
  return a.columns.every((column, at) => {
    const other = b.columns[at];
    if (column.id !== other?.id || column.name !== other.name || column.definition !== other.definition) return false;
    return sameValue(column.initial, other.initial);
  });
}

/** In the caller's write transaction. */
export function alterSchema(
  sql: Statements,
  now: Schema,
  wanted: Schema,
  numbers: ReadonlyMap<number, string>,
): Altered {
  return new Altering(sql, now, wanted, numbers).run();
}

class Altering {
  readonly #sql: Statements;
  readonly #now: Schema;
  readonly #wanted: Schema;
  readonly #numbers: ReadonlyMap<number, string>;
  readonly #emptied = new Set<string>();
  readonly #widened = new Map<string, ReadonlySet<string>>();
  readonly #converted = new Map<string, ReadonlySet<string>>();
  readonly #failed = new Map<string, string>();
  #names = 0;

  constructor(sql: Statements, now: Schema, wanted: Schema, numbers: ReadonlyMap<number, string>) {
    this.#sql = sql;
    this.#now = now;
    this.#wanted = wanted;
    this.#numbers = numbers;
  }

  run(): Altered {
    const changed = [...this.#wanted.tables.values()].filter((table) => {
      const own = this.#now.tables.get(table.id);
      return own === undefined || !sameTable(own, table);
    });
    const gone = [...this.#now.tables.values()].filter(({ id }) => !this.#wanted.tables.has(id));
    if (changed.length + gone.length > 0 || !sameGone(this.#now.gone, this.#wanted.gone)) {
      this.#drop([...this.#now.objects.values()].filter(({ type }) => type === 'view' || type === 'trigger'));
      this.#alterTables(changed, gone);
    }
    this.#placeObjects();
    for (const name of VALUES) {
      if (this.#wanted.values[name] !== this.#now.values[name]) {
        this.#sql.db.exec(`PRAGMA ${name} = ${this.#wanted.values[name]}`);
      }
    }
    const [emptied, widened, converted, failed] = [this.#emptied, this.#widened, this.#converted, this.#failed];
    const ids = new Set(gone.map(({ id }) => id));
    return { schema: this.#reached(), emptied, widened, converted, gone: ids, failed };
  }

  #alterTables(changed: readonly SchemaTable[], gone: readonly SchemaTable[]): void {
    for (const table of gone) this.#run(`DROP TABLE ${quoted(this.#calledLast(table))}`);
    this.#renameTables(changed);
    for (const table of changed) {
      const own = this.#now.tables.get(table.id);
      if (this.#failed.has(table.id)) continue;
      if (own === undefined) this.#try(table, () => this.#create(table));
      else if (!this.#try(table, () => this.#alterColumns(own, table)))
        this.#try(table, () => this.#rebuild(own, table));
    }
    // What ALTER made of it is looked at: SQLite's text must say what was meant.
    const reached = this.#reached();
    for (const table of this.#wanted.tables.values()) {
      const own = reached.tables.get(table.id);
      if (own !== undefined && !sameTable(own, table) && !this.#failed.has(table.id)) {
        this.#try(table, () => this.#rebuild(own, table));
      }
    }
  }

  /** Under the name that it had last, it takes the keys that name it along. They are made anew where that is another's. */
  #calledLast({ id, name }: SchemaTable): string {
    const last = this.#wanted.gone.get(id)?.name ?? name;
    const isRenamed =
      last !== name && this.#try(null, () => this.#run(`ALTER TABLE ${quoted(name)} RENAME TO ${quoted(last)}`));
    return isRenamed ? last : name;
  }

  /** Names may change places: whoever's new name is another's goes there by way of one that nobody has. */
  #renameTables(changed: readonly SchemaTable[]): void {
    const renamed = changed.flatMap((table) => {
      const own = this.#now.tables.get(table.id);
      return own !== undefined && own.name !== table.name ? [{ from: own.name, to: table.name }] : [];
    });
    const done = this.#try(null, () => {
      for (const { from, to } of this.#byWayOf(renamed)) {
        this.#run(`ALTER TABLE ${quoted(from)} RENAME TO ${quoted(to)}`);
      }
    });
    for (const { id, name } of done ? [] : changed) {
      if (this.#now.tables.get(id)?.name !== name) this.#failed.set(id, 'it cannot be renamed');
    }
  }

  #byWayOf(renamed: readonly { from: string; to: string }[]): { from: string; to: string }[] {
    const taken = new Set(renamed.map(({ from }) => folded(from)));
    if (!renamed.some(({ to }) => taken.has(folded(to)))) return [...renamed];
    const ways = renamed.map(({ from, to }) => ({ from, to, by: `_tieout_way_${this.#names++}` }));
    return [...ways.map(({ from, by }) => ({ from, to: by })), ...ways.map(({ by, to }) => ({ from: by, to }))];
  }

  #create(table: SchemaTable): void {
    this.#run(createTable(table, this.#wanted));
    this.#emptied.add(table.id);
  }

  /** Throws where ALTER cannot do it. */
  #alterColumns(own: SchemaTable, table: SchemaTable): void {
    const on = `ALTER TABLE ${quoted(table.name)}`;
    const wanted = new Map(table.columns.map((column) => [column.id, column]));
    this.#dropIndexes(table);
    for (const { id, name } of own.columns) if (!wanted.has(id)) this.#run(`${on} DROP COLUMN ${quoted(name)}`);
    const renamed = own.columns.flatMap(({ id, name }) => {
      const to = wanted.get(id)?.name;
      return to !== undefined && to !== name ? [{ from: name, to }] : [];
    });
    for (const { from, to } of this.#byWayOf(renamed)) {
      this.#run(`${on} RENAME COLUMN ${quoted(from)} TO ${quoted(to)}`);
    }
    const known = new Map(own.columns.map((column) => [column.id, column]));
    const added = table.columns.filter(({ id }) => !known.has(id));
    const reset = table.columns.filter(({ id, initial }) => isReset(known.get(id), initial));
    for (const { name, definition, initial } of added) {
      this.#run(`${on} ADD COLUMN ${quoted(name)} ${spelled(definition, 'none', table, this.#wanted) ?? ''}`);
      // The default may have become another since.
      if (!sameValue(defaultOf(this.#sql, table.name, name), initial)) this.#reset(table.name, name, initial);
    }
    for (const { name, initial } of reset) this.#reset(table.name, name, initial);
    const written = [...added, ...reset].map(({ id }) => id);
    if (written.length > 0) this.#widened.set(table.id, new Set(written));
  }

  #reset(table: string, column: string, initial: Value): void {
    this.#sql.run(`UPDATE ${quoted(table)} SET ${quoted(column)} = ${parameter(initial)}`, [initial]);
  }

  /** SQLite's own way, with the rows where they are. */
  #rebuild(own: SchemaTable, table: SchemaTable): void {
    const before = this.#columnsNow(table.name);
    this.#run(createTable(table, this.#wanted, REBUILT));
    const stored = this.#columnsNow(REBUILT);
    const rowid = this.#rowidOf(own, table);
    const [into, from, values]: [string[], string[], Value[]] = [[], [], []];
    if (rowid !== null) {
      into.push(rowid);
      from.push(rowid);
    }
    const known = new Map(own.columns.map((column) => [column.id, column]));
    const added = new Set<string>();
    const converted = new Set<string>();
    for (const { id, name, initial } of table.columns) {
      const is = stored.get(folded(name));
      if (is === undefined) continue;
      // An ALTER that went halfway is undone: the columns have the names that they had.
      const column = known.get(id);
      const source = isReset(column, initial) ? undefined : before.get(folded(column?.name ?? ''));
      into.push(quoted(name));
      from.push(source === undefined ? parameter(initial) : quoted(source.name));
      if (source === undefined) {
        values.push(initial);
        added.add(id);
      } else if (affinityOf(source.type) !== affinityOf(is.type)) converted.add(id);
    }
    const sequence = this.#sequenceOf(table.name);
    try {
      this.#sql.run(
        `INSERT INTO ${REBUILT} (${into.join(', ')}) SELECT ${from.join(', ')} FROM ${quoted(table.name)}`,
        values,
      );
      if (added.size > 0) this.#widened.set(table.id, added);
      if (converted.size > 0) this.#converted.set(table.id, converted);
    } catch (error) {
      if (((error as { errcode?: number }).errcode ?? 0) % 256 !== CONSTRAINT) throw error;
      // Not all rows fit any more: which of them stay is decided row by row.
      this.#emptied.add(table.id);
    }
    this.#run(`DROP TABLE ${quoted(table.name)}`);
    this.#run(`ALTER TABLE ${REBUILT} RENAME TO ${quoted(table.name)}`);
    if (sequence !== null && this.#sequenceOf(table.name) !== null) {
      this.#sql.run('UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?', [sequence, table.name]);
    }
  }

  /** Columns that take values, by folded name. */
  #columnsNow(table: string): Map<string, { name: string; type: string }> {
    const found = this.#sql.all(`SELECT name, type FROM pragma_table_xinfo(${literal(table)}) WHERE hidden = 0`);
    return new Map(found.map(([name, type]) => [folded(String(name)), { name: String(name), type: String(type) }]));
  }

  /** Where rows are told apart by a rowid that is no column, they keep it. */
  #rowidOf(own: SchemaTable, table: SchemaTable): string | null {
    const without = this.#sql.one(
      `SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND wr AND name IN (${literal(table.name)}, ${literal(REBUILT)})`,
    );
    const names = new Set([...own.columns, ...table.columns].map(({ name }) => folded(name)));
    const isAlias = this.#sql.one(
      `SELECT count(*) FROM pragma_table_xinfo(${literal(REBUILT)}) WHERE pk > 0 AND lower(type) = 'integer'`,
    );
    if (without !== 0n || isAlias === 1n) return null;
    return ['rowid', '_rowid_', 'oid'].find((name) => !names.has(name)) ?? null;
  }

  #sequenceOf(table: string): bigint | null {
    if (this.#sql.one("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence')") !== 1n) return null;
    const seq = this.#sql.one('SELECT seq FROM sqlite_sequence WHERE name = ?', [table]);
    return typeof seq === 'bigint' ? seq : null;
  }

  /** Indexes that are to go, or to be others, stand in the way of DROP COLUMN. */
  #dropIndexes(table: SchemaTable): void {
    const isInTheWay = (object: SchemaObject): boolean =>
      object.table === table.id && this.#wanted.objects.get(objectName(object))?.text !== object.text;
    this.#drop([...this.#now.objects.values()].filter((object) => object.type === 'index' && isInTheWay(object)));
  }

  #drop(objects: readonly SchemaObject[]): void {
    for (const { type, name } of objects) {
      this.#run(`DROP ${type === 'virtual' ? 'TABLE' : type.toUpperCase()} IF EXISTS ${quoted(name)}`);
    }
  }

  #placeObjects(): void {
    const { objects: there } = this.#reached();
    const isAsWanted = (name: string): boolean => {
      const [own, wanted] = [there.get(name), this.#wanted.objects.get(name)];
      return own?.text === wanted?.text && own?.table === wanted?.table && own?.unique === wanted?.unique;
    };
    this.#drop([...there.values()].filter((object) => !isAsWanted(objectName(object))));
    for (const [name, object] of this.#wanted.objects) {
      if (isAsWanted(name)) continue;
      const create = createObject(object, this.#wanted);
      if (create === null) continue;
      this.#try(object.table === null ? null : (this.#wanted.tables.get(object.table) ?? null), () => {
        try {
          this.#run(create);
        } catch (error) {
          const table = this.#wanted.tables.get(object.table ?? '');
          const isBroken = ((error as { errcode?: number }).errcode ?? 0) % 256 === CONSTRAINT;
          if (!isBroken || table === undefined) throw error;
          // Rows that cannot all stay under this index: which of them do is decided row by row.
          this.#run(`DELETE FROM ${quoted(table.name)}`);
          this.#run(create);
          this.#emptied.add(table.id);
        }
      });
    }
  }

  /** What is there now, by the ids that are meant. */
  #reached(): Schema {
    const left = [...this.#now.tables].filter(([id]) => this.#failed.has(id));
    const known: Schema = { ...this.#wanted, tables: new Map([...this.#wanted.tables, ...left]) };
    const { now } = schemaDifference({
      known,
      actual: readActual(this.#sql),
      numbers: this.#numbers,
      defaultOf: () => null,
      isOurs: true,
    });
    const { gone, byName, retired } = this.#wanted;
    return { ...now, gone, byName, retired };
  }

  /** Statements of colleagues: never more than one. */
  #run(statement: string): void {
    this.#sql.db.prepare(statement).run();
  }

  #try(table: SchemaTable | null, work: () => void): boolean {
    this.#sql.db.exec('SAVEPOINT tieout_schema');
    try {
      work();
      this.#sql.db.exec('RELEASE tieout_schema');
      if (table !== null) this.#failed.delete(table.id);
      return true;
    } catch (error) {
      if (isLost(error) || !this.#sql.db.isTransaction) throw error;
      this.#sql.db.exec('ROLLBACK TO tieout_schema; RELEASE tieout_schema');
      if (table !== null) this.#failed.set(table.id, (error as Error).message);
      return false;
    }
  }
}

/** Two people added one column with different values for the rows that were there: one of these counts. */
function isReset(column: SchemaColumn | undefined, initial: Value): boolean {
  return column !== undefined && !sameValue(column.initial, initial);
}

/** Not the schema's fault: disk, memory, a lock. */
function isLost(error: unknown): boolean {
  const code = ((error as { errcode?: number }).errcode ?? 0) % 256;
  return [5, 6, 7, 8, 10, 11, 13, 14].includes(code);
}
