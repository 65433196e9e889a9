import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keysOf, withoutKeysTo } from '../../src/database/schema/declared-keys.ts';
import type { SchemaTable } from '../../src/database/schema/schema.ts';

test('SCH5 a foreign key that is withheld is taken out of its definition, and nothing else is', () => {
  const cases: readonly [definition: string, left: string][] = [
    ['INTEGER REFERENCES "a" ("id") ON DELETE SET NULL NOT NULL DEFAULT 5', 'INTEGER NOT NULL DEFAULT 5'],
    ['TEXT CONSTRAINT "c" REFERENCES "a" DEFERRABLE INITIALLY DEFERRED UNIQUE', 'TEXT UNIQUE'],
    ['REFERENCES "a" ("x") ON UPDATE SET DEFAULT MATCH FULL NOT DEFERRABLE', ''],
    ['NOT NULL DEFAULT 1 REFERENCES "a" ON DELETE NO ACTION CHECK("x" > 0)', 'NOT NULL DEFAULT 1 CHECK("x" > 0)'],
    ['TEXT REFERENCES "b" ("id")', 'TEXT REFERENCES "b" ("id")'],
  ];
  for (const [definition, left] of cases) {
    const column = { id: 'x', name: 'x', definition, initial: null, refers: null, place: 0 };
    const constraints = ['FOREIGN KEY("x") REFERENCES "a" ("x")', 'CONSTRAINT f FOREIGN KEY("x") REFERENCES "b" ("x")'];
    const table: SchemaTable = {
      id: 't',
      name: 't',
      columns: [column],
      constraints,
      options: '',
      kind: null,
      key: null,
    };
    const without = withoutKeysTo('a', table);
    assert.equal(without.columns[0]?.definition, left, definition);
    assert.deepEqual(without.constraints, constraints.slice(1));
    assert.ok(
      keysOf(without).every(({ target }) => target === 'b'),
      definition,
    );
  }
});
