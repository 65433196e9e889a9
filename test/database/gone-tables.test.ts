/** Foreign keys that name a table which is gone: what they call it, and whose it is to be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Copy, everywhere, Office } from './copies.ts';

const SQL = `CREATE TABLE tag (id INTEGER PRIMARY KEY, word TEXT UNIQUE); INSERT INTO tag VALUES (1, 'one'), (2, 'two');
  CREATE TABLE client (code TEXT PRIMARY KEY, word TEXT, tag INTEGER REFERENCES tag (id), FOREIGN KEY (word) REFERENCES tag (word));`;
/** SQLite takes the keys along to the new name, and leaves them there. */
const RENAMED_AND_DROPPED = ['ALTER TABLE tag RENAME TO label', 'DROP TABLE label'];

function copies(run: (office: Office, ana: Copy, ben: Copy, chloe: Copy) => void): void {
  const office = new Office(SQL, 3);
  try {
    run(office, ...(office.copies as [Copy, Copy, Copy]));
  } finally {
    office.close();
  }
}

/** The tables that client names, as all say alike. */
function targets(office: Office): unknown[] {
  return everywhere(office, `SELECT "table", "to" FROM pragma_foreign_key_list('client') ORDER BY 2`).map(String);
}

for (const [looked, look] of [
  ['not at all', () => undefined],
  ['by one', (_: Office, ana: Copy) => ana.capture()],
  ['by all', (office: Office) => office.settle()],
] as const) {
  const between = `looked at between ${looked}`;

  test(`SCH2 a key to a table that got another name and was dropped, ${between}, calls it by that name in all copies`, () => {
    copies((office, ana, ben) => {
      for (const sql of RENAMED_AND_DROPPED) {
        ana.run(sql);
        look(office, ana);
      }
      office.settle();
      assert.deepEqual(targets(office), ['label,id', 'label,word']);
      // Whoever has the table anew by our statement says it alike.
      ben.run('ALTER TABLE client ADD COLUMN more DEFAULT 1');
      office.settle();
      assert.deepEqual(targets(office), ['label,id', 'label,word']);
      // Whatever table gets the name is meant from then on, in all copies.
      ben.runMinding([
        'CREATE TABLE tag (id INTEGER PRIMARY KEY, word TEXT UNIQUE)',
        'CREATE TABLE label (id INTEGER PRIMARY KEY, word TEXT UNIQUE)',
        "INSERT INTO label VALUES (7, 'seven')",
        "INSERT INTO client (code, tag, word) VALUES ('c', 7, 'seven')",
      ]);
      office.settle();
      assert.deepEqual(targets(office), ['label,id', 'label,word']);
      ana.run('UPDATE label SET id = 9; UPDATE client SET tag = 9; ALTER TABLE label RENAME TO sign');
      office.settle();
      assert.deepEqual(targets(office), ['sign,id', 'sign,word']);
      assert.deepEqual(everywhere(office, 'SELECT code, tag, word FROM client'), [['c', 9n, 'seven']]);
    });
  });

  // Where all looked his row is known to who drops the table.
  if (looked === 'by all') continue;

  test(`SCH3 a table that got another name and was dropped, ${between}, is kept with its keys for who uses it without knowing`, () => {
    copies((office, ana, ben) => {
      ben.run("INSERT INTO client (code, tag, word) VALUES ('c', 2, 'one')");
      for (const sql of RENAMED_AND_DROPPED) {
        ana.run(sql);
        look(office, ana);
      }
      office.settle();
      assert.deepEqual(targets(office), ['label,id', 'label,word']);
      assert.deepEqual(everywhere(office, 'SELECT * FROM label ORDER BY id'), [
        [1n, 'one'],
        [2n, 'two'],
      ]);
      assert.deepEqual(everywhere(office, 'SELECT code, tag, word FROM client'), [['c', 2n, 'one']]);
      assert.deepEqual(
        ana.conflicts().map(({ table, column }) => [table, column]),
        [['label', null]],
      );
    });
  });
}

test('SCH2 a column whose key names a table that is gone, and then another of its name, is the same column', () => {
  copies((office, ana) => {
    for (const sql of [...RENAMED_AND_DROPPED, 'CREATE TABLE label (id INTEGER PRIMARY KEY, word TEXT UNIQUE)']) {
      ana.run(sql);
      office.settle();
      assert.deepEqual(
        ana.engine.tables.get('client')?.columns.map(({ id }) => id),
        ['code', 'word', 'tag'],
      );
    }
  });
});

test('SCH2 a key to columns that got other names in a table that was dropped calls them so in all copies', () => {
  copies((office, ana, ben) => {
    ana.run('ALTER TABLE tag RENAME COLUMN id TO no');
    office.settle();
    ana.run('ALTER TABLE tag RENAME COLUMN word TO text; DROP TABLE tag');
    office.settle();
    assert.deepEqual(targets(office), ['tag,no', 'tag,text']);
    ben.run("ALTER TABLE client RENAME COLUMN code TO key; INSERT INTO client VALUES ('c', NULL, NULL)");
    office.settle();
    assert.deepEqual(targets(office), ['tag,no', 'tag,text']);
  });
});

test('SCH3 a table whose columns got other names, and that was dropped, is kept with keys that name them', () => {
  copies((office, ana, ben) => {
    ben.run("INSERT INTO client (code, tag, word) VALUES ('c', 2, 'one')");
    ana.run('ALTER TABLE tag RENAME COLUMN word TO text; ALTER TABLE tag RENAME TO label; DROP TABLE label');
    office.settle();
    assert.deepEqual(targets(office), ['label,id', 'label,text']);
    assert.deepEqual(everywhere(office, 'SELECT id, text FROM label WHERE id = 2'), [[2n, 'two']]);
  });
});

/** Two people made what then met: nobody wrote that the key means this table. */
const BY_NAME: readonly [form: string, ana: readonly string[], ben: string][] = [
  ['is gone', RENAMED_AND_DROPPED, 'CREATE TABLE label (id INTEGER PRIMARY KEY, word TEXT UNIQUE)'],
  [
    'was not there yet',
    [
      'DROP TABLE client',
      'CREATE TABLE client (code TEXT PRIMARY KEY, tag INTEGER REFERENCES label (id), word TEXT REFERENCES label (word))',
    ],
    'CREATE TABLE label (id INTEGER PRIMARY KEY, word TEXT UNIQUE)',
  ],
];

for (const [form, byAna, byBen] of BY_NAME) {
  test(`SCH2 a key to a table that ${form} means the one that a colleague gave its name meanwhile, and goes on with it`, () => {
    copies((office, ana, ben) => {
      ben.run(byBen);
      for (const sql of byAna) ana.run(sql);
      office.settle();
      assert.deepEqual(targets(office), ['label,id', 'label,word']);
      const versions = () => office.copies.map((copy) => copy.query('PRAGMA schema_version'));
      const before = versions();
      ana.runMinding([
        "INSERT INTO label VALUES (7, 'seven')",
        "INSERT INTO client (code, tag, word) VALUES ('c', 7, 'seven')",
      ]);
      office.settle();
      // Tables are not altered with every change that comes.
      assert.deepEqual(versions(), before);
      ben.run('ALTER TABLE label RENAME TO sign; UPDATE client SET tag = 9; UPDATE sign SET id = 9');
      office.settle();
      assert.deepEqual(targets(office), ['sign,id', 'sign,word']);
      assert.deepEqual(everywhere(office, 'SELECT code, tag, word FROM client'), [['c', 9n, 'seven']]);
    });
  });
}

test('SCH2 a key to a table that two dropped, one of them under another name, calls it alike in all copies', () => {
  copies((office, ana, ben, chloe) => {
    ana.run('DROP TABLE tag');
    ana.capture();
    chloe.log.pull(ana.log);
    chloe.work();
    for (const sql of RENAMED_AND_DROPPED) ben.run(sql);
    office.settle();
    assert.deepEqual(targets(office), ['label,id', 'label,word']);
  });
});

test('SCH2 a key that names a table by a name which another table had once names nobody, in all copies', () => {
  copies((office, ana, ben) => {
    const asOf = (name: string) => `CREATE TABLE ${name} (code TEXT PRIMARY KEY, tag INTEGER REFERENCES tag (id))`;
    ana.run(`ALTER TABLE tag RENAME TO label; ${asOf('before')}`);
    office.settle();
    ben.run(`${asOf('after')}; DROP TABLE client; DROP TABLE label`);
    office.settle();
    ana.run(asOf('last'));
    office.settle();
    const named = (table: string) => everywhere(office, `SELECT "table" FROM pragma_foreign_key_list('${table}')`);
    for (const table of ['before', 'after', 'last']) assert.deepEqual(named(table), [['tag']]);
    ana.runMinding([
      'CREATE TABLE tag (id INTEGER PRIMARY KEY)',
      'INSERT INTO tag VALUES (4)',
      "INSERT INTO after VALUES ('c', 4)",
    ]);
    office.settle();
    ben.run('ALTER TABLE tag RENAME TO sign; UPDATE sign SET id = 5; UPDATE after SET tag = 5');
    office.settle();
    for (const table of ['before', 'after', 'last']) assert.deepEqual(named(table), [['sign']]);
    assert.deepEqual(everywhere(office, 'SELECT tag FROM after'), [[5n]]);
  });
});

test('SCH5 a key that means a table by its name alone, and names columns that are not there, is withheld and listed', () => {
  copies((office, ana, ben) => {
    ben.run('CREATE TABLE label (code TEXT PRIMARY KEY, r REFERENCES tag (word))');
    for (const sql of RENAMED_AND_DROPPED) ana.run(sql);
    office.settle();
    assert.deepEqual(targets(office), []);
    assert.deepEqual(
      ana.conflicts().map(({ table, note }) => [table, note]),
      ['client', 'label'].map((table) => [table, 'it refers to columns that are not unique any more']),
    );
    ana.runMinding(["INSERT INTO label VALUES ('l', 'any')", "INSERT INTO client (code) VALUES ('c')"]);
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT label.code, r, client.code FROM label, client'), [['l', 'any', 'c']]);
  });
});
