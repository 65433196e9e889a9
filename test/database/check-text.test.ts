import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inParentheses, plainly } from '../../src/database/mending/check-text.ts';
import { withDatabase } from './copies.ts';

test('MND1 what is told of a broken check does not hang on how a copy spells it', () => {
  const spellings = ['"d" = 0 OR (c = 0)', 'd = 0 OR ("c" = 0)', ' d=0 OR (c=0) ', '[d] =0 OR (`c`= 0)'];
  const told = spellings.map((check) =>
    withDatabase(':memory:', (db) => {
      db.exec(inParentheses(`CREATE TABLE t (d, c, CHECK (${check}), CHECK (d > 0))`));
      try {
        db.exec('INSERT INTO t VALUES (1, 1)');
        return null;
      } catch (error) {
        return plainly((error as Error).message);
      }
    }),
  );
  assert.deepEqual([...new Set(told)], ['CHECK constraint failed: d = 0 OR(c = 0)']);
});
