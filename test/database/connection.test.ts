import assert from 'node:assert/strict';
import { test } from 'node:test';
import { databaseUrl } from '../../src/database/file/connection.ts';

test('DBS17 SQLite is given no server of a network share as the host of a URL', () => {
  const share = databaseUrl('\\\\server\\audit 2025\\a#1?.db', 'mode=rw', true);
  assert.equal(share.href, 'file:////server/audit%202025/a%231%3F.db?mode=rw');
  assert.equal(databaseUrl('C:\\audit\\a.db', 'mode=ro', true).href, 'file:///C:/audit/a.db?mode=ro');
  assert.equal(databaseUrl('/audit/ä.db', 'mode=ro', false).href, 'file:///audit/%C3%A4.db?mode=ro');
});
