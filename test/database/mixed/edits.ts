/** What people's programs do to a database: statements made for what is there when they run. */
import type { DatabaseSync } from 'node:sqlite';
import type { Chance } from '../../sim/chance.ts';
import { type Column, type Reference, rowAt, type Table, tablesOf, targetAt } from './layout.ts';
import { quoted } from './schema.ts';
import { alteration, type SchemaKind, schemaKinds } from './schema-edits.ts';

const ROWS = {
  insert: 8,
  replace: 2,
  upsert: 1,
  update: 9,
  'update two': 2,
  'update all': 0.5,
  'update or replace': 1,
  key: 1.5,
  swap: 1,
  delete: 3,
  'delete all': 0.3,
  'new pair': 2,
  'edit pair': 1.5,
  'delete pair': 0.5,
} as const;
export type RowKind = keyof typeof ROWS;

export interface Edit {
  readonly kind: RowKind | SchemaKind;
  /** Which table, row and column, by the rest of a division by how many there are. */
  readonly at: number;
  /** Which values. */
  readonly with: number;
}

/** Who edits. */
export interface Author {
  /** -1: before there were copies. */
  readonly copy: number;
  /** Touches and refers to rows of its own only, and writes no value that another copy writes. */
  readonly isApart: boolean;
  /** A number that was never given before. */
  readonly next: () => number;
}

export function editOf(chance: Chance, altering: boolean): Edit {
  const kind = altering && chance.happens(0.3) ? chance.weighed(schemaKinds) : chance.weighed(ROWS);
  return { kind, at: chance.whole(0, 9999), with: chance.whole(0, 9999) };
}

export function insertOf(chance: Chance): Edit {
  return { kind: 'insert', at: chance.whole(0, 9999), with: chance.whole(0, 9999) };
}

/** None where nothing is there to be edited so. */
export function statementsOf(db: DatabaseSync, { kind, at, with: values }: Edit, by: Author): string[] {
  if (kind === 'new pair' || kind === 'edit pair' || kind === 'delete pair') return pairEdits(db, kind, at, values, by);
  const tables = tablesOf(db);
  const table = tables[at % Math.max(1, tables.length)];
  if (table === undefined) return [];
  const draw = drawing(at * 31 + values);
  const edit = new RowEdit(db, table, by, draw);
  switch (kind) {
    case 'insert':
      return edit.insert('INSERT');
    case 'replace':
      return edit.insert('INSERT OR REPLACE');
    case 'upsert':
      return edit.upsert();
    case 'update':
      return edit.update('UPDATE', 1);
    case 'update two':
      return edit.update('UPDATE', 2);
    case 'update all':
      return edit.updateAll();
    case 'update or replace':
      return edit.update('UPDATE OR REPLACE', 1);
    case 'key':
      return edit.key();
    case 'swap':
      return edit.swap();
    case 'delete':
      return edit.delete();
    case 'delete all':
      return by.isApart ? [] : [`DELETE FROM ${quoted(table.name)}`];
    default:
      return alteration(kind, tables, table, draw, by);
  }
}

/** Both halves in one transaction: whoever runs them does. */
function pairEdits(
  db: DatabaseSync,
  kind: 'new pair' | 'edit pair' | 'delete pair',
  at: number,
  values: number,
  by: Author,
): string[] {
  if (kind === 'new pair') {
    const n = by.next();
    const id = by.isApart ? `${by.copy * 100_000 + n}` : 'NULL';
    return [
      `INSERT INTO tx_debit VALUES (${id}, 'p${n} of ${by.copy}', ${n}); INSERT INTO tx_credit VALUES ('p${n} of ${by.copy}', ${n})`,
    ];
  }
  const own = by.isApart ? `WHERE text LIKE '% of ${by.copy}'` : '';
  const texts = db.prepare(`SELECT text FROM tx_credit ${own} ORDER BY text`).all();
  if (texts.length === 0) return [];
  const where = `WHERE text = '${texts[at % texts.length]?.text}'`;
  if (kind === 'delete pair') return [`DELETE FROM tx_debit ${where}; DELETE FROM tx_credit ${where}`];
  const amount = 1000 + values;
  return [`UPDATE tx_debit SET amount = ${amount} ${where}; UPDATE tx_credit SET amount = ${amount} ${where}`];
}

class RowEdit {
  readonly #db: DatabaseSync;
  readonly #table: Table;
  readonly #by: Author;
  readonly #draw: () => number;
  readonly #from: string;

  constructor(db: DatabaseSync, table: Table, by: Author, draw: () => number) {
    this.#db = db;
    this.#table = table;
    this.#by = by;
    this.#draw = draw;
    this.#from = quoted(table.name);
  }

  get #own(): string {
    return this.#by.isApart ? `o = ${this.#by.copy}` : '1';
  }

  #row(): string | null {
    return rowAt(this.#db, this.#table, this.#draw(), this.#own, this.#by.isApart);
  }

  insert(verb: string): string[] {
    const values = this.#values();
    if (values.size === 0) return [];
    return [`${verb} INTO ${this.#from} (${[...values.keys()].map(quoted)}) VALUES (${[...values.values()]})`];
  }

  upsert(): string[] {
    const key = this.#table.columns.filter(({ pk }) => pk > 0).map(({ name }) => quoted(name));
    const [insert] = this.insert('INSERT');
    const [column] = this.#others();
    if (insert === undefined || key.length === 0 || column === undefined) return [];
    return [`${insert} ON CONFLICT (${key}) DO UPDATE SET ${quoted(column.name)} = excluded.${quoted(column.name)}`];
  }

  update(verb: string, count: number): string[] {
    const row = this.#row();
    const set = new Map<string, string>();
    for (let n = 0; n < count; n++) for (const [name, value] of this.#assignment()) set.set(name, value);
    if (row === null || set.size === 0) return [];
    return [`${verb} ${this.#from} SET ${[...set].map(([name, value]) => `${quoted(name)} = ${value}`)} WHERE ${row}`];
  }

  updateAll(): string[] {
    const column = this.#table.columns.find(({ name, pk }) => pk === 0 && ['amount', 'v', 'w'].includes(name));
    if (column === undefined) return [];
    return [
      `UPDATE ${this.#from} SET ${quoted(column.name)} = ${this.#value(column)} WHERE ${this.#own} AND ${this.#draw() % 3} < 2`,
    ];
  }

  key(): string[] {
    const row = this.#row();
    const columns = this.#table.columns.filter(({ pk }) => pk > 0);
    const column = columns[this.#draw() % Math.max(1, columns.length)];
    if (row === null || column === undefined || this.#isReference(column)) return [];
    return [`UPDATE ${this.#from} SET ${quoted(column.name)} = ${this.#value(column)} WHERE ${row}`];
  }

  /** Two rows take each other's value, by way of one that nobody has. */
  swap(): string[] {
    const column = this.#others().find(({ name }) => name === 'no' || name === 'label' || name === 'w');
    const rows = [this.#row(), this.#row()];
    if (column === undefined || rows[0] === null || rows[1] === null || rows[0] === rows[1]) return [];
    const name = quoted(column.name);
    const values = rows.map(
      (row) => this.#db.prepare(`SELECT quote(${name}) AS is_now FROM ${this.#from} WHERE ${row}`).get()?.is_now,
    );
    const between = column.type === 'INTEGER' ? -this.#by.next() : `'between ${this.#by.next()}'`;
    return [
      [
        `UPDATE ${this.#from} SET ${name} = ${between} WHERE ${rows[0]}`,
        `UPDATE ${this.#from} SET ${name} = ${values[0]} WHERE ${rows[1]}`,
        `UPDATE ${this.#from} SET ${name} = ${values[1]} WHERE ${rows[0]?.replace(`${name} IS ${values[0]}`, `${name} IS ${between}`)}`,
      ].join('; '),
    ];
  }

  delete(): string[] {
    const row = this.#row();
    return row === null ? [] : [`DELETE FROM ${this.#from} WHERE ${row}`];
  }

  #others(): Column[] {
    return this.#table.columns.filter(({ pk, name }) => pk === 0 && name !== 'o');
  }

  #isReference({ name }: Column): boolean {
    return this.#table.references.some(({ from }) => from.includes(name));
  }

  /** One column, or all of one reference. */
  #assignment(): Map<string, string> {
    const others = this.#by.isApart ? this.#others() : this.#table.columns.filter(({ pk }) => pk === 0);
    const column = others[this.#draw() % Math.max(1, others.length)];
    if (column === undefined) return new Map();
    const reference = this.#table.references.find(({ from }) => from.includes(column.name));
    if (reference !== undefined) return this.#reference(reference, column.isRequired);
    if (column.name === 'credit' && this.#draw() % 2 === 0)
      return new Map([
        ['debit', '0'],
        ['credit', this.#value(column)],
      ]);
    return new Map([[column.name, this.#value(column)]]);
  }

  #reference({ from, ...to }: Reference, isRequired: boolean): Map<string, string> {
    const isNone = !isRequired && this.#draw() % 5 === 0;
    const among = this.#by.isApart ? `(o IS NULL OR ${this.#own})` : '1';
    const target = isNone ? null : targetAt(this.#db, { from, ...to }, this.#draw(), among);
    return new Map(from.map((name, index) => [name, target?.[index] ?? 'NULL']));
  }

  #values(): Map<string, string> {
    const { columns, references } = this.#table;
    const values = new Map<string, string>();
    for (const reference of references) {
      const first = columns.find(({ name }) => name === reference.from[0]);
      for (const [name, value] of this.#reference(reference, first?.isRequired ?? false)) values.set(name, value);
    }
    const isSingle = columns.filter(({ pk }) => pk > 0).length === 1;
    for (const column of columns) {
      const { name, type, pk } = column;
      if (values.has(name)) continue;
      if (name === 'o')
        values.set(name, this.#by.copy < 0 ? 'NULL' : `${this.#by.isApart ? this.#by.copy : this.#draw() % 3}`);
      // SQLite hands the number out.
      else if (pk > 0 && isSingle && type === 'INTEGER' && !this.#by.isApart && this.#draw() % 3 > 0) continue;
      else if (name === 'debit' || name === 'credit') {
        if (!values.has('debit') || this.#draw() % 4 === 0)
          values.set(name, name === 'debit' ? this.#value(column) : '0');
      } else if (pk > 0 || this.#draw() % 6 > 0) values.set(name, this.#value(column));
    }
    return values;
  }

  #value({ name, type, pk, isRequired }: Column): string {
    const n = this.#by.next();
    const pick = this.#draw();
    if (this.#by.isApart) return apartValue(type, this.#by.copy, n, pick);
    if (!isRequired && pk === 0 && pick % 11 === 0) return 'NULL';
    if (name === 'k')
      return type === 'REAL' ? `${(pick % 6) / 2}` : `'${['k1', 'k2', 'K2', 'k3', 'k4', 'ä'][pick % 6]}'`;
    if (name === 'b') return `'${'xyz'[pick % 3]}'`;
    if (name === 'label') return pick % 3 === 0 ? `'v${n}x'` : `'${['One', 'one', 'Two', 'New', 'New (2)'][pick % 5]}'`;
    if (name === 'o') return `${pick % 3}`;
    if (type === 'INTEGER') return `${pick % 8 === 0 ? n : 1 + (pick % 7)}`;
    if (type === 'TEXT') return pick % 4 === 0 ? (["'same'", "'it''s'", "''", "'1'"][pick % 3] as string) : `'v${n}x'`;
    return ['1', '1.0', "'1'", '2.5', "x'00ff'", `'v${n}x'`, '9007199254740993', "'V'", '-0.0'][pick % 9] as string;
  }
}

function apartValue(type: string, copy: number, n: number, pick: number): string {
  const own = copy < 0 ? n : copy * 100_000 + n;
  if (type === 'INTEGER') return `${own}`;
  if (type === 'TEXT') return `'v${n}x of ${copy}'`;
  if (type === 'REAL') return `${own}.5`;
  return [`'v${n}x of ${copy}'`, `${own}`, `${own}.25`, `x'00${n.toString(16).padStart(8, '0')}'`][pick % 4] as string;
}

/** A row of numbers from one (mulberry32). */
function drawing(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % 1_000_003;
  };
}
