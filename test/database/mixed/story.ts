/** A story of copies of one database, as a seed has it: plain data, so that it can be kept, and told again with less in it. */
import { Chance } from '../../sim/chance.ts';
import type { Step } from '../histories.ts';
import { type Edit, editOf, insertOf } from './edits.ts';
import { schemaOf } from './schema.ts';

/** By Node's SQLite, or by the sqlite3 command of the system, which is older. */
export type Program = 'node' | 'cli';

export type Action =
  | { readonly kind: 'run'; readonly copy: number; readonly by: Program; readonly edits: readonly Edit[] }
  | Exclude<Step, { kind: 'run' }>
  /** Undo of one of the last changes; a choice in one of the conflicts; a setting. */
  | { readonly kind: 'undo' | 'choose' | 'set'; readonly copy: number; readonly at: number; readonly with: number };

export interface Story {
  readonly seed: string;
  readonly copies: number;
  /** No two touch the same: then all end like one database in which all of it was done. */
  readonly isApart: boolean;
  /** All programs have foreign keys on: then none is broken in the end. */
  readonly isMinding: boolean;
  readonly journal: 'wal' | 'delete';
  readonly schema: readonly string[];
  /** Rows that were there before. */
  readonly base: readonly Edit[];
  readonly actions: readonly Action[];
}

const ACCIDENTS = {
  tidy: 2,
  restart: 2,
  forget: 1,
  disconnect: 1,
  backup: 1,
  restore: 1,
  crash: 1,
  stumble: 1,
  vacuum: 1,
};

export function storyOf(seed: string): Story {
  const chance = new Chance('database', seed);
  const isApart = chance.happens(0.2);
  const copies = chance.weighed({ 2: 5, 3: 4, 4: 2, 5: 1 });
  const story = {
    seed,
    copies: Number(copies),
    isApart,
    // What one breaks on his own is no meeting.
    isMinding: isApart || chance.happens(0.7),
    journal: chance.happens(0.4) ? ('wal' as const) : ('delete' as const),
  };
  const schema = schemaOf(new Chance('schema', seed), isApart).filter(
    (sql) => !isApart || !sql.includes('app_trigger'),
  );
  const rows = new Chance('base', seed);
  const base = Array.from({ length: rows.whole(0, 12) }, () => insertOf(rows));
  return { ...story, schema, base, actions: actionsOf(new Chance('actions', seed), story) };
}

function actionsOf(chance: Chance, story: Pick<Story, 'copies' | 'isApart' | 'journal'>): Action[] {
  const altering = chance.happens(0.45);
  const accidents = chance.happens(0.6) ? 1.2 : 0;
  const personal = story.isApart ? 0 : 0.5;
  const set = story.isApart || chance.happens(0.6) ? 0 : 0.6;
  const weights = { run: 6, capture: 2, apply: 2, accident: accidents, pull: 4, undo: personal, choose: personal, set };
  const copy = (): number => chance.whole(0, story.copies - 1);
  return Array.from({ length: chance.whole(5, 28) }, (): Action => {
    const kind = chance.weighed(weights);
    switch (kind) {
      case 'run':
        return {
          kind,
          copy: copy(),
          by: chance.happens(0.12) ? 'cli' : 'node',
          edits: Array.from({ length: chance.whole(1, 4) }, () => editOf(chance, altering)),
        };
      case 'pull':
        return { kind, copy: copy(), from: copy(), count: chance.whole(1, 4) };
      case 'undo':
      case 'choose':
      case 'set':
        return { kind, copy: copy(), at: chance.whole(0, 99), with: chance.whole(0, 99) };
      case 'accident': {
        const which = chance.weighed(ACCIDENTS);
        // A file brought back loses what nobody looked at; one with a -wal beside it is not brought back so.
        const isBackup = which === 'backup' || which === 'restore';
        return { kind: isBackup && (story.isApart || story.journal === 'wal') ? 'tidy' : which, copy: copy() };
      }
      default:
        return { kind, copy: copy() };
    }
  });
}
