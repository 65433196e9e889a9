/** The databases of one copy in the caller's own process: what the child runs, and what the seeded world drives. */
import { assert, ProblemError } from '../core/problem.ts';
import type { Vector } from '../core/vector.ts';
import type { Clock, FileFacts, Random } from '../platform/ports.ts';
import { adopt, idOf, makeBase } from './base-making.ts';
import { BrokenRows } from './conflicts/broken-rows.ts';
import { listConflicts } from './conflicts/conflicts.ts';
import { resolveConflicts } from './conflicts/resolving.ts';
import { DerivedRows } from './derived-rows.ts';
import { detachDatabase, stillLocked } from './detaching.ts';
import { StateDigest } from './digesting.ts';
import { DatabaseEngine } from './engine.ts';
import { isBusy, problemOf, rowsRenewed } from './file/failing.ts';
import { quoted } from './file/sql.ts';
import type { ChangeSource } from './folding/source.ts';
import { Follower } from './follower.ts';
import { bringingBack, droppedBy } from './history/bringing-back.ts';
import { readHistory } from './history/history.ts';
import { replacedBy, type UndoneRows, undoing } from './history/undoing.ts';
import type {
  BaseMade,
  Choice,
  DatabaseConflict,
  DatabaseDescription,
  DatabaseEvents,
  Databases,
  DatabasesOptions,
  HistoryEntry,
  HistoryQuery,
  OpenDatabase,
  Setting,
  SettingChange,
  Undone,
  UndoQuery,
} from './host.ts';
import { changingSettings } from './settings/changing.ts';
import { listSettings } from './settings/listing.ts';

export interface LocalDatabasesOptions extends DatabasesOptions {
  readonly source: ChangeSource;
  readonly events: DatabaseEvents;
  readonly clock: Clock;
  readonly random: Random;
  readonly facts: (path: string) => FileFacts | undefined;
  /** No error when it is not there. Without it a damaged rows.db stays a problem. */
  readonly removeFile?: (path: string) => void;
}

const PATIENCE_MS = 10_000;
const WAIT_MS = 20;

export class LocalDatabases implements Databases {
  readonly #options: LocalDatabasesOptions;
  readonly #rows: DerivedRows;
  readonly #followers = new Map<string, Follower>();
  /** By database: what is done with its follower, to its end. */
  readonly #turns = new Map<string, Promise<void>>();
  readonly #broken: BrokenRows;
  /** rows.db was found damaged: until nobody uses it any more, and it is made anew. */
  #renewing: Promise<void> | null = null;

  constructor(options: LocalDatabasesOptions) {
    this.#options = options;
    this.#rows = new DerivedRows(options.rowsPath, options.removeFile);
    this.#broken = new BrokenRows(options.clock);
  }

  makeBase(request: { id: string; path: string; basePath: string }): Promise<BaseMade> {
    return asked(request.path, () => this.#patiently(() => makeBase(request, this.#options.copy)));
  }

  adopt(request: OpenDatabase): Promise<void> {
    return asked(request.path, () => adopt(request, this.#options.copy));
  }

  idOf(path: string): Promise<string | null> {
    const { copy, renamings = [] } = this.#options;
    const names = new Set([copy, ...renamings.map(({ from }) => from)]);
    return asked(path, () => this.#patiently(() => idOf(path, names)));
  }

  open(database: OpenDatabase): Promise<void> {
    return this.#inTurn(database.id, () => this.#open(database));
  }

  close(id: string): Promise<void> {
    return this.#inTurn(id, () => this.#close(id));
  }

  /** One after the other: two followers of one database would both write what is folded of it. */
  #inTurn(id: string, work: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(id) ?? Promise.resolve()).then(work);
    this.#turns.set(
      id,
      turn.catch(() => {}),
    );
    return turn;
  }

  async #open(database: OpenDatabase): Promise<void> {
    await this.#close(database.id);
    await this.#renewing;
    const { copy, source, events, clock, random, facts, renamings = [] } = this.#options;
    const makeEngine = () => new DatabaseEngine({ database, copy, rows: this.#rows.db, source, facts, renamings });
    const isOurs = (error: unknown): boolean => this.#renewRowsFor(error);
    this.#followers.set(database.id, new Follower({ database, makeEngine, events, clock, random, facts, isOurs }));
  }

  /** False: rows.db is not why this failed. Otherwise all databases are folded anew, once nobody uses it any more. */
  #renewRowsFor(error: unknown): boolean {
    if (!this.#rows.isToBlame(error)) return false;
    if (this.#renewing !== null) return true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#renewing = promise;
    const paused = [...this.#followers.values()].map((follower) => follower.pause(promise));
    void Promise.all(paused).then(() => {
      // Where this fails the process ends, and all is opened anew by the next one.
      this.#rows.renew();
      this.#renewing = null;
      resolve();
    });
    return true;
  }

  async #close(id: string): Promise<void> {
    const follower = this.#followers.get(id);
    this.#followers.delete(id);
    this.#broken.forget(id);
    await follower?.close();
  }

  poke(id: string): void {
    this.#followers.get(id)?.poke();
  }

  forward(): void {
    for (const follower of this.#followers.values()) follower.forward();
  }

  async settle(ids?: readonly string[]): Promise<boolean> {
    const wanted = [...this.#followers].filter(([id]) => ids === undefined || ids.includes(id));
    const settled = await Promise.all(wanted.map(([, follower]) => follower.settle()));
    return !settled.includes(false);
  }

  conflicts(id: string): Promise<readonly DatabaseConflict[]> {
    const follower = this.#follower(id);
    return this.#askedOf(follower, () =>
      follower.between((engine) => [...listConflicts(id, engine.shown()), ...this.#broken.of(id, engine)]),
    );
  }

  resolve(id: string, choices: readonly Choice[]): Promise<void> {
    const follower = this.#follower(id);
    return this.#askedOf(follower, () => follower.edit(resolveConflicts(id, choices)));
  }

  history(id: string, query: HistoryQuery): Promise<readonly HistoryEntry[]> {
    const follower = this.#follower(id);
    const { source } = this.#options;
    return this.#askedOf(follower, () => follower.between((engine) => readHistory(id, source, engine.shown(), query)));
  }

  undo(id: string, query: UndoQuery): Promise<Undone> {
    const follower = this.#follower(id);
    const { source } = this.#options;
    return this.#askedOf(follower, async () => {
      let undone: UndoneRows = { rows: 0, left: [] };
      await follower.settle();
      const dropped = await follower.between((engine) => droppedBy(id, source, engine.shown(), query));
      // First: rows go where there are tables.
      if (dropped.length > 0) await follower.edit(bringingBack(dropped));
      const replaced = await follower.between((engine) => replacedBy(id, source, engine.shown(), query));
      await follower.edit(
        undoing(query.change, replaced, (told) => {
          undone = told;
        }),
      );
      return { ...undone, schema: dropped.map(({ what }) => what) };
    });
  }

  async settings(id: string): Promise<readonly Setting[]> {
    const follower = this.#follower(id);
    await follower.settle();
    return this.#askedOf(follower, () => follower.between((engine) => listSettings(engine.shown())));
  }

  async changeSettings(id: string, changes: readonly SettingChange[]): Promise<void> {
    const follower = this.#follower(id);
    await this.#askedOf(follower, () => follower.edit(changingSettings(changes)));
    await follower.settle();
  }

  async describe(id: string): Promise<DatabaseDescription> {
    const follower = this.#follower(id);
    await follower.settle();
    return this.#askedOf(follower, () =>
      follower.between((engine) => ({
        id,
        path: follower.database.path,
        vector: engine.vector,
        figures: follower.figures,
        tables: [...engine.tables.values()].map(({ name, kind, columns }) => ({
          name,
          key: kind,
          columns: columns.filter((column) => column.id !== '').map((column) => column.name),
          rows: engine.count(`SELECT count(*) FROM ${quoted(name)}`),
        })),
      })),
    );
  }

  digest(id: string, vector: Vector): Promise<string | null> {
    const follower = this.#follower(id);
    return this.#askedOf(follower, async () => {
      for (const digest = new StateDigest(); ; ) {
        const step = await follower.between((engine) => engine.digest(digest, vector));
        if (step === 'elsewhere') return null;
        if (step !== 'going') return step.hash;
        await new Promise<void>((resolve) => this.#options.clock.after(0, resolve));
      }
    });
  }

  enterRows(id: string, path: string): Promise<Vector> {
    const follower = this.#follower(id);
    return this.#askedOf(follower, () => follower.enterRows(path));
  }

  async detach(path: string): Promise<void> {
    await asked(path, async () => {
      try {
        await this.#patiently(() => detachDatabase(path));
      } catch (error) {
        throw isBusy(error) ? stillLocked(path) : error;
      }
    });
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#turns.keys()].map((id) => this.close(id)));
    this.#rows.close();
  }

  /** Tries again while a program holds the database, for some seconds. */
  async #patiently<T>(work: () => T): Promise<T> {
    const { clock } = this.#options;
    for (const since = clock.monotonic(); ; ) {
      try {
        return work();
      } catch (error) {
        if (!isBusy(error) || clock.monotonic() - since > PATIENCE_MS) throw error;
        await new Promise<void>((resolve) => clock.after(WAIT_MS, resolve));
      }
    }
  }

  #askedOf<T>(follower: Follower, work: () => T | Promise<T>): Promise<T> {
    const { path } = follower.database;
    return asked(path, async () => {
      try {
        return await work();
      } catch (error) {
        throw this.#renewRowsFor(error) ? new ProblemError(rowsRenewed(path), { cause: error }) : error;
      }
    });
  }

  #follower(id: string): Follower {
    const follower = this.#followers.get(id);
    if (follower !== undefined) return follower;
    throw new ProblemError({
      code: 'no-such-database',
      text: 'This database is not open here.',
      remedy: 'See `tieout status` for what is wrong with it.',
    });
  }
}

/** What the outside did becomes a `ProblemError`; what we did wrong stays what it is. */
async function asked<T>(path: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    assert(error instanceof Error, 'something else than an error was thrown');
    throw new ProblemError(problemOf(error, path), { cause: error });
  }
}
