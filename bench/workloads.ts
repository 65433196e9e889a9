/**
 * What the benchmarks work on. Seeded, made once into a folder of the computer's temporary folder, copied from there.
 *
 * W1: 2,000 documents, log-normal sizes (median 118 KiB, sigma 1.38, 10 KiB to 20 MiB), together 604 MB, half random
 *     bytes, half text; and engagement.db, 50 MB. 40 folders.
 * W2: 50,000 small documents of 1 to 8 KiB in 500 folders, half random bytes, half text.
 */
import { constants, cpSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { seeded } from '../examples/engagement/money.ts';

export const w1 = { documents: 2_000, make: () => cached('w1', makeW1) };
export const w2 = { documents: 50_000, make: () => cached('w2', makeW2) };
/** records.db alone: 50,000 records of 8 fields, in WAL. */
export const records = { rows: 50_000, make: () => cached('records', makeRecords) };
/** The same with 250,000, with a million, and 1 GB of them: each some 90 bytes, in the last 1,000. */
export const manyRecords = { rows: 250_000, make: () => cached('many-records', (to) => makeRecords(to, 250_000)) };
export const millionRecords = { rows: 1_000_000, make: () => cached('million', (to) => makeRecords(to, 1_000_000)) };
export const gigabyteOfRecords = { make: () => cached('gigabyte', makeGigabyte) };

const KIB = 1024;
const MIB = 1024 * KIB;
/** Raise it when what is made below changes. */
const EDITION = 1;

/** A fresh copy that may be worked in. */
export function copyOf(workload: { make(): string }, to: string): string {
  cpSync(workload.make(), to, { recursive: true, preserveTimestamps: true, mode: constants.COPYFILE_FICLONE });
  return to;
}

/** Put under its name only when it is complete. */
function cached(name: string, make: (folder: string) => void): string {
  const folder = join(tmpdir(), 'tieout-workloads', `${name}-${EDITION}`);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.${process.pid}`;
  console.error(`making workload ${name} in ${folder} (once)`);
  mkdirSync(unfinished, { recursive: true });
  make(unfinished);
  renameSync(unfinished, folder);
  return folder;
}

function makeW1(folder: string): void {
  const chance = seeded(W1_SEED);
  sizesOfW1().forEach((size, index) => {
    const place = join(folder, `${String(Math.floor(index / 50)).padStart(2, '0')}-section`);
    mkdirSync(place, { recursive: true });
    const name = `doc${String(index).padStart(4, '0')}`;
    if (index % 2 === 0) writeFileSync(join(place, `${name}.xlsx`), randomBytes(size, chance));
    else writeFileSync(join(place, `${name}.csv`), journalText(size, chance));
  });
  makeJournal(join(folder, 'engagement.db'));
}

/** With this seed the sizes add up to the 604 MB of the figures that the peers were measured with. */
const W1_SEED = 538;

export function sizesOfW1(): number[] {
  const chance = seeded(W1_SEED);
  return Array.from({ length: w1.documents }, () => {
    // Box and Muller: two even chances make a normal one
    const normal = Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance());
    const size = Math.floor(118 * KIB * Math.exp(1.38 * normal));
    return Math.min(20 * MIB, Math.max(10 * KIB, size));
  });
}

function makeW2(folder: string): void {
  const chance = seeded(2);
  for (let index = 0; index < w2.documents; index++) {
    const place = join(folder, `d${String(Math.floor(index / 100)).padStart(3, '0')}`);
    if (index % 100 === 0) mkdirSync(place, { recursive: true });
    const size = KIB + Math.floor(chance() * 7 * KIB);
    const content = index % 2 ? randomBytes(size, chance) : journalText(size, chance);
    writeFileSync(join(place, `f${String(index).padStart(5, '0')}.dat`), content);
  }
}

export function randomBytes(size: number, chance: () => number): Buffer {
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let index = 0; index < words.length; index++) words[index] = chance() * 2 ** 32;
  return Buffer.from(words.buffer, 0, size);
}

/** Lines of a journal as a client exports them: compressible, but not trivially so. */
function journalText(size: number, chance: () => number): Buffer {
  const below = (end: number) => Math.floor(chance() * end);
  const lines: string[] = [];
  for (let length = 0; length < size; ) {
    const date = `2025-${String(1 + below(12)).padStart(2, '0')}-${String(1 + below(28)).padStart(2, '0')}`;
    const text = `${word(chance)} ${word(chance)} ${word(chance)}`;
    const side = chance() < 0.5 ? 'D' : 'C';
    const line = `${String(below(1e6)).padStart(6, '0')},${date},${1000 + below(8999)},${text},${(chance() * 1e5).toFixed(2)},${side}\n`;
    lines.push(line);
    length += line.length;
  }
  return Buffer.from(lines.join('').slice(0, size));
}

/** 2,000 accounts and 300,000 journal lines with an index: 50 MB, with SQLite's own journal mode. */
function makeJournal(path: string): void {
  const chance = seeded(7);
  const below = (end: number) => Math.floor(chance() * end);
  const database = new DatabaseSync(path);
  database.exec(`
    PRAGMA synchronous = OFF;
    CREATE TABLE accounts (id INTEGER PRIMARY KEY, code TEXT, name TEXT, type TEXT, balance REAL, note TEXT);
    CREATE TABLE journal (id INTEGER PRIMARY KEY, account_id INTEGER, date TEXT, ref TEXT, description TEXT, debit REAL,
                          credit REAL, preparer TEXT, reviewed INTEGER);
    BEGIN`);
  const account = database.prepare('INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?)');
  for (let id = 1; id <= 2000; id++) {
    const name = `${word(chance)} ${word(chance)}`;
    account.run(id, String(id).padStart(5, '0'), name, 'ALERX'.charAt(below(5)), chance() * 1e6, `note ${id}`);
  }
  const line = database.prepare('INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
  for (let id = 1; id <= 300_000; id++) {
    const amount = Math.round(chance() * 1e7) / 100;
    const [debit, credit] = chance() < 0.5 ? [amount, 0] : [0, amount];
    const date = `2025-${String(1 + below(12)).padStart(2, '0')}-${String(1 + below(28)).padStart(2, '0')}`;
    const ref = below(2 ** 48)
      .toString(16)
      .padStart(16, '0');
    const text = Array.from({ length: 12 }, () => word(chance)).join(' ');
    line.run(id, 1 + below(1999), date, ref, text, debit, credit, `user${String(below(30)).padStart(2, '0')}`, 0);
  }
  database.exec('CREATE INDEX j_acc ON journal (account_id); COMMIT');
  database.close();
}

function makeRecords(folder: string, rows = records.rows): void {
  const chance = seeded(50);
  const database = new DatabaseSync(join(folder, 'records.db'));
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF');
  const fields = Array.from({ length: 8 }, (_, index) => `f${index} TEXT NOT NULL`).join(', ');
  database.exec(`CREATE TABLE record (id INTEGER PRIMARY KEY, ${fields}); BEGIN`);
  const insert = database.prepare('INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
  for (let id = 1; id <= rows; id++) insert.run(id, ...Array.from({ length: 8 }, () => word(chance)));
  database.exec('COMMIT');
  database.close();
}

/** A million rows of 1,000 bytes, half of which are text. */
function makeGigabyte(folder: string): void {
  const chance = seeded(1000);
  const database = new DatabaseSync(join(folder, 'records.db'));
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF');
  database.exec('CREATE TABLE record (id INTEGER PRIMARY KEY, title TEXT, text TEXT, scan BLOB); BEGIN');
  const insert = database.prepare('INSERT INTO record VALUES (?, ?, ?, ?)');
  for (let id = 1; id <= 1_000_000; id++) {
    const text = Array.from({ length: 55 }, () => word(chance)).join(' ');
    insert.run(id, `${word(chance)} ${id}`, text, randomBytes(500, chance));
  }
  database.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
}

const WORDS =
  'cash receivable inventory revenue expense accrual deferred audit sample ledger journal voucher tax lease equity liability debit credit review materiality'.split(
    ' ',
  );

function word(chance: () => number): string {
  return WORDS[Math.floor(chance() * WORDS.length)] ?? '';
}
