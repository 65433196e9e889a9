import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DatabasePlacing } from '../../src/agent/database-placing.ts';
import { Entering } from '../../src/agent/entering.ts';
import { PlacedDatabases } from '../../src/agent/placed-databases.ts';
import { Problems } from '../../src/agent/problems.ts';
import { STORE_SCHEMA } from '../../src/agent/sync-folder.ts';
import { contentCell, DATABASES, setOp } from '../../src/core/registry.ts';
import { EMPTY, type Vector } from '../../src/core/vector.ts';
import type { Databases } from '../../src/database/host.ts';
import { systemClock } from '../../src/platform/system.ts';
import { Registry } from '../../src/store/registry.ts';
import { openStore, transaction } from '../../src/store/sqlite.ts';
import { SimDisk } from '../sim/disk.ts';
import { SimFiles } from '../sim/disk-files.ts';

const [ANA, BEN] = ['a'.repeat(32), 'b'.repeat(32)] as const;
const [STANDING, LATER] = ['1'.repeat(16), '2'.repeat(16)] as const;

test('DBS12 a database made twice is entered in the other only once it holds what colleagues edited in it', async (t) => {
  const db = openStore(':memory:', { schema: STORE_SCHEMA, synchronous: 'NORMAL' });
  t.after(() => db.close());
  const registry = new Registry(db);
  const content = { size: 0, mtimeNs: 1n, hash: '0'.repeat(64), chunks: [] };
  const make = (id: string, copy: string, stamp: number): void => {
    const path = { value: 'ledger.db', over: [] };
    const op = setOp(DATABASES, id, { path, content: contentCell(content, []) });
    transaction(db, () => registry.fold({ copy, seq: 1, stamp }, { ops: [op] }));
  };
  make(STANDING, ANA, 1);
  make(LATER, BEN, 2);
  const files = new SimFiles(new SimDisk(), '/file');
  const placed = new PlacedDatabases(db);
  for (const { id, shown } of registry.entries('database')) {
    files.open(shown, 'create');
    placed.put({ id, path: shown, hash: content.hash });
  }
  const { shown } = registry.entry(LATER) as { shown: string };
  assert.notEqual(shown, 'ledger.db');

  // Ana has edited the later one, and its file has got that, or will get it once it is open again.
  let stored: Vector = EMPTY;
  let applied: Vector = EMPTY;
  const open = new Set<string>([STANDING, LATER]);
  let isLocked = true;
  const removed: string[] = [];
  const steps: Pick<DatabasePlacing, 'isOpen' | 'open' | 'close' | 'moveAway'> = {
    isOpen: (id) => open.has(id),
    open: async ({ id }) => void open.add(id),
    close: async (id) => void open.delete(id),
    moveAway: (from, to) => files.rename(from, to) === 'done',
  };
  const databases: Pick<Databases, 'describe' | 'settle' | 'enterRows'> = {
    describe: async () => ({ tables: [], schema: '', figures: {} }) as never,
    settle: async () => {
      if (isLocked) return false;
      applied = stored;
      // While it is taken aside another edit comes.
      if (stored === EMPTY) stored = new Map([[ANA, 7]]);
      return true;
    },
    enterRows: async (into) => {
      const contained = applied;
      const other = entering.take(into, contained);
      if (other === undefined) throw new Error('not entered');
      removed.push(other);
      return contained;
    },
  };
  const entering: Entering = new Entering({
    copy: BEN,
    files,
    registry,
    placed,
    problems: new Problems(systemClock),
    databases: databases as Databases,
    steps: steps as DatabasePlacing,
    concerns: (vector) => [...stored].some(([copy, seq]) => seq > (vector.get(copy) ?? 0)),
    remove: async (id) => void removed.push(id),
    again: () => undefined,
  });

  await entering.enterAll();
  assert.ok(files.facts(shown) && open.has(LATER), 'a program may have committed what nobody could read');
  isLocked = false;
  await entering.enterAll();
  assert.deepEqual(removed, []);
  assert.ok(files.facts(shown) && open.has(LATER), 'it is back in its place, and followed');
  await entering.enterAll();
  assert.deepEqual(removed, [LATER]);
  assert.ok(entering.isAside(LATER));
});
