import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Ledger } from '../../src/agent/ledger.ts';

const copy = '0c'.repeat(16);
const other = '0d'.repeat(16);
const file = '0f'.repeat(16);
const office = 'ab'.repeat(32);
const place = (path: string, inode = '10') => ({ path, device: '1', inode });

function home(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tieout-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function open(t: TestContext, folder = home(t)): Ledger {
  const ledger = Ledger.open(folder);
  t.after(() => ledger.close());
  return ledger;
}

test('IDN3 a copy is found by its path and its id, with its last number', (t) => {
  const ledger = open(t);
  ledger.register(copy, file, office, place('/a'));
  ledger.reserve(copy, 2);
  ledger.note(copy, 1, 'one');
  ledger.note(copy, 2, 'two');
  const entry = ledger.lookup('/a');
  assert.deepEqual(entry, ledger.entry(copy));
  assert.deepEqual([entry?.copy, entry?.file, entry?.office], [copy, file, office]);
  assert.deepEqual([entry?.seq, entry?.hash], [2, 'two']);
  assert.equal(ledger.lookup('/b'), undefined);
  assert.equal(ledger.entry(other), undefined);
});

test('IDN3 no number is used that was not reserved', (t) => {
  const ledger = open(t);
  ledger.register(copy, file, office, place('/a'));
  assert.throws(() => ledger.note(copy, 1, 'one'));
  assert.throws(() => ledger.reserve(other, 1));
  ledger.reserve(copy, 1);
  ledger.note(copy, 1, 'one');
});

test('IDN3 what was reserved and noted survives a killed process, and is given back by closing in order', async (t) => {
  const folder = home(t);
  const script = `
    import { Ledger } from '${new URL('../../src/agent/ledger.ts', import.meta.url).href}';
    const ledger = Ledger.open(${JSON.stringify(folder)});
    ledger.register('${copy}', '${file}', '${office}', { path: '/a', device: '1', inode: '10' });
    for (let seq = 1; seq <= 3000; seq++) {
      ledger.reserve('${copy}', seq);
      ledger.note('${copy}', seq, 'hash ' + seq);
    }
    process.kill(process.pid, 'SIGKILL');`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], { stdio: 'inherit' });
  await once(child, 'exit');
  const ledger = open(t, folder);
  const entry = ledger.entry(copy)!;
  assert.deepEqual([entry.seq, entry.hash], [3000, 'hash 3000']);
  assert(entry.ceiling > 3000);
  ledger.settle(copy);
  assert.equal(ledger.entry(copy)?.ceiling, 3000);
  assert.throws(() => ledger.note(copy, 3001, 'late'));
  ledger.reserve(copy, 3001);
  ledger.note(copy, 3001, 'in time');
});

test('IDN5 a match notes the new place, a copied folder changes nothing', (t) => {
  const ledger = open(t);
  ledger.register(copy, file, office, place('/a'));
  ledger.reserve(copy, 1);
  ledger.note(copy, 1, 'one');
  const log = { last: 1, hashAt: () => 'one' };
  assert.equal(
    ledger.match(copy, { ...place('/b'), ...log }, () => false),
    'moved',
  );
  assert.equal(ledger.lookup('/b')?.copy, copy);
  const before = ledger.entry(copy);
  assert.equal(
    ledger.match(copy, { ...place('/c', '11'), ...log }, (path) => path === '/b'),
    'copied',
  );
  assert.equal(
    ledger.match(other, { ...place('/c', '11'), ...log }, () => false),
    'copied',
  );
  assert.deepEqual(ledger.entry(copy), before);
});

test('IDN6 a new copy at a place takes it over, and the numbers of the old one stay used', (t) => {
  const ledger = open(t);
  ledger.register(copy, file, office, place('/a'));
  ledger.reserve(copy, 1);
  ledger.note(copy, 1, 'one');
  ledger.register(other, file, office, place('/a'));
  assert.equal(ledger.lookup('/a')?.copy, other);
  assert.deepEqual([ledger.entry(copy)?.path, ledger.entry(copy)?.seq], [undefined, 1]);
  ledger.leave(other);
  assert.equal(ledger.lookup('/a'), undefined);
  assert.equal(ledger.all().length, 2);
  assert.throws(() => ledger.register(copy, file, office, place('/z')));
});
