/**
 * A user's database while it is open: its tables, the statements on them, our marks in it. Notices when the application
 * has changed the schema.
 */
import { pathToFileURL } from 'node:url';
import type { Problem } from '../../core/problem.ts';
import type { Table } from '../../core/tables.ts';
import type { FileFacts } from '../../platform/ports.ts';
import { defaultOf, readActual, readValues } from '../schema/actual.ts';
import { type Altered, alterSchema } from '../schema/altering.ts';
import { type Difference, schemaDifference } from '../schema/difference.ts';
import { markWrites, readKnown, writeKnown } from '../schema/known.ts';
import { formerReferences, isRekeyed, kindWrite, namingOf, settled } from '../schema/noted-naming.ts';
import { NO_SCHEMA, type Schema, VALUES } from '../schema/schema.ts';
import { type Choices, NO_CHOICES } from '../settings/choices.ts';
import { readNoted, writeNoted } from '../settings/noted.ts';
import type { DatabaseSettings } from '../settings.ts';
import { UserConnection } from './connection.ts';
import { describeTables } from './describe.ts';
import { notSynced } from './full-text.ts';
import { leaksOf, withoutTriggers } from './leaks.ts';
import { createPosition } from './position.ts';
import { RowSql } from './row-sql.ts';
import { literal, type Statements } from './sql.ts';
import { strangeTables } from './strange.ts';
import {
  areMarked,
  installTriggers,
  markWidth,
  notCompared,
  removeTriggers,
  setCompared,
  setTakenIn,
  tableNumbers,
  takenIn,
  widthOf,
} from './triggers.ts';

/** The name of the base while it is attached. */
export const BASE = '_tieout_base';

export class OpenFile {
  readonly connection: UserConnection;
  readonly sql: Statements;
  readonly facts: FileFacts | undefined;
  readonly #settings: DatabaseSettings;
  #tables = new Map<string, Table>();
  #rowSql = new Map<string, RowSql>();
  #numbers = new Map<number, string>();
  #byTable = new Map<string, number>();
  #leaks = new Map<string, readonly string[]>();
  #schemaVersion = -1;
  #isAltered = false;
  #hasBase = false;
  #schema: Schema = NO_SCHEMA;
  #choices: Choices = NO_CHOICES;
  readonly #reference: () => Schema | null;
  width = 0;
  /** SQLite's data_version when all tables were compared last. */
  comparedAt = Number.NaN;
  /** Tables that were not marked for a while: what happened in them shows only by comparing all rows. */
  readonly unmarked = new Set<string>();
  /** Tables that were left out until now, and are compared: what the file lacks of them is to be placed. */
  readonly takenIn = new Set<string>();
  /** Tables that this file has not had before: what colleagues wrote to them was kept, and is to be placed now. */
  readonly fresh = new Set<string>();
  problems: readonly Problem[] = [];

  /** `reference`: the schema that is known elsewhere, for a file that says nothing of its own; null: it is as it is. */
  constructor(
    path: string,
    settings: DatabaseSettings,
    facts: FileFacts | undefined,
    reference: () => Schema | null = () => null,
  ) {
    this.#reference = reference;
    this.connection = new UserConnection(path, 'rw');
    this.sql = this.connection.sql;
    this.facts = facts;
    this.#settings = settings;
  }

  get tables(): ReadonlyMap<string, Table> {
    return this.#tables;
  }

  /** Are its tables, as they are known, marked? */
  get isFollowed(): boolean {
    return markWidth(this.sql) > 0 && areMarked(this.sql, [...this.#tables.values()]);
  }

  /** As the application left it, and as it was noted. */
  get schema(): Schema {
    return this.#schema;
  }

  close(): void {
    this.connection.close();
  }

  schemaMoved(): boolean {
    if (this.connection.schemaVersion() !== this.#schemaVersion) return true;
    // SQLite counts these for no change of the schema.
    const values = readValues(this.sql);
    return VALUES.some((name) => values[name] !== this.#schema.values[name]);
  }

  tableOf(num: number): Table | undefined {
    const id = this.#numbers.get(num);
    return id === undefined ? undefined : this.#tables.get(id);
  }

  numberOf(table: Table): number {
    return this.#byTable.get(table.id) as number;
  }

  sqlOf(table: Table): RowSql {
    const known = this.#rowSql.get(table.id);
    if (known) return known;
    const made = new RowSql(this.sql, table, this.connection.encoding);
    this.#rowSql.set(table.id, made);
    return made;
  }

  /**
   * Reads the schema and puts marks where there are none; what the application changed in it is marked, too. Takes the
   * write lock only if something is missing. Throws SQLITE_BUSY when the application holds it.
   */
  follow(): void {
    if (this.#look().isNew || !this.#isMarked()) this.write(() => this.#install());
    this.#count();
    for (const id of notCompared(this.sql)) if (this.#isFollowed(id)) this.unmarked.add(id);
    for (const id of takenIn(this.sql)) if (this.#isFollowed(id)) this.takenIn.add(id);
  }

  /** What is in it of ours says nothing of the database that it is now: another one's, of which it is a copy, say. */
  followAnew(): void {
    this.write(() => removeTriggers(this.sql));
    for (const noted of [this.unmarked, this.takenIn, this.fresh]) noted.clear();
    this.follow();
  }

  #isFollowed(id: string): boolean {
    const table = this.#tables.get(id);
    return table !== undefined && table.left !== true;
  }

  /** Its names are numbers by the settings: the rows that it has keep their ids. */
  #isNumbered({ id, kind }: Table): boolean {
    return kind === 'number' && this.#choices.get(id)?.numbered === true;
  }

  /** By which settings this file is followed. */
  get choices(): Choices {
    return this.#choices;
  }

  /** Follows it by other settings from now on, in the caller's transaction. */
  choose(choices: Choices): void {
    this.#isAltered = true;
    const before = this.#tables;
    this.#choices = choices;
    writeNoted(this.sql, choices);
    this.#take(this.#schema, describeTables(this.sql, this.#settings, this.#schema, choices));
    installTriggers(this.sql, [...this.#tables.values()]);
    this.#count();
    for (const table of this.#tables.values()) this.#takeIn(table, before.get(table.id));
  }

  /** What was left out differs from what is shown, and that is no reason to change it: each copy had its own. */
  #takeIn(table: Table, before: Table | undefined): void {
    if (table.left) {
      this.unmarked.delete(table.id);
      this.takenIn.delete(table.id);
    } else if (before?.left) {
      setTakenIn(this.sql, table.id);
      this.takenIn.add(table.id);
      this.unmarked.add(table.id);
    } else if (table.columns.some(({ left }, at) => !left && before?.columns[at]?.left)) {
      setCompared(this.sql, false, [table.id]);
      this.unmarked.add(table.id);
    }
  }

  /** Brings the schema to this one, in the caller's transaction. What is not written is told as a problem. */
  alter(wanted: Schema): Altered {
    this.#isAltered = true;
    const tables = [...wanted.tables.values()].map((table) => {
      const own = this.#schema.tables.get(table.id);
      return { ...table, kind: table.kind ?? own?.kind ?? null, key: table.key ?? own?.key ?? null };
    });
    const keyed = { ...wanted, tables: new Map(tables.map((table) => [table.id, table])) };
    const altered = alterSchema(this.sql, this.#schema, keyed, tableNumbers(this.sql));
    const described = describeTables(this.sql, this.#settings, altered.schema, this.#choices);
    this.#take(settled(altered.schema, described), described);
    installTriggers(this.sql, [...this.#tables.values()]);
    writeKnown(this.sql, this.#schema);
    this.#count();
    const notAltered = [...altered.failed].map(([id, why]) =>
      cannotAlter(wanted.tables.get(id)?.name ?? id, this.connection.path, why),
    );
    this.problems = [...this.problems, ...notAltered];
    return altered;
  }

  /** What it could not be brought to before is wanted no longer. */
  hasShownSchema(): void {
    if (this.problems.length > 0) this.problems = this.problems.filter(({ code }) => code !== NOT_ALTERED);
  }

  #install(): void {
    const { writes, doubtful } = this.#look();
    // Which tables were not marked for a while is seen before they are.
    this.#isMarked();
    for (const id of doubtful) if (this.#isFollowed(id)) this.unmarked.add(id);
    createPosition(this.sql);
    const known = markWidth(this.sql) === 0 ? new Set() : new Set(tableNumbers(this.sql).values());
    for (const id of this.#tables.keys()) if (!known.has(id)) this.fresh.add(id);
    installTriggers(this.sql, [...this.#tables.values()]);
    markWrites(this.sql, writes);
    writeKnown(this.sql, this.#schema);
    setCompared(this.sql, false, this.unmarked);
  }

  #count(): void {
    this.#numbers = tableNumbers(this.sql);
    this.#byTable = new Map([...this.#numbers].map(([num, id]) => [id, num]));
    this.width = markWidth(this.sql);
    this.#schemaVersion = this.connection.schemaVersion();
  }

  /** Runs `work` under the write lock, or throws SQLITE_BUSY at once. */
  write<T>(work: () => T): T {
    this.sql.db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.sql.db.exec('COMMIT');
      return result;
    } catch (error) {
      this.rollback();
      throw error;
    }
  }

  /** False: it cannot be, and is to be read through its own connection. It is let go with the end of the transaction. */
  attachBase(path: string): boolean {
    if (this.#hasBase) return true;
    try {
      this.sql.db.exec(`ATTACH ${literal(`${pathToFileURL(path).href}?mode=ro&immutable=1`)} AS ${BASE}`);
      this.#hasBase = true;
    } catch (error) {
      // Another encoding, say: the base is older than the file.
      if ((error as { errcode?: number }).errcode === undefined) throw error;
    }
    return this.#hasBase;
  }

  #letBaseGo(): void {
    if (!this.#hasBase) return;
    try {
      this.sql.db.exec(`DETACH ${BASE}`);
      this.#hasBase = false;
    } catch (error) {
      // Somebody has not read to the end: the next time.
      if ((error as { errcode?: number }).errcode === undefined) throw error;
    }
  }

  rollback(): void {
    if (this.sql.db.isTransaction) this.sql.db.exec('ROLLBACK');
    this.#letBaseGo();
    // The schema that was altered is back.
    if (this.#isAltered) this.#schemaVersion = -1;
    this.#isAltered = false;
  }

  committed(): void {
    this.#letBaseGo();
    this.#isAltered = false;
  }

  /** Runs `work` with those triggers on these tables taken out that would act although we ignore them. */
  withoutLeaks(tables: Iterable<string>, work: () => void): void {
    const names = new Set([...tables].flatMap((table) => this.#leaks.get(table) ?? []));
    if (withoutTriggers(this.sql, names, work)) this.#schemaVersion = this.connection.schemaVersion();
  }

  /** What is there, and what of it is new since it was last noted. */
  #look(): Pick<Difference, 'writes' | 'doubtful'> & { readonly isNew: boolean } {
    const noted = readKnown(this.sql);
    this.#choices = readNoted(this.sql);
    const known = noted ?? this.#reference();
    const source = {
      known: known ?? NO_SCHEMA,
      actual: readActual(this.sql),
      numbers: markWidth(this.sql) === 0 ? new Map<number, string>() : tableNumbers(this.sql),
      // What was there at the beginning is the base.
      defaultOf: (table: string, column: string) => (known === null ? null : defaultOf(this.sql, table, column)),
    };
    let difference = schemaDifference(source);
    const describe = (): Table[] => describeTables(this.sql, this.#settings, difference.now, this.#choices);
    let described = describe();
    const rekeyed = described
      .filter((table) => isRekeyed(difference.now, table) && !this.#isNumbered(table))
      .map(({ name }) => name);
    const isMade = ({ id }: Table): boolean => known !== null && !known.tables.has(id);
    if (rekeyed.length > 0 || described.some(isMade)) {
      const namedBy = new Map(described.map((table) => [table.name, namingOf(table)]));
      difference = schemaDifference({ ...source, rekeyed: new Set(rekeyed), namedBy });
      described = describe();
    }
    const now = settled(difference.now, described);
    this.#take(now, described);
    const ids = new Set(described.flatMap(({ id, name }) => (rekeyed.includes(name) ? [id] : [])));
    const kinds = [...now.tables.values()].filter(({ id }) => !source.known.tables.has(id)).map(kindWrite);
    const writes =
      known === null ? [] : [...difference.writes, ...kinds, ...formerReferences(difference.writes, now, described)];
    return { writes, doubtful: new Set([...difference.doubtful, ...ids]), isNew: noted === null || writes.length > 0 };
  }

  #take(schema: Schema, described: readonly Table[]): void {
    const problems: Problem[] = notSynced(schema, this.connection.path);
    const tables = new Map<string, Table>();
    this.#schema = schema;
    this.#rowSql = new Map();
    this.#leaks = new Map();
    for (const table of described) {
      const at = table.key[0]?.at;
      if (table.kind !== 'name' && at !== undefined) {
        this.connection.keyNames.add((table.columns[at]?.name ?? '').toLowerCase());
      }
    }
    const strange = strangeTables(this.sql);
    for (const table of described) {
      try {
        if (strange.has(table.name)) throw new Error(strange.get(table.name));
        this.#leaks.set(table.id, leaksOf(this.connection, table));
        tables.set(table.id, table);
      } catch (error) {
        problems.push(cannotFollow(table, this.connection.path, error));
      }
    }
    this.#tables = tables;
    this.problems = problems;
  }

  #isMarked(): boolean {
    const marked = new Set(
      this.sql
        .all("SELECT tbl_name FROM sqlite_schema WHERE type = 'trigger' AND name GLOB '_tieout_*_i'")
        .map(([name]) => name as string),
    );
    const width = markWidth(this.sql);
    const tables = [...this.#tables.values()];
    for (const table of tables) {
      if (table.left) continue;
      if (!marked.has(table.name) || width < widthOf(table)) this.unmarked.add(table.id);
    }
    const isPositioned =
      this.sql.one(`SELECT count(*) FROM sqlite_schema WHERE name = ${literal('_tieout_position')}`) === 1n;
    return isPositioned && width > 0 && tables.every((table) => width >= widthOf(table)) && areMarked(this.sql, tables);
  }
}

const NOT_ALTERED = 'table-not-altered';

function cannotAlter(table: string, path: string, why: string): Problem {
  return {
    code: NOT_ALTERED,
    text: `The table ${table} could not be brought to the definition that colleagues gave it: ${why}.`,
    remedy: 'It is tried again. Rows that need it wait.',
    path,
  };
}

function cannotFollow(table: Table, path: string, error: unknown): Problem {
  return {
    code: 'table-not-followed',
    text: `The table ${table.name} cannot be followed: ${(error as Error).message}.`,
    remedy: 'Its edits stay on this computer. The other tables of this database are not affected.',
    path,
  };
}
