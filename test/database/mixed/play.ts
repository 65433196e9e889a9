/** Plays a story with the shipping engine on real databases, and judges it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { ProblemError } from '../../../src/core/problem.ts';
import { resolveConflicts } from '../../../src/database/conflicts/resolving.ts';
import { bringingBack, droppedBy } from '../../../src/database/history/bringing-back.ts';
import { replacedBy, undoing } from '../../../src/database/history/undoing.ts';
import { changingSettings } from '../../../src/database/settings/changing.ts';
import { type Copy, DB, Office, withDatabase } from '../copies.ts';
import { assertAtRest, happen } from '../histories.ts';
import { contentOf } from '../schema-content.ts';
import { type Author, statementsOf } from './edits.ts';
import { type Run, runEdits, runStatements } from './programs.ts';
import { HALVES, PAIR } from './schema.ts';
import { altersSchema } from './schema-edits.ts';
import { allTakenIn, settingOf } from './settings.ts';
import type { Action, Story } from './story.ts';
import { Witness } from './witness.ts';

export interface Outcome {
  /** What did not hold, each by its first line alike whoever and whatever it concerns. */
  readonly violations: readonly string[];
  readonly trace: readonly string[];
}

const SHOWING: readonly Action['kind'][] = ['apply', 'crash', 'stumble', 'undo', 'choose', 'set'];

export function play(story: Story): Outcome {
  const trace: string[] = [];
  const world = new World(story, trace);
  try {
    world.play();
    return { violations: [], trace };
  } catch (error) {
    const { message, stack } = error as Error;
    const where = error instanceof assert.AssertionError ? '' : `\n${stack?.split('\n').slice(1, 6).join('\n')}`;
    return { violations: [`${message.slice(0, 1500)}${where}`], trace };
  } finally {
    world.close();
  }
}

class World {
  readonly #story: Story;
  readonly #trace: string[];
  readonly #witness = new Witness();
  #office: Office | undefined;
  #count = 0;

  constructor(story: Story, trace: string[]) {
    this.#story = story;
    this.#trace = trace;
  }

  close(): void {
    this.#office?.close();
  }

  play(): void {
    const { story, office } = { story: this.#story, office: this.#begin() };
    for (const copy of office.copies) this.#witness.attend(copy);
    for (const action of story.actions) {
      this.#act(office, action);
      // Whatever else is done, nothing is shown to programs by it.
      if (SHOWING.includes(action.kind)) this.#assertWhole(office.copies[action.copy] as Copy);
    }
    this.#trace.push('settle');
    office.settle();
    this.#takeAllIn(office);
    this.#assertSound(office);
  }

  /** What is left out is each copy's own: only what is followed by all can be equal. */
  #takeAllIn(office: Office): void {
    const [first] = office.copies as [Copy];
    const changes = allTakenIn(first.engine.tables);
    if (changes.length === 0) return;
    this.#trace.push(`0: ${JSON.stringify(changes)}`);
    assert.equal(first.engine.edit(changingSettings(changes)), 'done');
    office.settle();
    // A column of a table that was left out, too.
    this.#takeAllIn(office);
  }

  #begin(): Office {
    const { schema, base, copies, journal } = this.#story;
    const author = this.#author(-1);
    const fill = (db: DatabaseSync): void => {
      db.exec(`PRAGMA journal_mode = ${journal}; PRAGMA foreign_keys = ON; BEGIN`);
      for (const sql of [...PAIR, ...schema]) this.#try(db, sql);
      for (const edit of base) for (const sql of statementsOf(db, edit, author)) this.#try(db, sql);
      // What was broken before is none of ours.
      try {
        db.exec('COMMIT');
      } catch {
        db.exec('ROLLBACK; BEGIN');
        for (const sql of [...PAIR, ...schema]) this.#try(db, sql);
        db.exec('COMMIT');
      }
    };
    this.#office = new Office(fill, copies);
    withDatabase(this.#office.basePath, (db) => db.prepare('VACUUM INTO ?').run(this.#alone));
    return this.#office;
  }

  /** Statements of a story from which some were left out may have lost what they speak of. */
  #try(db: DatabaseSync, sql: string): void {
    db.exec('SAVEPOINT one');
    try {
      db.exec(sql);
      this.#trace.push(sql);
    } catch {
      db.exec('ROLLBACK TO one');
    }
    db.exec('RELEASE one');
  }

  /** A database that nobody follows, in which everything is done, too. */
  get #alone(): string {
    return join((this.#office as Office).folder, 'alone.db');
  }

  #author(copy: number): Author {
    return { copy, isApart: this.#story.isApart, next: () => ++this.#count };
  }

  #act(office: Office, action: Action): void {
    const at = office.copies[action.copy] as Copy;
    switch (action.kind) {
      case 'run':
        return this.#run(at, action);
      case 'undo':
      case 'choose':
      case 'set':
        this.#trace.push(`${action.copy}: ${action.kind}`);
        return this.#personal(at, action);
      case 'pull':
        this.#trace.push(`${action.copy}: pull ${action.count} from ${action.from}`);
        return happen(office, action);
      default:
        this.#trace.push(`${action.copy}: ${action.kind}`);
        if (action.kind === 'restore') this.#witness.replaced(at);
        return happen(office, action);
    }
  }

  #run(at: Copy, { copy, by, edits }: Extract<Action, { kind: 'run' }>): void {
    const { isApart, isMinding } = this.#story;
    const done = runEdits(at.path, isApart ? 'node' : by, edits, this.#author(copy), isMinding);
    this.#witness.committed(at);
    this.#trace.push(`${copy}: run by ${by}`, ...done.map(toldOf));
    if (!isApart) return;
    const altering = edits.some(({ kind }) => altersSchema(kind));
    const alone = runStatements(
      this.#alone,
      done.map(({ statement }) => statement),
      isMinding,
      altering,
    );
    assert.deepEqual(alone, done, 'a program gets another answer than without us');
  }

  /** What a person does through us, for which everything that arrived is applied first. */
  #personal(at: Copy, action: Extract<Action, { kind: 'undo' | 'choose' | 'set' }>): void {
    at.work();
    const edits = action.kind === 'undo' ? undoOf(at, action.at) : [() => this.#chosen(at, action)];
    for (const made of edits) {
      const edit = made();
      if (edit === null) continue;
      try {
        assert.equal(at.engine.edit(edit), 'done', 'a person has to wait though all was captured');
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error;
      }
      if (edits.length > 1) at.work();
    }
  }

  #chosen(at: Copy, action: Extract<Action, { kind: 'undo' | 'choose' | 'set' }>): PersonalEdit | null {
    if (action.kind === 'choose') return choiceOf(at, action.at, action.with);
    const change = settingOf(at.engine.tables, action.at, action.with);
    if (change !== null) this.#trace.push(`  ${JSON.stringify(change)}`);
    return change === null ? null : changingSettings([change]);
  }

  #assertWhole(copy: Copy): void {
    const halves = withDatabase(copy.path, (db) => db.prepare(HALVES).all());
    assert.deepEqual(halves, [], 'half of a transaction is shown');
  }

  #assertSound(office: Office): void {
    const { isApart, isMinding } = this.#story;
    assertAtRest(office, contentOf, [office.copies.at(-1) as Copy]);
    for (const copy of office.copies) {
      assert.deepEqual(copy.engine.problems, [], 'there are problems');
      this.#assertWhole(copy);
      if (isMinding) assert.deepEqual(copy.query('PRAGMA foreign_key_check'), [], 'references are broken');
    }
    assert.deepEqual(this.#witness.lost(office), [], 'values are lost');
    if (!isApart) return;
    const [first] = office.copies as [Copy];
    const met = first.conflicts().filter(({ moved }) => moved === undefined);
    assert.deepEqual(met, [], 'conflicts where nobody met');
    assert.deepEqual(sortedContent(first.path), sortedContent(this.#alone), 'not as in one database');
  }
}

type PersonalEdit = Parameters<Copy['engine']['edit']>[0];

/** What the change dropped first, then its rows: each looks at what the one before has left. */
function undoOf(at: Copy, back: number): (() => PersonalEdit | null)[] {
  const { changes } = at.log;
  const change = changes.at(-1 - (back % Math.max(1, changes.length)));
  if (change === undefined) return [];
  const of = { copy: change.copy, seq: change.seq };
  const dropped = droppedBy(DB, at.log, at.engine.shown(), { change: of });
  const rows = () => undoing(of, replacedBy(DB, at.log, at.engine.shown(), { change: of }), () => {});
  return dropped.length === 0 ? [rows] : [() => bringingBack(dropped), rows];
}

/** The pair (schema.ts) is left alone: a person may well choose half of a transaction. */
function choiceOf(at: Copy, which: number, candidate: number): PersonalEdit | null {
  const conflicts = at.conflicts().filter(({ table, candidates }) => !table.startsWith('tx_') && candidates.length > 0);
  const conflict = conflicts[which % Math.max(1, conflicts.length)];
  const chosen = conflict?.candidates[candidate % conflict.candidates.length];
  return conflict === undefined || chosen === undefined
    ? null
    : resolveConflicts(DB, [{ conflict: conflict.id, candidate: chosen.id }]);
}

function toldOf({ statement, refused }: Run): string {
  return `  ${statement}${refused === null ? '' : `  -- ${refused.trim()}`}`;
}

/** All rows, whatever the order of their columns. */
function sortedContent(path: string): Record<string, string[]> {
  return withDatabase(path, (db) => {
    const names = db
      .prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_tieout%' ESCAPE '\\' AND name NOT LIKE 'sqlite%' ORDER BY 1",
      )
      .all()
      .map(({ name }) => String(name));
    return Object.fromEntries(
      names.map((name) => {
        const select = db.prepare(`SELECT * FROM "${name}"`);
        select.setReadBigInts(true);
        const rows = select.all().map((row) =>
          JSON.stringify(
            Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)),
            plain,
          ),
        );
        return [name, rows.sort()];
      }),
    );
  });
}

function plain(_: string, item: unknown): unknown {
  return typeof item === 'bigint' ? `${item}n` : item;
}
