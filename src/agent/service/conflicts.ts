/** What was written without knowledge of each other, and what was written before. */
import type { ChangeId } from '../../core/change.ts';
import { stampMs } from '../../core/clock.ts';
import { ProblemError } from '../../core/problem.ts';
import type { Origin } from '../../core/rows.ts';
import type { Because, DatabaseConflict, HistoryEntry, HistoryQuery } from '../../database/host.ts';
import type { Result, Service } from '../../sdk/contract.ts';
import type { Entry } from '../../store/registry.ts';
import type { Agent } from '../agent.ts';
import type { Copy } from '../copy.ts';
import type { HistoryInfo } from '../documents/history.ts';
import { documentAt } from '../documents/telling.ts';
import { acceptShown } from './accepting.ts';
import { pathIn } from './place.ts';
import { iso } from './time.ts';

type Conflict = Result<'conflicts'>[number];
type Happened = Result<'history'>[number];

export function conflictMethods(agent: Agent): Pick<Service, 'conflicts' | 'resolve' | 'accept' | 'history' | 'undo'> {
  return {
    async conflicts({ folder }) {
      const copy = await agent.copyNamed(folder);
      return [...documentConflicts(copy), ...(await databaseConflicts(copy))];
    },

    async resolve({ folder, conflict, candidate }) {
      for (const copy of await candidatesFor(agent, folder)) {
        for (const { id, conflicts } of await copy.databases.conflicts()) {
          if (!conflicts.some((one) => one.id === conflict)) continue;
          await copy.databases.process.resolve(id, [{ conflict, candidate }]);
          return { id: conflict };
        }
        if (copy.documents.conflicts.list().some(({ id }) => id === conflict)) {
          await copy.documents.conflicts.resolve(conflict, candidate);
          return { id: conflict };
        }
      }
      throw noConflict(conflict);
    },

    async accept({ folder, database, table }, { signal }) {
      const copy = await agent.copyNamed(folder);
      const id = database === undefined ? undefined : databaseNamed(copy, database).id;
      return acceptShown(copy, { database: id, table }, signal);
    },

    async undo({ folder, change, table, key }) {
      const copy = await agent.copyNamed(folder);
      const of = changeNamed(change);
      const database = copy.store.log.get(of)?.subject;
      // What is about the registry has an empty subject: documents have versions.
      if (!database) throw noChange(change);
      const query = { change: of, ...(table === undefined ? {} : { table }), ...(key === undefined ? {} : { key }) };
      const { rows, schema, left } = await copy.databases.process.undo(database, query);
      return { change, rows, schema: [...schema], left: [...left] };
    },

    async history({ path, row, limit = Number.MAX_SAFE_INTEGER }) {
      const copy = await agent.copyNamed(path);
      if (row !== undefined) return rowHistory(copy, row, limit);
      const inFile = pathIn(copy, path);
      const entry = copy.registry.entryAt(inFile);
      if (entry?.kind === 'document') return documentHistory(copy, inFile).slice(0, limit);
      if (entry?.kind === 'database') return databaseHistory(copy, entry, limit);
      const told = await fileHistory(copy, inFile, limit);
      const isFolder = agent.options.filesOf(path).facts('')?.kind === 'folder';
      if (told.length > 0 || isFolder || hasInside(copy, inFile)) return told;
      return formerHistory(copy, inFile, limit);
    },
  };
}

/** COPY:NUMBER, as `history` tells it. */
function changeNamed(text: string): ChangeId {
  const [, copy, seq] = /^([0-9a-f]{32}):([1-9]\d{0,14})$/.exec(text) ?? [];
  if (copy === undefined || seq === undefined) throw noChange(text);
  return { copy, seq: Number(seq) };
}

/** The copy that the caller stands in, or else all of this machine's. */
async function candidatesFor(agent: Agent, folder: string): Promise<Copy[]> {
  try {
    return [await agent.copyNamed(folder)];
  } catch (error) {
    if (!(error instanceof ProblemError) || error.problem.code !== 'not-a-copy') throw error;
    return agent.copies().flatMap((listed) => (listed.kind === 'open' ? [listed.copy] : []));
  }
}

function documentConflicts(copy: Copy): Conflict[] {
  return copy.documents.conflicts.list().map(({ id, kind, path, candidates }) => ({
    id,
    kind,
    database: null,
    table: null,
    key: null,
    column: null,
    path,
    note: null,
    candidates: candidates.map(({ at, ...candidate }) => ({ ...candidate, at: iso(at) })),
  }));
}

async function databaseConflicts(copy: Copy): Promise<Conflict[]> {
  const lists = await copy.databases.conflicts();
  return lists.flatMap(({ path, conflicts }) => conflicts.map((conflict) => told(copy, path, conflict)));
}

function told(copy: Copy, database: string, conflict: DatabaseConflict): Conflict {
  const { id, kind, table, key, column, moved, candidates } = conflict;
  return {
    id,
    kind,
    database,
    table,
    key,
    column,
    path: null,
    note: moved === undefined ? conflict.note : reason(copy, table, column, moved),
    candidates: candidates.map(({ id: candidate, value, by, shown }) => ({
      id: candidate,
      value,
      by: by.length === 0 ? 'at publish' : names(copy, by),
      at: iso(by[0] ? stampMs(by[0].stamp) : 0),
      shown,
    })),
  };
}

function names(copy: Copy, by: readonly Origin[]): string {
  return [...new Set(by.map((one) => copy.makerName(one.copy)))].join(', ');
}

type RowAsked = { database: string } & HistoryQuery;

async function rowHistory(copy: Copy, row: object, limit: number): Promise<Happened[]> {
  const { database, ...asked } = row as RowAsked;
  const entry = databaseNamed(copy, database);
  const { process } = copy.databases;
  const ask = () => process.history(entry.id, { ...asked, limit });
  const entries = await ask().catch(async (error) => {
    if (!(error instanceof ProblemError) || !NEVER_THERE.has(error.problem.code)) throw error;
    // A program may have made it just now.
    await process.settle([entry.id]);
    return ask();
  });
  return entries.map((one) => happened(copy, database, one));
}

/** What a question about a database is refused for (database/history/asked.ts). */
const NEVER_THERE = new Set(['no-table', 'no-column', 'no-row']);

async function databaseHistory(copy: Copy, entry: Entry, limit: number): Promise<Happened[]> {
  const entries = await copy.databases.process.history(entry.id, { limit });
  return entries.map((one) => happened(copy, entry.shown, one));
}

function documentHistory(copy: Copy, path: string, history = copy.documents.history.of(path)): Happened[] {
  return history.map(({ at, by, copy: of, what, from, to }) => ({
    at: iso(at),
    by,
    copy: of ?? copy.facts.copy,
    change: null,
    what: `${path} ${what}`,
    from,
    to,
  }));
}

/** Everything in the folder: the newest of its documents and databases together. */
async function fileHistory(copy: Copy, folder: string, limit: number): Promise<Happened[]> {
  const inside = (path: string): boolean => folder === '' || path.startsWith(`${folder}/`);
  const { history: histories } = copy.documents;
  const past = histories.past();
  const living = [...copy.registry.entries('document')].map(({ shown }) => shown).filter(inside);
  const all = living.flatMap((path) => documentHistory(copy, path, sincePublish(histories.of(path, past))));
  for (const { path, history } of histories.ofDead(past)) {
    if (inside(path)) all.push(...documentHistory(copy, path, sincePublish(history)));
  }
  for (const entry of [...copy.registry.entries('database')].filter(({ shown }) => inside(shown))) {
    all.push(...(await databaseHistory(copy, entry, limit)));
  }
  return newest(all, limit);
}

function hasInside({ registry }: Copy, folder: string): boolean {
  const inside = ({ shown }: Entry): boolean => shown.startsWith(`${folder}/`);
  return registry.entries('document').some(inside) || registry.entries('database').some(inside);
}

/** Of what has another name by now, or is not there any more. Throws a `ProblemError` where there was nothing. */
async function formerHistory(copy: Copy, path: string, limit: number): Promise<Happened[]> {
  const former = copy.documents.history.ofFormer(path);
  if (former.length === 0) documentAt(copy.registry, path);
  const all: Happened[] = [];
  for (const { entry, history } of former) {
    if (entry.kind === 'database' && entry.alive) all.push(...(await databaseHistory(copy, entry, limit)));
    else all.push(...documentHistory(copy, entry.alive ? entry.shown : entry.path, history));
  }
  return newest(all, limit);
}

function newest(all: Happened[], limit: number): Happened[] {
  return all.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0)).slice(0, limit);
}

/** What all were at publish is no news. */
function sincePublish(history: readonly HistoryInfo[]): HistoryInfo[] {
  return history.filter(({ what }) => what !== 'published');
}

function happened(copy: Copy, database: string, entry: HistoryEntry): Happened {
  const { kind, table, key, column, from, to, because } = entry;
  const why = because === null ? '' : `: ${reason(copy, table, column, { from, to, because })}`;
  const place = [table, keyText(key), column ?? ''].filter((part) => part !== '').join(' ');
  return {
    at: iso(stampMs(entry.stamp)),
    by: copy.makerName(entry.copy),
    copy: entry.copy,
    change: `${entry.copy}:${entry.seq}`,
    what: `${kind} ${database} ${place}${why}`,
    from,
    to,
  };
}

function keyText(key: HistoryEntry['key']): string {
  return Object.entries(key)
    .map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(', ');
}

type MovedTo = { readonly from: unknown; readonly to: unknown; readonly because: Because };

/** Why a number became another one. */
function reason(copy: Copy, table: string, column: string | null, { from, to, because }: MovedTo): string {
  const who = because.by === null ? 'was there at publish' : `is ${copy.makerName(because.by)}'s`;
  const other = keyText(because.key);
  return `${table} ${column} ${from} became ${to}, because ${from} is that of ${table} ${other}, which ${who}`;
}

function noConflict(id: string): ProblemError {
  return new ProblemError({
    code: 'no-conflict',
    text: `There is no conflict ${id}.`,
    remedy: 'See `tieout conflicts`; it may have been settled meanwhile.',
  });
}

function noChange(change: string): ProblemError {
  return new ProblemError({
    code: 'no-change',
    text: `There is no change ${change} to a database of this file.`,
    remedy: 'See `tieout history --json`; an older version of a document is made current with `tieout promote`.',
  });
}

/** A database by its path within the file. */
export function databaseNamed(copy: Copy, path: string): Entry {
  const entry = copy.registry.entryAt(path);
  if (entry?.kind !== 'database') throw noDatabase(path);
  return entry;
}

function noDatabase(path: string): ProblemError {
  return new ProblemError({
    code: 'no-database',
    text: `${path} is not a database of this file.`,
    remedy: 'Give its path within the file, as `tieout conflicts` and `tieout history` show it.',
    path,
  });
}
