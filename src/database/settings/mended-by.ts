/**
 * By which settings the rows of rows.db are mended: noted with them, so that after a crash, and in a file that comes back
 * in an older state, rows and settings are always of one moment.
 */
import type { Row } from '../../core/rows.ts';
import type { Table } from '../../core/tables.ts';
import type { RowState } from '../../store/row-state.ts';
import { derivedRow } from '../schema/uses.ts';
import { type Choices, choicesFromJson, choicesToJson, NO_CHOICES, type TableChoice } from './choices.ts';
import { SETTINGS, settingsRow } from './reserved.ts';

/** Ours alone, never sent. */
const MENDED_BY = settingsRow('mended by');
const NOTHING = choicesToJson(NO_CHOICES);

export function isMendedBy(state: RowState, choices: Choices): boolean {
  return mendedBy(state.row(SETTINGS, MENDED_BY)) === choicesToJson(choices);
}

/** A table whose rows are to be mended anew, and its columns that referred to a table, or do so now. */
export interface ChosenAnew {
  readonly table: Table;
  readonly columns: ReadonlyMap<string, readonly string[]>;
}

/** The tables by whose rows other settings are from now on. Notes that they are mended by these. */
export function chosenAnew(state: RowState, choices: Choices, tables: ReadonlyMap<string, Table>): ChosenAnew[] {
  const row = state.row(SETTINGS, MENDED_BY);
  const [before, now] = [mendedBy(row), choicesToJson(choices)];
  if (before === now) return [];
  state.putRow(SETTINGS, MENDED_BY, derivedRow(now), row);
  const was = choicesFromJson(before);
  const changed = new Set([...was.keys(), ...choices.keys()].filter((id) => !isSame(was.get(id), choices.get(id))));
  // Numbers that others hold are references to rows, once they are numbers.
  const refers = ({ foreignKeys }: Table): boolean => foreignKeys.some(({ target }) => changed.has(target));
  return [...tables.values()]
    .filter((table) => changed.has(table.id) || refers(table))
    .map((table) => ({ table, columns: rereferred(was.get(table.id), choices.get(table.id)) }));
}

/** By column: the tables to which it refers only before, or only now. */
function rereferred(
  was: TableChoice | undefined,
  now: TableChoice | undefined,
): ReadonlyMap<string, readonly string[]> {
  const columns = new Map<string, readonly string[]>();
  for (const id of new Set([...(was?.columns.keys() ?? []), ...(now?.columns.keys() ?? [])])) {
    const targets = [was?.columns.get(id)?.refers, now?.columns.get(id)?.refers];
    const [before, after] = targets;
    if (before !== after)
      columns.set(
        id,
        targets.filter((target) => typeof target === 'string'),
      );
  }
  return columns;
}

function isSame(a: TableChoice | undefined, b: TableChoice | undefined): boolean {
  return choicesToJson(a ? new Map([['', a]]) : NO_CHOICES) === choicesToJson(b ? new Map([['', b]]) : NO_CHOICES);
}

function mendedBy(row: Row | undefined): string {
  const json = row?.cells.get('value')?.[0]?.value;
  return typeof json === 'string' ? json : NOTHING;
}
