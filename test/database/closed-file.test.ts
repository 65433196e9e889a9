import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClosedFile } from '../../src/database/closed-file.ts';
import type { FileFacts } from '../../src/platform/ports.ts';

const facts = (size: number): FileFacts => ({
  kind: 'file',
  size,
  mtimeNs: 1n,
  changedNs: 1n,
  inode: String(size),
  device: '1',
});

test('DBS18 a database that a program has open is not known to be as it was closed where writes show late', () => {
  for (const showsLate of [true, false]) {
    const there = new Map([['/a.db', facts(4096)]]);
    const closed = new ClosedFile('/a.db', (path) => there.get(path), showsLate);
    there.set('/a.db-wal', facts(32_992));
    closed.rests();
    closed.closes();
    assert.equal(closed.isAsClosed, !showsLate);
    // The program has closed it, and all that it did was in it.
    closed.rests();
    there.delete('/a.db-wal');
    closed.closes();
    assert.equal(closed.isAsClosed, true);
    there.set('/a.db', facts(8192));
    assert.equal(closed.isAsClosed, false);
  }
});
