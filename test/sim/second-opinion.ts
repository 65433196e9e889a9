/**
 * The world at rest, judged by a second implementation (reference.ts): what the log says as a set of changes against
 * what the copies show, list and tell of the past.
 */
import { existsSync } from 'node:fs';
import type { Copy } from '../../src/agent/copy.ts';
import { body as bodyCodec, type RegistryOp } from '../../src/core/body.ts';
import { type ChangeId, madeId } from '../../src/core/change.ts';
import { decode } from '../../src/core/codec.ts';
import { COPIES, DATABASES, DOCUMENTS } from '../../src/core/registry.ts';
import { EMPTY } from '../../src/core/vector.ts';
import { AS_IT_IS } from '../../src/database/conflicts/broken.ts';
import type { DatabaseConflict, HistoryEntry } from '../../src/database/host.ts';
import { tokensOf } from './logs.ts';
import { BaseRows, isNumber, isShaped, meaningOf, meaningOfRows, referencesOf } from './meaning.ts';
import { isToken } from './reading-databases.ts';
import { conflictsOf, keptRows, type Made, mergedRows, nameOf, type ReferenceRow } from './reference.ts';
import type { Person, World } from './world.ts';

type Finds = (text: string) => void;
type Asks = <T>(work: Promise<T>) => Promise<T>;

export async function askAgain(world: World, finds: Finds, ask: Asks): Promise<void> {
  const [first] = world.people as [Person];
  const copy = first.machine.copy as Copy;
  const changes = copy.store.log.after(EMPTY, { limit: Number.MAX_SAFE_INTEGER }).map((change) => {
    const { copy: by, seq, stamp, deps } = change;
    return { made: { copy: by, seq, stamp, seen: deps }, body: decode(bodyCodec, copy.store.body(change)) };
  });
  compareRegistry(world, changes, finds);
  for (const { id, shown } of copy.registry.entries('database')) {
    const onIt = changes.flatMap(({ made, body }) =>
      body.kind === 'database' && body.database === id
        ? [{ made: { ...made, seen: body.seen ?? made.seen }, body }]
        : [],
    );
    const base = new BaseRows(copy.folder.basePath(id));
    const merged = mergedRows(onIt, (table, row) => base.has(table, row)).filter(({ table }) => isShaped(table));
    const rows = keptRows(merged, (row) => referencesOf(base, row));
    const expected = conflictsOf(rows.map(shaped), isNumber);
    const captured = new Set(onIt.flatMap(({ body }) => tokensOf(body)));
    let told: string | undefined;
    for (const { machine } of world.people) {
      const { process } = (machine.copy as Copy).databases;
      const conflicts = await ask(process.conflicts(id));
      differ(
        finds,
        `${machine.name}: conflicts in ${shown}`,
        expected,
        conflicts
          .filter((one) => isMerging(one) && isShaped(one.table, one.column ?? undefined))
          .map(conflictText)
          .sort(),
      );
      const keptOut = new Set(
        conflicts
          .filter((one) => !isMerging(one) && !isBroken(one) && one.moved === undefined)
          .map(({ table, row }) => `${table} ${row}`),
      );
      const meant = meaningOfRows(base, rows, keptOut);
      const there = existsSync(machine.native(shown)) ? meaningOf(machine.native(shown)) : {};
      for (const table of Object.keys(meant))
        differ(finds, `${machine.name}: ${table} in ${shown}`, meant[table] ?? [], there[table] ?? []);
      const history = await ask(process.history(id, { limit: Number.MAX_SAFE_INTEGER }));
      for (const token of missing(captured, history))
        finds(`${machine.name}: the history of ${shown} does not tell of ${token}`);
      checkOrder(history, (text) => finds(`${machine.name}: history of ${shown}: ${text}`));
      const text = history.map(historyText).sort().join('\n');
      told ??= text;
      if (text !== told) differ(finds, `${machine.name}: history of ${shown}`, told.split('\n'), text.split('\n'));
    }
  }
}

function shaped(row: ReferenceRow): ReferenceRow {
  return { ...row, cells: new Map([...row.cells].filter(([column]) => isShaped(row.table, column))) };
}

/** It is in its table as somebody committed it. */
function isBroken({ candidates }: DatabaseConflict): boolean {
  return candidates.some(({ id }) => id === AS_IT_IS);
}

/** What comes of merging alone; the rest comes of constraints. */
function isMerging({ kind }: DatabaseConflict): boolean {
  return kind === 'cell' || kind === 'row';
}

function conflictText({ kind, table, row, column, candidates }: DatabaseConflict): string {
  if (kind === 'row') {
    const against = candidates.find(({ shown }) => !shown)?.by.map(nameOf) ?? ['nothing'];
    return `row ${table} ${row} against ${against.join(' ')}`;
  }
  return `cell ${table} ${row} ${column}: ${candidates.map(({ by }) => by.map(nameOf).join('+')).join(' | ')}`;
}

/** Everybody is told alike who wrote what, when, and over what; only in which order, among those who did not know each other, may differ. */
function historyText({ copy, seq, stamp, table, row, key, kind, column, from, to }: HistoryEntry): string {
  return JSON.stringify([copy, seq, stamp, table, row, key, kind, column, from, to]);
}

function missing(captured: ReadonlySet<string>, history: readonly HistoryEntry[]): string[] {
  const told = new Set<unknown>();
  for (const { to } of history) {
    if (isToken(to)) told.add(to);
    else if (to !== null && typeof to === 'object') for (const value of Object.values(to)) told.add(value);
  }
  return [...captured].filter((token) => !told.has(token));
}

/** Newest first: of one copy, in the order of its changes. */
function checkOrder(history: readonly HistoryEntry[], finds: Finds): void {
  const last = new Map<string, number>();
  for (const { copy, seq } of history) {
    if (seq > (last.get(copy) ?? Number.POSITIVE_INFINITY)) finds(`${nameOf({ copy, seq })} is told too late`);
    last.set(copy, seq);
  }
}

// The registry, whose writes name what they replace

type Said = { readonly by: Made; readonly index: number; readonly op: RegistryOp };

function compareRegistry(
  world: World,
  changes: readonly { made: Made; body: ReturnType<typeof decodeBody> }[],
  finds: Finds,
): void {
  const said = new Map<string, Said[]>();
  for (const { made, body } of changes) {
    if (body.kind !== 'registry') continue;
    for (const [index, op] of body.ops.entries()) {
      const place = `${op.table} ${op.row ?? `h${madeId(made, index)}`}`;
      said.set(place, [...(said.get(place) ?? []), { by: made, index, op }]);
    }
  }
  const expected = [...said]
    .flatMap(([place, all]) => (isCompared(place) ? [`${place}: ${registryRow(all)}`] : []))
    .sort();
  for (const { machine } of world.people) {
    const { registry } = machine.copy as Copy;
    const there = [DOCUMENTS, DATABASES, COPIES].flatMap((table) =>
      [...registry.rows(table)].map(({ id, row }) => {
        const cells = [...row.cells].map(
          ([column, writes]) => `${column} ${writes.map((write) => nameOf(write) + (write.dead ? '†' : '')).join(' ')}`,
        );
        return `${table} ${id}: ${cells.sort().join(', ')}; gone ${row.deletions.map(nameOf).join(' ')}`;
      }),
    );
    differ(finds, `${machine.name}: registry`, expected, there.sort());
  }
}

function isCompared(place: string): boolean {
  return [DOCUMENTS, DATABASES, COPIES].includes(place.split(' ')[0] as string);
}

function registryRow(all: readonly Said[]): string {
  const names = (over: readonly ChangeId[], { copy, seq }: ChangeId): boolean =>
    over.some((one) => one.copy === copy && one.seq === seq);
  const removals = all.filter(({ op }) => op.kind === 'remove');
  const overOf = ({ op }: Said): readonly ChangeId[] =>
    op.kind === 'remove' ? op.over : op.cells.flatMap(({ over }) => over);
  const isDead = (write: Made): boolean => removals.some((removal) => names(overOf(removal), write));
  const columns = new Set(all.flatMap(({ op }) => (op.kind === 'set' ? op.cells.map(({ column }) => column) : [])));
  const cells = [...columns].map((column) => {
    const written = all.flatMap(({ by, op }) =>
      op.kind === 'set' ? op.cells.filter((cell) => cell.column === column).map(({ over }) => ({ by, over })) : [],
    );
    const standing = written
      .filter(({ by }) => !written.some((other) => other.by !== by && names(other.over, by)))
      .map(({ by }) => by);
    return `${column} ${standing
      .sort(lastFirst)
      .map((by) => nameOf(by) + (isDead(by) ? '†' : ''))
      .join(' ')}`;
  });
  const gone = removals.filter(
    (removal) => !all.some((other) => other.by !== removal.by && names(overOf(other), removal.by)),
  );
  return `${cells.sort().join(', ')}; gone ${gone
    .map(({ by }) => by)
    .sort(lastFirst)
    .map(nameOf)
    .join(' ')}`;
}

function lastFirst(a: Made, b: Made): number {
  return b.stamp - a.stamp || (a.copy > b.copy ? -1 : a.copy < b.copy ? 1 : 0) || b.seq - a.seq;
}

function decodeBody(bytes: Uint8Array) {
  return decode(bodyCodec, bytes);
}

function differ(finds: Finds, what: string, expected: readonly string[], found: readonly string[]): void {
  const [lacks, more] = [without(expected, found), without(found, expected)];
  if (lacks.length + more.length === 0) return;
  const lines = [
    ...lacks.slice(0, 5).map((line) => `  should be: ${line}`),
    ...more.slice(0, 5).map((line) => `  is: ${line}`),
  ];
  finds(`${what} not as the changes say:\n${lines.join('\n')}`);
}

function without(all: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1);
  return all.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  });
}
