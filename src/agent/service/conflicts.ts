/** What was written without knowledge of each other, and how it is settled. */
import { stampMs } from '../../core/clock.ts';
import { ProblemError } from '../../core/problem.ts';
import type { Origin } from '../../core/rows.ts';
import type { Because, DatabaseConflict, HistoryEntry } from '../../database/host.ts';
import type { Result, Service } from '../../sdk/contract.ts';
import type { Entry } from '../../store/registry.ts';
import type { Agent } from '../agent.ts';
import type { Copy } from '../copy.ts';
import { acceptShown } from './accepting.ts';
import { iso } from './time.ts';

type Conflict = Result<'conflicts'>[number];

export function conflictMethods(agent: Agent): Pick<Service, 'conflicts' | 'resolve' | 'accept'> {
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
  };
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

export function keyText(key: HistoryEntry['key']): string {
  return Object.entries(key)
    .map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(', ');
}

type MovedTo = { readonly from: unknown; readonly to: unknown; readonly because: Because };

/** Why a number became another one. */
export function reason(copy: Copy, table: string, column: string | null, { from, to, because }: MovedTo): string {
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

/** A database by its path within the file. */
export function databaseNamed(copy: Copy, path: string): Entry {
  const entry = copy.registry.entryAt(path);
  if (entry?.kind !== 'database') throw noDatabase(path);
  return entry;
}

export function noDatabase(path: string): ProblemError {
  return new ProblemError({
    code: 'no-database',
    text: `${path} is not a database of this file.`,
    remedy: 'Give its path within the file, as `tieout conflicts` and `tieout history` show it.',
    path,
  });
}
