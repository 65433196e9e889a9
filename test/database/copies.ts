/** Copies of one database for tests: real SQLite files, real engines, logs in memory. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { body as bodyCodec, withSeen } from '../../src/core/body.ts';
import { stampAt } from '../../src/core/clock.ts';
import { decode } from '../../src/core/codec.ts';
import { at, type CopyId, includes, type Vector, withEntry } from '../../src/core/vector.ts';
import { adopt, makeBase } from '../../src/database/base-making.ts';
import { type DatabaseConflict, listConflicts } from '../../src/database/conflicts/conflicts.ts';
import { DatabaseEngine } from '../../src/database/engine.ts';
import type { ChangeSource, SourceChange } from '../../src/database/folding/source.ts';
import type { Appended, AppendRequest } from '../../src/database/host.ts';
import type { FileFacts } from '../../src/platform/ports.ts';
import { ROWS } from '../../src/store/row-state.ts';
import { openStore } from '../../src/store/sqlite.ts';

export const DB = '00112233aabbccdd';

const PIECE = 61;
/** Copies for random histories: one that holds all rows of a step in memory, and others that hold next to none. */
export const HELD: readonly (number | undefined)[] = [undefined, 2, 1, undefined, 3];

type Logged = SourceChange & { readonly bytes: Uint8Array };

/** A log in memory, causally closed like the real one. */
export class MemoryLog implements ChangeSource {
  readonly changes: Logged[] = [];
  wholeBytes = 1_000_000;
  #vector: Vector = new Map();

  vector(): Vector {
    return this.#vector;
  }

  after(vector: Vector, { limit }: { limit: number }): SourceChange[] {
    return this.changes.filter(({ copy, seq }) => at(vector, copy) < seq).slice(0, limit);
  }

  body(change: SourceChange): Uint8Array {
    return this.changes.find(({ copy, seq }) => copy === change.copy && seq === change.seq)!.bytes;
  }

  /** Cut where it hurts: most ops lie over a border. */
  *pieces(change: SourceChange): Generator<Uint8Array> {
    const bytes = this.body(change);
    const size = this.wholeBytes < 10_000 ? PIECE : 65_536;
    for (let from = 0; from < bytes.byteLength; from += size) yield bytes.subarray(from, from + size);
  }

  add(change: Logged): void {
    if (at(this.#vector, change.copy) >= change.seq) return;
    if (!includes(this.#vector, change.deps)) throw new Error('not in causal order');
    this.changes.push(change);
    this.#vector = withEntry(this.#vector, change.copy, change.seq);
  }

  append(copy: CopyId, stamp: number, { bytes, rest, seen }: AppendRequest): Appended {
    const deps = this.#vector;
    if (rest !== undefined) return this.#appendWhole(copy, stamp, [bytes, ...(rest as Iterable<Uint8Array>)]);
    const pending = this.after(seen, { limit: 1 }).length > 0;
    const seq = at(deps, copy) + 1;
    const kept = pending ? withSeen(bytes, seen) : bytes;
    this.add({ copy, seq, deps, stamp, size: kept.byteLength, bytes: kept });
    return { copy, seq, stamp };
  }

  #appendWhole(copy: CopyId, stamp: number, pieces: readonly Uint8Array[]): Appended {
    const [deps, bytes] = [this.#vector, Buffer.concat(pieces)];
    const seq = at(deps, copy) + 1;
    this.add({ copy, seq, deps, stamp, size: bytes.byteLength, bytes });
    return { copy, seq, stamp };
  }

  /** Takes what `from` has and this lacks: the first `count` of it. */
  pull(from: MemoryLog, count = Number.POSITIVE_INFINITY): void {
    let taken = 0;
    for (const change of from.changes) {
      if (taken >= count) return;
      if (at(this.#vector, change.copy) >= change.seq || !includes(this.#vector, change.deps)) continue;
      this.add(change);
      taken += 1;
    }
  }

  ops() {
    return this.changes.map(({ bytes }) => {
      const read = decode(bodyCodec, bytes);
      return read.kind === 'database' ? read.ops : [];
    });
  }
}

export class Office {
  readonly folder = mkdtempSync(join(tmpdir(), 'tieout-database-'));
  readonly basePath = join(this.folder, 'base.db');
  readonly copies: Copy[] = [];
  settings = '';
  clock = 1_000_000;

  /** Publishes a database made by `make`, with `count` copies of it; some may hold fewer rows in memory than others. */
  constructor(make: string | ((db: DatabaseSync) => void), count = 2, held: readonly (number | undefined)[] = []) {
    const first = join(this.folder, 'copy0.db');
    withDatabase(first, (db) => (typeof make === 'string' ? db.exec(make) : make(db)));
    this.settings = makeBase({ id: DB, path: first, basePath: this.basePath }, copyId(0)).settings;
    for (let index = 0; index < count; index++) {
      const path = join(this.folder, `copy${index}.db`);
      if (index > 0) {
        copyFileSync(this.basePath, path);
        adopt({ id: DB, path, basePath: this.basePath, settings: this.settings }, copyId(index));
      }
      this.copies.push(new Copy(this, index, path, held[index]));
    }
  }

  /** Everybody captures, exchanges and applies until nothing happens. */
  settle(): void {
    for (let round = 0; round < 20; round++) {
      const before = this.copies.map(({ log }) => log.changes.length).join();
      for (const copy of this.copies) copy.work();
      for (const to of this.copies) for (const from of this.copies) to.log.pull(from.log);
      for (const copy of this.copies) copy.work();
      if (before === this.copies.map(({ log }) => log.changes.length).join()) return;
    }
    throw new Error('the copies never come to rest');
  }

  close(): void {
    for (const copy of this.copies) copy.engine.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function copyId(index: number): CopyId {
  return index.toString(16).padStart(2, '0').repeat(16);
}

export class Copy {
  readonly office: Office;
  readonly id: CopyId;
  readonly path: string;
  readonly log = new MemoryLog();
  rows = openStore(':memory:', ROWS);
  engine: DatabaseEngine;
  /** Rows that its engine holds in memory. */
  readonly heldRows: number | undefined;

  constructor(office: Office, index: number, path: string, heldRows?: number) {
    this.office = office;
    this.heldRows = heldRows;
    if (heldRows !== undefined) this.log.wholeBytes = heldRows * 40;
    this.id = copyId(index);
    this.path = path;
    this.engine = this.#start();
  }

  #start(): DatabaseEngine {
    const { settings, basePath } = this.office;
    return new DatabaseEngine({
      database: { id: DB, path: this.path, basePath, settings },
      copy: this.id,
      rows: this.rows,
      source: this.log,
      facts: factsOf,
      heldRows: this.heldRows,
    });
  }

  /** As after a crash of the process; `forget`: rows.db is gone, too. */
  restart(forget = false): void {
    this.engine.close();
    if (forget) this.rows = openStore(':memory:', ROWS);
    this.engine = this.#start();
  }

  /** The file commits, rows.db does not. */
  failNextCommit(): void {
    const { state } = this.engine;
    state.commit = () => {
      this.stopFailing();
      throw new Error('injected');
    };
  }

  stopFailing(): void {
    Reflect.deleteProperty(this.engine.state, 'commit');
  }

  /** An application's own SQLite commits this. */
  run(sql: string): void {
    withDatabase(this.path, (db) => db.exec(sql));
  }

  /** An application that minds its constraints: foreign keys are on, and what is refused is left out. */
  runMinding(statements: readonly string[]): void {
    withDatabase(this.path, (db) => {
      db.exec('PRAGMA foreign_keys = ON; BEGIN');
      for (const sql of statements) {
        try {
          db.exec(sql);
        } catch (error) {
          if (!/constraint/i.test(String(error))) throw error;
        }
      }
      try {
        db.exec('COMMIT');
      } catch {
        db.exec('ROLLBACK');
      }
    });
  }

  /** The same by the sqlite3 command of the system, which tells what was refused and goes on. */
  cliMinding(statements: readonly string[]): void {
    const input = `PRAGMA foreign_keys = ON; BEGIN;\n${statements.join(';\n')};\nCOMMIT;`;
    try {
      execFileSync('sqlite3', [this.path], { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
    } catch (error) {
      if (!/constraint/i.test(String(error))) throw error;
    }
  }

  /** `run`, by the sqlite3 command of the system. */
  cli(sql: string): string {
    return execFileSync('sqlite3', ['-bail', this.path], { input: sql, encoding: 'utf8' });
  }

  query(sql: string): unknown[][] {
    return withDatabase(this.path, (db) => {
      const statement = db.prepare(sql);
      statement.setReturnArrays(true);
      statement.setReadBigInts(true);
      return statement.all() as unknown as unknown[][];
    });
  }

  /** Captures what is there; true if that made a change. */
  capture(stamp = ++this.office.clock): boolean {
    for (let turn = 0; turn < 10; turn++) {
      const step = this.engine.capture();
      if (step.kind === 'nothing') return false;
      if (step.kind === 'apply') this.engine.apply();
      else {
        this.engine.captured(this.log.append(this.id, stampAt(stamp), step.request));
        return true;
      }
    }
    throw new Error('capture never comes to an end');
  }

  /** Captures and applies until nothing is left to do. */
  work(): void {
    for (let turn = 0; turn < 50; turn++) {
      const captured = this.capture();
      const step = this.engine.apply();
      if (!captured && step.kind === 'nothing') return;
    }
    throw new Error('a copy never comes to rest');
  }

  conflicts(): readonly DatabaseConflict[] {
    return listConflicts(DB, this.engine.shown());
  }
}

export function withDatabase<T>(path: string, use: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(path, { timeout: 1000, enableForeignKeyConstraints: false });
  try {
    return use(db);
  } finally {
    db.close();
  }
}

export function factsOf(path: string): FileFacts | undefined {
  try {
    const stats = statSync(path, { bigint: true });
    return {
      kind: 'file',
      size: Number(stats.size),
      mtimeNs: stats.mtimeNs,
      changedNs: stats.ctimeNs,
      inode: String(stats.ino),
      device: String(stats.dev),
    };
  } catch {
    return undefined;
  }
}

/** What all copies hold, which must be the same; their foreign keys hold. */
export function everywhere(office: Office, sql: string): unknown[][] {
  const [first] = office.copies as [Copy];
  for (const copy of office.copies) {
    assert.deepEqual(copy.query('PRAGMA foreign_key_check'), []);
    assert.deepEqual(copy.query(sql), first.query(sql));
    assert.deepEqual(copy.conflicts(), first.conflicts());
    assert.deepEqual(copy.engine.state.allUnplaced(), []);
  }
  return first.query(sql);
}
