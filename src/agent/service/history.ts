/** What happened, newest first, and how one change is undone. */
import type { ChangeId } from '../../core/change.ts';
import { stampMs } from '../../core/clock.ts';
import { ProblemError } from '../../core/problem.ts';
import type { HistoryEntry, HistoryQuery } from '../../database/host.ts';
import type { Result, Service } from '../../sdk/contract.ts';
import type { StoredChange } from '../../store/log.ts';
import type { Entry } from '../../store/registry.ts';
import type { Agent } from '../agent.ts';
import { bringBack } from '../bringing-back.ts';
import type { Copy } from '../copy.ts';
import { PUBLISHED } from '../documents/history.ts';
import type { Past } from '../documents/past.ts';
import { documentAt } from '../documents/telling.ts';
import { keyText, noDatabase, reason } from './conflicts.ts';
import { pathIn } from './place.ts';
import { iso } from './time.ts';

type Happened = Result<'history'>[number];

export function historyMethods(agent: Agent): Pick<Service, 'history' | 'undo'> {
  return {
    async undo({ folder, change, table, key }) {
      const copy = await agent.copyNamed(folder);
      const of = changeNamed(change);
      const stored = copy.store.log.get(of);
      if (stored?.subject === '') return undoneDeletion(copy, stored, { change, isPart: table !== undefined });
      const database = stored?.subject;
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
      if (entry?.kind === 'document') return entryHistory(copy, entry).slice(0, limit);
      if (entry?.kind === 'database') return databaseHistory(copy, entry, limit);
      const told = await fileHistory(copy, inFile, limit);
      const isFolder = agent.options.filesOf(path).facts('')?.kind === 'folder';
      if (told.length > 0 || isFolder || hasInside(copy, inFile)) return told;
      return formerHistory(copy, inFile, limit);
    },
  };
}

/** Of a change of the registry its deletions can be undone; an older version of a document is made current instead. */
async function undoneDeletion(
  copy: Copy,
  stored: StoredChange,
  { change, isPart }: { readonly change: string; readonly isPart: boolean },
): Promise<Result<'undo'>> {
  // It did nothing in any table.
  if (isPart) return { change, rows: 0, schema: [], left: [] };
  const back = await bringBack(copy, stored);
  if (back === undefined) throw noChange(change);
  return {
    change,
    rows: 0,
    schema: back.entries.map(({ kind, shown }) => `${kind} ${shown}`),
    left: back.left.map(({ path, why }) => ({ table: path, key: {}, column: null, why })),
  };
}

/** COPY:NUMBER, as `history` tells it. */
function changeNamed(text: string): ChangeId {
  const [, copy, seq] = /^([0-9a-f]{32}):([1-9]\d{0,14})$/.exec(text) ?? [];
  if (copy === undefined || seq === undefined) throw noChange(text);
  return { copy, seq: Number(seq) };
}

type RowAsked = { database: string } & HistoryQuery;

async function rowHistory(copy: Copy, row: object, limit: number): Promise<Happened[]> {
  const { database, ...asked } = row as RowAsked;
  const isWhole = Object.values(asked).every((one) => one === undefined);
  const entry = copy.registry.entryAt(database);
  if (entry?.kind !== 'database') return deletedHistory(copy, database, isWhole, limit);
  if (isWhole) return databaseHistory(copy, entry, limit);
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

/** Of what was called so last. Its rows are in the log, and nobody folds them while it is deleted. */
function deletedHistory(copy: Copy, path: string, isWhole: boolean, limit: number): Happened[] {
  const deleted = copy.registry.deletedAt(path).filter(({ kind }) => kind === 'database');
  const past = copy.documents.history.past();
  const told = newest(
    deleted.flatMap((entry) => entryHistory(copy, entry, past)),
    limit,
  );
  const last = told.find(({ change }) => change !== null);
  if (deleted.length === 0 || last === undefined) throw noDatabase(path);
  if (!isWhole) throw isDeleted(path, last);
  return told;
}

/** What was written in it, and what became of it as a whole. */
async function databaseHistory(copy: Copy, entry: Entry, limit: number, past?: Past): Promise<Happened[]> {
  const entries = await copy.databases.process.history(entry.id, { limit });
  const rows = entries.map((one) => happened(copy, entry.shown, one));
  return newest([...rows, ...sincePublish(entryHistory(copy, entry, past))], limit);
}

/** What became of a document or database as a whole. */
function entryHistory(copy: Copy, entry: Entry, past?: Past): Happened[] {
  const path = entry.alive ? entry.shown : entry.path;
  return copy.documents.history.of(entry, past).map(({ at, by, copy: of, change, what, from, to }) => ({
    at: iso(at),
    by,
    copy: of ?? copy.facts.copy,
    change: change && `${change.copy}:${change.seq}`,
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
  const all: Happened[] = [];
  for (const entry of [...copy.registry.entries('document')].filter(({ shown }) => inside(shown))) {
    all.push(...sincePublish(entryHistory(copy, entry, past)));
  }
  for (const entry of histories.dead(past).filter(({ path }) => inside(path))) {
    all.push(...sincePublish(entryHistory(copy, entry, past)));
  }
  for (const entry of [...copy.registry.entries('database')].filter(({ shown }) => inside(shown))) {
    all.push(...(await databaseHistory(copy, entry, limit, past)));
  }
  return newest(all, limit);
}

function hasInside({ registry }: Copy, folder: string): boolean {
  const inside = ({ shown }: Entry): boolean => shown.startsWith(`${folder}/`);
  return registry.entries('document').some(inside) || registry.entries('database').some(inside);
}

/** Of what has another name by now, or is not there any more. Throws a `ProblemError` where there was nothing. */
async function formerHistory(copy: Copy, path: string, limit: number): Promise<Happened[]> {
  const { history: histories } = copy.documents;
  const past = histories.past();
  const former = histories.former(path, past);
  if (former.length === 0) documentAt(copy.registry, path);
  const all: Happened[] = [];
  for (const entry of former) {
    if (entry.kind === 'database' && entry.alive) all.push(...(await databaseHistory(copy, entry, limit, past)));
    else all.push(...entryHistory(copy, entry, past));
  }
  return newest(all, limit);
}

function newest(all: Happened[], limit: number): Happened[] {
  return all.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0)).slice(0, limit);
}

/** What all were at publish is no news. */
function sincePublish(history: readonly Happened[]): Happened[] {
  return history.filter(({ what }) => !what.endsWith(` ${PUBLISHED}`));
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

function noChange(change: string): ProblemError {
  return new ProblemError({
    code: 'no-change',
    text: `There is no change ${change} of this file that can be undone.`,
    remedy: 'See `tieout history --json`; an older version of a document is made current with `tieout promote`.',
  });
}

function isDeleted(path: string, { by, at, change }: Happened): ProblemError {
  return new ProblemError({
    code: 'database-deleted',
    text: `${path} was deleted by ${by} at ${at}.`,
    remedy: `See \`tieout history --database\` without a table for what became of it. Its rows are told once it is back: \`tieout undo ${change}\`.`,
    path,
  });
}
