/** Schemas of all kinds, as a seed has them: statements that make one database. */
import type { Chance } from '../../sim/chance.ts';

/**
 * Two tables that every schema has beside its own. Whoever writes to one writes the same to the other in one
 * transaction: where they differ, somebody was shown half a transaction.
 */
export const PAIR = [
  'CREATE TABLE tx_debit (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT, amount INTEGER)',
  'CREATE TABLE tx_credit (text TEXT PRIMARY KEY, amount INTEGER)',
];
export const HALVES = `SELECT d.text, d.amount, c.amount FROM tx_debit d FULL JOIN tx_credit c ON c.text = d.text
  WHERE d.text IS NOT c.text OR d.amount IS NOT c.amount`;

const NAMES = ['client', 'entry', 'line', 'tag', 'note', 'order', 'odd name', 'Tax'] as const;

interface Made {
  readonly name: string;
  /** Columns that a reference may name, one set after the other. */
  readonly keys: readonly (readonly string[])[];
}

/**
 * Each statement stands by itself, so that a failing story may do without some. Where edits are to stay apart, no row is
 * the only one that may refer to another: two people could not know whether somebody else has it already.
 */
export function schemaOf(chance: Chance, isApart: boolean): string[] {
  const made: Made[] = [];
  const after: string[] = [];
  const count = chance.whole(2, 5);
  const names = [...NAMES];
  const statements: string[] = [];
  for (let index = 0; index < count; index++) {
    const name = names.splice(chance.whole(0, names.length - 1), 1)[0] as string;
    const { sql, keys, indexes } = tableOf(chance, name, made, isApart);
    statements.push(sql);
    after.push(...indexes);
    made.push({ name, keys });
  }
  if (chance.happens(0.25)) after.push(triggerOf(chance, made));
  if (chance.happens(0.2))
    after.push(`CREATE VIEW seen AS SELECT o, count(*) AS n FROM ${quoted(made[0]?.name)} GROUP BY o`);
  return [...statements, ...after];
}

export function quoted(name: string | undefined): string {
  return `"${String(name).replaceAll('"', '""')}"`;
}

/** `o`: whose row it is, where edits are to stay apart. */
function tableOf(
  chance: Chance,
  name: string,
  made: readonly Made[],
  isApart: boolean,
): { sql: string; keys: string[][]; indexes: string[] } {
  const kind = chance.weighed({
    integer: 4,
    auto: 3,
    text: 3,
    nocase: 1,
    pair: 2,
    none: 2,
    real: 0.5,
    same: isApart ? 0 : 1.5,
    linked: 1.5,
  });
  const columns: string[] = [];
  const constraints: string[] = [];
  const keys: string[][] = [];
  let end = '';
  switch (kind) {
    case 'integer':
    case 'auto':
      columns.push(`id INTEGER PRIMARY KEY${kind === 'auto' ? ' AUTOINCREMENT' : ''}`);
      keys.push(['id']);
      break;
    case 'text':
    case 'nocase':
      columns.push(
        `k TEXT PRIMARY KEY${kind === 'nocase' ? ' COLLATE NOCASE' : ''}${chance.happens(0.5) ? ' NOT NULL' : ''}`,
      );
      keys.push(['k']);
      if (chance.happens(0.3)) end = ' WITHOUT ROWID';
      break;
    case 'real':
      columns.push('k REAL PRIMARY KEY');
      keys.push(['k']);
      break;
    case 'pair':
      columns.push('a INTEGER', 'b TEXT');
      constraints.push('PRIMARY KEY (a, b)');
      keys.push(['a', 'b']);
      if (chance.happens(0.5)) end = ' WITHOUT ROWID';
      break;
    case 'linked': {
      // A key that refers by a value which is no key does not follow where that is given away.
      const byNumber = !isApart && chance.happens(0.5);
      const other = made.find(({ keys: [key] }) => key?.[0] === 'k' || (byNumber && key?.[0] === 'id'));
      columns.push(
        `a ${other ? `NOT NULL REFERENCES ${quoted(other.name)} (${other.keys[0]})${actionsOf(chance)}` : 'INTEGER NOT NULL'}`,
        'b TEXT',
      );
      constraints.push('PRIMARY KEY (a, b)');
      if (chance.happens(0.5)) end = ' WITHOUT ROWID';
      break;
    }
    case 'same': {
      // A client is a person, and has the person's number.
      const other = made.find(({ keys: [key] }) => key?.[0] === 'id');
      columns.push(
        `id INTEGER PRIMARY KEY${other ? ` REFERENCES ${quoted(other.name)} (id)${actionsOf(chance)}` : ''}`,
      );
      keys.push(['id']);
      break;
    }
    case 'none':
      break;
    default:
      kind satisfies never;
  }
  columns.push('o INTEGER', `w TEXT${chance.happens(0.2) ? " NOT NULL DEFAULT 'none'" : ''}`);
  const indexes = columnsOf(chance, name, made, isApart, columns, constraints, keys);
  return { sql: `CREATE TABLE ${quoted(name)} (${[...columns, ...constraints].join(', ')})${end}`, keys, indexes };
}

/** Adds to `columns`, `constraints` and `keys`; answers with indexes. */
function columnsOf(
  chance: Chance,
  name: string,
  made: readonly Made[],
  isApart: boolean,
  columns: string[],
  constraints: string[],
  keys: string[][],
): string[] {
  const indexes: string[] = [];
  const index = (sql: string): void => void indexes.push(`CREATE ${sql.replace('@', `ON ${quoted(name)}`)}`);
  const id = name.replaceAll(' ', '_');
  if (chance.happens(0.35)) {
    columns.push('no INTEGER UNIQUE');
    keys.push(['no']);
  }
  if (chance.happens(0.35)) {
    columns.push(`label TEXT UNIQUE${chance.happens(0.4) ? ' COLLATE NOCASE' : ''}`);
    keys.push(['label']);
  }
  const self = keys[0]?.length === 1 && chance.happens(0.15) ? [{ name, keys: [keys[0]] }] : [];
  for (const other of [...made, ...self]) {
    if (!chance.happens(0.45) || other.keys.length === 0) continue;
    const key = chance.one(other.keys);
    const own = key.map((column) => `r_${other.name.replaceAll(' ', '_')}_${column}`);
    const isRequired = key.length === 1 && other.name !== name && chance.happens(0.15);
    const isUnique = !isApart && key.length === 1 && other.name !== name && chance.happens(0.2);
    columns.push(
      ...own.map((column) => `${quoted(column)}${isRequired ? ' NOT NULL' : ''}${isUnique ? ' UNIQUE' : ''}`),
    );
    if (isUnique) keys.push(own);
    constraints.push(`FOREIGN KEY (${own.map(quoted)}) REFERENCES ${quoted(other.name)} (${key})${actionsOf(chance)}`);
    if (own.length === 1 && chance.happens(0.3)) {
      columns.push('pos INTEGER');
      constraints.push(`UNIQUE (${quoted(own[0])}, pos)`);
      break;
    }
  }
  if (chance.happens(0.4)) {
    columns.push('debit INTEGER DEFAULT 0', 'credit INTEGER DEFAULT 0');
    constraints.push(chance.happens(0.7) ? 'CHECK (debit = 0 OR credit = 0)' : 'CHECK (debit >= credit)');
  } else if (chance.happens(0.6))
    columns.push(`amount ${chance.one(['INTEGER', 'REAL', 'NUMERIC', 'REAL CHECK (amount < 900000)'])}`);
  if (chance.happens(0.4)) columns.push(chance.one(['v', 'v BLOB', 'v DEFAULT 7', 'v TEXT COLLATE NOCASE']));
  if (chance.happens(0.15)) columns.push(chance.one(["twice AS (w || '!')", 'twice TEXT AS (upper(w)) STORED']));
  if (chance.happens(0.2)) index(`UNIQUE INDEX ${id}_some @ (w) WHERE o = 1`);
  else if (chance.happens(0.15)) index(`UNIQUE INDEX ${id}_lower @ (lower(w), o)`);
  if (chance.happens(0.2)) index(`INDEX ${id}_by_w @ (w)`);
  return indexes;
}

function actionsOf(chance: Chance): string {
  const removed = chance.one([
    '',
    '',
    ' ON DELETE CASCADE',
    ' ON DELETE SET NULL',
    ' ON DELETE RESTRICT',
    ' ON DELETE SET DEFAULT',
  ]);
  const moved = chance.one(['', '', ' ON UPDATE CASCADE', ' ON UPDATE SET NULL']);
  return `${removed}${moved}${chance.happens(0.3) ? ' DEFERRABLE INITIALLY DEFERRED' : ''}`;
}

function triggerOf(chance: Chance, made: readonly Made[]): string {
  const [from, to] = [chance.one(made), chance.one(made)];
  const event = chance.one(['UPDATE OF w', 'INSERT', 'DELETE']);
  return `CREATE TRIGGER app_trigger AFTER ${event} ON ${quoted(from.name)} BEGIN UPDATE ${quoted(to.name)} SET o = coalesce(o, 0) + 1; END`;
}
