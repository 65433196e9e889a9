/** The merged state of a file at a vector as one hash: the registry, and every database that is alive there. */
import type { RegistryOp } from '../../core/body.ts';
import { madeId } from '../../core/change.ts';
import { Digest, rowForm } from '../../core/digest.ts';
import { COPIES, DATABASES, DOCUMENTS, FILE, foldRegistryOp } from '../../core/registry.ts';
import { ABSENT, aliveByOwnWrites, IN_BASE, type Origin, type Row } from '../../core/rows.ts';
import { covers, type Vector } from '../../core/vector.ts';
import type { Databases } from '../../database/host.ts';
import type { Clock } from '../../platform/ports.ts';
import type { FileStore } from '../../store/file-store.ts';
import type { Registry } from '../../store/registry.ts';
import { registryChanges } from '../registry-folding.ts';

export interface StateAt {
  readonly store: FileStore;
  readonly registry: Registry;
  readonly databases: Pick<Databases, 'digest'>;
  readonly clock: Clock;
}

type Rows = Iterable<{ table: string; id: string; row: Row }>;

const TABLES = [COPIES, DATABASES, DOCUMENTS, FILE];
/** Changes between two of which others get their turn. */
const PAGE = 500;

/** Null: it cannot be told here and now, because edits have gone on since, or a database is not followed here. */
export async function digestAt(vector: Vector, state: StateAt): Promise<string | null> {
  const { registry, databases } = state;
  const rows = (await standing(vector, state)) ?? (await foldedTo(vector, state));
  const digest = new Digest();
  const alive = new Map<string, Row>([...registry.bases('database')].map((id): [string, Row] => [id, IN_BASE]));
  for (const { table, id, row } of rows) {
    if (table === DATABASES) alive.set(id, row);
    const form = rowForm(row);
    if (form === null) continue;
    digest.text(`${table} ${id}`);
    digest.add(form);
  }
  for (const id of [...alive.keys()].sort()) {
    if (!aliveByOwnWrites(alive.get(id) as Row)) continue;
    const hash = await databases.digest(id, vector);
    if (hash === null) return null;
    digest.text(`${id} ${hash}`);
  }
  return digest.finish();
}

/** The rows as they are folded; undefined: they hold more than `vector`, or came to hold more while they were read. */
async function standing(vector: Vector, { store, registry, clock }: StateAt): Promise<Rows | undefined> {
  const rows: { table: string; id: string; row: Row }[] = [];
  for (const table of TABLES) {
    if (store.log.concerns(vector, '')) return undefined;
    for (const { id, row } of registry.rows(table)) rows.push({ table, id, row });
    await turn(clock);
  }
  return rows;
}

/** All that was folded since is left out: the registry is folded from its beginning, in memory. */
async function foldedTo(vector: Vector, { store, registry, clock }: StateAt): Promise<Rows> {
  const rows = new Map<string, Map<string, Row>>(TABLES.map((table) => [table, new Map()]));
  let count = 0;
  for (const { by, ops } of registryChanges(store)) {
    if (++count % PAGE === 0) await turn(clock);
    if (covers(vector, by.copy, by.seq)) foldOps(rows, registry, by, ops);
  }
  return [...rows].flatMap(([table, of]) =>
    [...of].sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, row]) => ({ table, id, row })),
  );
}

function foldOps(rows: Map<string, Map<string, Row>>, registry: Registry, by: Origin, ops: readonly RegistryOp[]) {
  for (const [index, op] of ops.entries()) {
    const of = rows.get(op.table);
    if (of === undefined) continue;
    const id = op.row ?? `h${madeId(by, index)}`;
    const isBase = (op.table === DOCUMENTS || op.table === DATABASES) && registry.base(id) !== undefined;
    of.set(id, foldRegistryOp(of.get(id) ?? (isBase ? IN_BASE : ABSENT), op, by));
  }
}

function turn(clock: Clock): Promise<void> {
  return new Promise((resolve) => void clock.after(0, resolve));
}
