/** References by way of columns that are references themselves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { replacedBy, undoing } from '../../src/database/history/undoing.ts';
import { changingSettings } from '../../src/database/settings/changing.ts';
import { type Copy, DB, everywhere, Office } from './copies.ts';

const PERSON = 'CREATE TABLE person (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);';
const INVOICE =
  'CREATE TABLE invoice (code TEXT PRIMARY KEY, client INTEGER NOT NULL REFERENCES client (person) ON UPDATE CASCADE);';
const LINE = 'CREATE TABLE line (code TEXT PRIMARY KEY, client INTEGER REFERENCES client (person) ON UPDATE CASCADE);';
const ONE =
  "INSERT INTO person VALUES (1, 'one'); INSERT INTO client VALUES (1, 'c1'); INSERT INTO invoice VALUES ('i1', 1);";
const CLIENTS = {
  'a key': 'CREATE TABLE client (person INTEGER PRIMARY KEY REFERENCES person (id) ON UPDATE CASCADE, text TEXT);',
  'a UNIQUE': 'CREATE TABLE client (person INTEGER UNIQUE REFERENCES person (id) ON UPDATE CASCADE, text TEXT);',
};
const ALL = `SELECT p.name, c.text, i.code FROM person p JOIN client c ON c.person = p.id
  JOIN invoice i ON i.client = c.person ORDER BY i.code`;

function two(sql: string, work: (office: Office, ana: Copy, ben: Copy) => void): void {
  const office = new Office(sql, 2);
  try {
    const [ana, ben] = office.copies as [Copy, Copy];
    work(office, ana, ben);
  } finally {
    office.close();
  }
}

function run(copy: Copy, sql: string): void {
  copy.run(`PRAGMA foreign_keys = ON; BEGIN; ${sql}; COMMIT`);
}

for (const [by, client] of Object.entries(CLIENTS)) {
  test(`NUM6 who is referred to by way of ${by} that is a reference stays who was meant, at another number, too`, () => {
    two(PERSON + client + INVOICE + ONE, (office, ana, ben) => {
      for (const [copy, who] of [
        [ana, 'ana'],
        [ben, 'ben'],
      ] as const) {
        run(
          copy,
          `INSERT INTO person VALUES (2, '${who}'); INSERT INTO client VALUES (2, 'c ${who}');
          INSERT INTO invoice VALUES ('i ${who}', 2); INSERT INTO invoice VALUES ('j ${who}', 1)`,
        );
      }
      ana.capture(1_000_001);
      ben.capture(1_000_002);
      office.settle();
      assert.deepEqual(everywhere(office, ALL), [
        ['ana', 'c ana', 'i ana'],
        ['ben', 'c ben', 'i ben'],
        ['one', 'c1', 'i1'],
        ['one', 'c1', 'j ana'],
        ['one', 'c1', 'j ben'],
      ]);
      run(ana, "UPDATE person SET id = 9 WHERE name = 'one'; UPDATE person SET id = 8 WHERE name = 'ben'");
      office.settle();
      assert.deepEqual(everywhere(office, 'SELECT code, client FROM invoice ORDER BY code'), [
        ['i ana', 2n],
        ['i ben', 8n],
        ['i1', 9n],
        ['j ana', 9n],
        ['j ben', 9n],
      ]);
    });
  });
}

test('NUM6 a chain of references that comes to be when a table is made later holds, too', () => {
  two(PERSON + CLIENTS['a UNIQUE'], (office, ana, ben) => {
    ana.run(LINE);
    office.settle();
    for (const [copy, who] of [
      [ana, 'ana'],
      [ben, 'ben'],
    ] as const) {
      run(
        copy,
        `INSERT INTO person VALUES (2, '${who}'); INSERT INTO client VALUES (2, 'c ${who}');
        INSERT INTO line VALUES ('l ${who}', 2)`,
      );
    }
    ana.capture(1_000_001);
    ben.capture(1_000_002);
    office.settle();
    assert.deepEqual(
      everywhere(office, 'SELECT p.name, l.code FROM line l JOIN person p ON p.id = l.client ORDER BY l.code'),
      [
        ['ana', 'l ana'],
        ['ben', 'l ben'],
      ],
    );
  });
});

test('NUM6 a row whose number somebody else has got by now takes along who refers to it by way of others', () => {
  two(PERSON + CLIENTS['a UNIQUE'] + INVOICE + ONE, (office, ana, ben) => {
    run(ana, 'UPDATE person SET id = 5 WHERE id = 1');
    run(
      ben,
      `INSERT INTO person VALUES (5, 'ben'); INSERT INTO client VALUES (5, 'c ben');
      INSERT INTO invoice VALUES ('i ben', 5); INSERT INTO invoice VALUES ('j ben', 1)`,
    );
    ben.capture(1_000_001);
    ana.capture(1_000_002);
    office.settle();
    assert.deepEqual(everywhere(office, ALL), [
      ['ben', 'c ben', 'i ben'],
      ['one', 'c1', 'i1'],
      ['one', 'c1', 'j ben'],
    ]);
  });
});

test('UND7 a number that goes back takes along what foreign keys refer to it, and nothing that only has the same number', () => {
  const client = 'CREATE TABLE client (person INTEGER UNIQUE, text TEXT);';
  two(
    `${PERSON} ${client} ${INVOICE} INSERT INTO person VALUES (1, 'one'); INSERT INTO person VALUES (2, 'two');
    INSERT INTO client VALUES (4, 'nobody yet'); INSERT INTO invoice VALUES ('i', 4)`,
    (office, ana) => {
      assert.equal(
        ana.engine.edit(changingSettings([{ place: 'client.person', set: 'refers', value: 'person' }])),
        'done',
      );
      office.settle();
      run(ana, 'UPDATE person SET id = 4 WHERE id = 2');
      office.settle();
      undo(ana);
      office.settle();
      assert.deepEqual(everywhere(office, 'SELECT id, name FROM person ORDER BY id'), [
        [1n, 'one'],
        [2n, 'two'],
      ]);
      assert.deepEqual(everywhere(office, 'SELECT person FROM client UNION ALL SELECT client FROM invoice'), [
        [4n],
        [4n],
      ]);
    },
  );
});

function undo(copy: Copy): void {
  copy.work();
  const { copy: by, seq } = copy.log.changes.at(-1)!;
  const change = { copy: by, seq };
  assert.equal(
    copy.engine.edit(undoing(change, replacedBy(DB, copy.log, copy.engine.shown(), { change }), () => {})),
    'done',
  );
}
