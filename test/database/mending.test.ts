import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveConflicts } from '../../src/database/conflicts/resolving.ts';
import { type Copy, DB, everywhere, Office } from './copies.ts';

function copies(sql: string, work: (office: Office, ana: Copy, ben: Copy, chloe: Copy) => void): void {
  const office = new Office(sql, 3);
  try {
    const [ana, ben, chloe] = office.copies as [Copy, Copy, Copy];
    work(office, ana, ben, chloe);
  } finally {
    office.close();
  }
}

function listed(copy: Copy): unknown[] {
  return copy.conflicts().map(({ kind, table, key, note }) => [kind, table, key, note]);
}

function resolve(office: Office, copy: Copy, candidate: string, at = 0): void {
  const { id } = copy.conflicts()[at] as { id: string };
  assert.equal(copy.engine.edit(resolveConflicts(DB, [{ conflict: id, candidate: candidate }])), 'done');
  office.settle();
}

const BOOKS = `
  CREATE TABLE client (code TEXT PRIMARY KEY COLLATE NOCASE, name TEXT, boss TEXT REFERENCES client (code));
  INSERT INTO client VALUES ('c1', 'One', NULL), ('c2', 'Two', 'c1');
  CREATE TABLE entry (id INTEGER PRIMARY KEY, text TEXT, twin INTEGER REFERENCES entry (id), client TEXT REFERENCES client (code));
  INSERT INTO entry VALUES (1, 'one', 2, NULL), (2, 'two', 1, 'c2'), (3, 'three', NULL, NULL);
  CREATE TABLE part (a INTEGER, b TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
  INSERT INTO part VALUES (1, 'x'), (1, 'y');
  CREATE TABLE use (id INTEGER PRIMARY KEY, a INTEGER, b TEXT, FOREIGN KEY (a, b) REFERENCES part (a, b) ON DELETE CASCADE);
  INSERT INTO use VALUES (1, 1, 'y');
`;

test('MND2 a row that somebody refers to without knowing of its deletion is kept with its own references, and listed until it is wanted or nobody refers to it', () => {
  copies(BOOKS, (office, ana, ben, chloe) => {
    ana.runMinding([
      'UPDATE entry SET client = NULL',
      "DELETE FROM client WHERE code = 'c2'",
      "DELETE FROM client WHERE code = 'c1'",
    ]);
    ben.runMinding(["INSERT INTO entry (text, client) VALUES ('new', 'C2')"]);
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT code FROM client ORDER BY 1'), [['c1'], ['c2']]);
    const note = 'deleted, and kept because rows refer to it';
    assert.deepEqual(listed(chloe), [
      ['row', 'client', { code: 'c1' }, note],
      ['row', 'client', { code: 'c2' }, note],
    ]);
    resolve(office, chloe, 'keep');
    assert.deepEqual(listed(ben), [['row', 'client', { code: 'c2' }, note]]);
    chloe.runMinding(["UPDATE entry SET client = 'c1' WHERE client = 'C2'"]);
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT code FROM client'), [['c1']]);
    assert.deepEqual(ana.conflicts(), []);
  });
});

test('MND2 rows that refer to each other do not keep each other, and a composite reference keeps its row', () => {
  copies(BOOKS, (office, ana, ben) => {
    ana.runMinding([
      'UPDATE entry SET twin = NULL',
      'DELETE FROM entry WHERE id < 3',
      "DELETE FROM part WHERE b = 'y'",
    ]);
    ben.runMinding(["INSERT INTO use (a, b) VALUES (1, 'y')", "INSERT INTO entry (text, twin) VALUES ('third', 1)"]);
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT a, b FROM part'), [
      [1n, 'x'],
      [1n, 'y'],
    ]);
    assert.deepEqual(everywhere(office, 'SELECT id, a, b FROM use'), [[2n, 1n, 'y']]);
    // Entry 1 is kept as it was when it was deleted, with the one that it referred to.
    assert.deepEqual(everywhere(office, 'SELECT id, twin FROM entry'), [
      [1n, 2n],
      [2n, 1n],
      [3n, null],
      [4n, 1n],
    ]);
    ben.runMinding(["DELETE FROM entry WHERE text = 'third'"]);
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT id FROM entry'), [[3n]]);
  });
});

test('MND2 a row that is kept stays for whoever had it there and writes to what refers to it by a value, though that which kept it goes', () => {
  const sql = `CREATE TABLE client (code TEXT PRIMARY KEY, name TEXT);
    INSERT INTO client VALUES ('c', 'Miller');
    CREATE TABLE entry (id INTEGER PRIMARY KEY, text TEXT, client TEXT REFERENCES client (code));
    CREATE TABLE line (entry INTEGER REFERENCES entry (id), nr INTEGER, text TEXT, PRIMARY KEY (entry, nr)) WITHOUT ROWID;
    INSERT INTO entry VALUES (1, 'one', 'c'), (2, 'two', NULL);
    INSERT INTO line VALUES (1, 1, 'a'), (2, 1, 'b')`;
  copies(sql, (office, ana, ben, chloe) => {
    ana.runMinding(['DELETE FROM line', 'DELETE FROM entry', 'DELETE FROM client']);
    ben.runMinding(["INSERT INTO line VALUES (1, 2, 'unaware'), (2, 2, 'unaware')"]);
    office.settle();
    const lines = 'SELECT entry, nr FROM line ORDER BY 1, 2';
    assert.deepEqual(everywhere(office, lines), [
      [1n, 2n],
      [2n, 2n],
    ]);
    // One more refers, and the one that kept the entry goes; the other is edited while somebody deletes it.
    chloe.runMinding(["INSERT INTO line VALUES (1, 3, 'aware')", 'DELETE FROM line WHERE entry = 1 AND nr = 2']);
    chloe.runMinding(["UPDATE line SET text = 'edited' WHERE entry = 2"]);
    ben.runMinding(['DELETE FROM line WHERE entry = 2']);
    office.settle();
    assert.deepEqual(everywhere(office, lines), [
      [1n, 3n],
      [2n, 2n],
    ]);
    assert.deepEqual(everywhere(office, 'SELECT id, text FROM entry ORDER BY 1'), [
      [1n, 'one'],
      [2n, 'two'],
    ]);
    // What a row that is wanted refers to is wanted with it.
    assert.deepEqual(everywhere(office, 'SELECT code, name FROM client'), [['c', 'Miller']]);
    assert.deepEqual(everywhere(office, 'PRAGMA foreign_key_check'), []);
  });
});

test('MND2 a row that is kept is wanted by whoever refers to it while it is still there, though that which kept it has gone', () => {
  const sql = `CREATE TABLE client (code TEXT PRIMARY KEY, name TEXT);
    INSERT INTO client VALUES ('c', 'Miller');
    CREATE TABLE entry (id INTEGER PRIMARY KEY, client TEXT REFERENCES client (code));
    INSERT INTO entry VALUES (1, NULL)`;
  copies(sql, (office, ana, ben) => {
    ben.runMinding(['DELETE FROM client']);
    ana.runMinding(["UPDATE entry SET client = 'c'"]);
    office.settle();
    ana.runMinding(['UPDATE entry SET client = NULL']);
    assert.equal(ana.capture(), true);
    // What follows from that is not in her database yet.
    ana.runMinding(["INSERT INTO entry VALUES (2, 'c')"]);
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT code, name FROM client'), [['c', 'Miller']]);
    assert.deepEqual(everywhere(office, 'SELECT id, client FROM entry ORDER BY 1'), [
      [1n, null],
      [2n, 'c'],
    ]);
    assert.deepEqual(ben.conflicts(), []);
  });
});

test('MND2 what one copy broke knowingly stays as it is', () => {
  copies(BOOKS, (office, ana, ben) => {
    ana.run("DELETE FROM client WHERE code = 'c2'");
    office.settle();
    ben.run("INSERT INTO entry (text, client) VALUES ('knowing', 'c2')");
    office.settle();
    assert.deepEqual(ana.query("SELECT code FROM client WHERE code = 'c2'"), []);
    assert.deepEqual(ben.query('SELECT count(*) FROM entry'), [[4n]]);
    assert.deepEqual(ana.conflicts(), ben.conflicts());
  });
});

test('MND3 which column is counted up is told by what people call such columns', () => {
  const sql = `CREATE TABLE entry (id INTEGER PRIMARY KEY, year INTEGER, journal INTEGER, voucherNo INTEGER, text TEXT,
    UNIQUE (year, journal, voucherNo)); INSERT INTO entry VALUES (1, 2024, 1, 1, 'a')`;
  copies(sql, (office, ana, ben) => {
    ana.run("INSERT INTO entry (year, journal, voucherNo, text) VALUES (2024, 1, 2, 'ana')");
    ben.run("INSERT INTO entry (year, journal, voucherNo, text) VALUES (2024, 1, 2, 'ben')");
    ana.capture(1_000_001);
    ben.capture(1_000_002);
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT id, year, journal, voucherNo, text FROM entry WHERE id > 1'), [
      [2n, 2024n, 1n, 2n, 'ana'],
      [3n, 2024n, 1n, 3n, 'ben'],
    ]);
  });
});

test('MND3 a unique number that two rows got is the next free one for the later, written down by its own copy, and stays', () => {
  const sql = `CREATE TABLE journal (id INTEGER PRIMARY KEY, year TEXT, no INTEGER, text TEXT, UNIQUE (year, no));
    INSERT INTO journal VALUES (1, '24', 1, 'a'), (2, '24', 2, 'b'), (3, '25', 1, 'c'), (4, '25', 9, 'd')`;
  copies(sql, (office, ana, ben, chloe) => {
    for (const [copy, text] of [
      [ana, 'ana'],
      [ben, 'ben'],
      [chloe, 'chloe'],
    ] as const) {
      copy.run(`INSERT INTO journal (year, no, text) VALUES ('24', 3, '${text}')`);
    }
    chloe.capture(1_000_001);
    ben.capture(1_000_002);
    ana.capture(1_000_003);
    office.settle();
    const all = 'SELECT text, no FROM journal WHERE id > 4 ORDER BY no';
    assert.deepEqual(everywhere(office, all), [
      ['chloe', 3n],
      ['ben', 4n],
      ['ana', 5n],
    ]);
    ben.run("DELETE FROM journal WHERE text = 'chloe'");
    office.settle();
    assert.deepEqual(everywhere(office, all), [
      ['ben', 4n],
      ['ana', 5n],
    ]);
    const numbers =
      office.copies[0]?.log
        .ops()
        .flat()
        .filter(({ kind }) => kind === 'number') ?? [];
    assert.equal(numbers.length, 4);
  });
});

const LABELS = `CREATE TABLE account (no INTEGER PRIMARY KEY, label TEXT NOT NULL UNIQUE COLLATE NOCASE);
  INSERT INTO account VALUES (10, 'Cash'), (20, 'Rent'), (45, 'Sales (2)')`;

test('MND4 a unique text that two rows got is marked in the later one, and listed until a person says who is called so', () => {
  for (const candidate of ['rename', 'keep', 'edit'] as const) {
    copies(LABELS, (office, ana, ben, chloe) => {
      ana.run("INSERT INTO account VALUES (30, 'Sales')");
      ben.run("INSERT INTO account VALUES (40, 'SALES')");
      ana.capture(1_000_001);
      ben.capture(1_000_002);
      office.settle();
      const all = 'SELECT no, label FROM account WHERE no IN (30, 40) ORDER BY no';
      assert.deepEqual(everywhere(office, all), [
        [30n, 'Sales'],
        [40n, 'SALES (3)'],
      ]);
      assert.deepEqual(listed(chloe), [['constraint', 'account', { no: 40 }, '"SALES" is that of account {"no":30}']]);
      if (candidate === 'edit') {
        chloe.run("UPDATE account SET label = 'Turnover' WHERE no = 40");
        office.settle();
      } else resolve(office, chloe, candidate);
      assert.deepEqual(chloe.conflicts(), []);
      const expected = {
        rename: ['Sales', 'SALES (3)'],
        keep: ['SALES (3)', 'SALES'],
        edit: ['Sales', 'Turnover'],
      }[candidate];
      assert.deepEqual(
        everywhere(office, all).map(([, label]) => label),
        expected,
      );
    });
  }
});

test('MND4 who was there first is no conflict any more once it goes, and a mark gives way to who is really called so', () => {
  copies(LABELS, (office, ana, ben, chloe) => {
    ana.run("INSERT INTO account VALUES (30, 'Cost')");
    ben.run("INSERT INTO account VALUES (40, 'cost')");
    ana.capture(1_000_001);
    ben.capture(1_000_002);
    chloe.run("INSERT INTO account VALUES (50, 'COST (2)')");
    office.settle();
    const all = 'SELECT no, label FROM account WHERE no IN (30, 40, 50) ORDER BY no';
    assert.deepEqual(everywhere(office, all), [
      [30n, 'Cost'],
      [40n, 'cost (3)'],
      [50n, 'COST (2)'],
    ]);
    chloe.run('DELETE FROM account WHERE no = 50');
    office.settle();
    assert.deepEqual(everywhere(office, all)[1], [40n, 'cost (2)']);
    chloe.run('DELETE FROM account WHERE no = 30');
    office.settle();
    assert.deepEqual(everywhere(office, all), [[40n, 'cost']]);
    assert.deepEqual(ana.conflicts(), []);
  });
});

const BALANCE = `CREATE TABLE line (id INTEGER PRIMARY KEY, text TEXT, debit INTEGER NOT NULL DEFAULT 0, credit INTEGER NOT NULL DEFAULT 0,
    CHECK (debit = 0 OR credit = 0), CHECK (length(text) < 9));
  INSERT INTO line VALUES (1, 'one', 0, 0), (2, 'two', 0, 0)`;

test('MND6 where two valid edits break a check together the row is one person’s whole row, and the other’s is in the conflict', () => {
  for (const chosen of ['ana', 'ben'] as const) {
    copies(BALANCE, (office, ana, ben, chloe) => {
      ana.run("UPDATE line SET debit = 5, text = 'ana' WHERE id = 1");
      ben.run('UPDATE line SET credit = 7 WHERE id = 1');
      ana.capture(1_000_001);
      ben.capture(1_000_002);
      office.settle();
      const all = 'SELECT * FROM line WHERE id = 1';
      assert.deepEqual(everywhere(office, all), [[1n, 'one', 0n, 7n]]);
      const [conflict] = chloe.conflicts();
      assert.equal(conflict?.note, 'a CHECK of line does not allow the edits of all together');
      assert.deepEqual(
        conflict?.candidates.map(({ value, shown }) => [value, shown]),
        [
          [{ id: 1, text: 'one', debit: 0, credit: 7 }, true],
          [{ id: 1, text: 'ana', debit: 5, credit: 0 }, false],
        ],
      );
      const index = chosen === 'ana' ? 1 : 0;
      resolve(office, chloe, conflict?.candidates[index]?.id ?? '');
      assert.deepEqual(everywhere(office, all), [chosen === 'ana' ? [1n, 'ana', 5n, 0n] : [1n, 'one', 0n, 7n]]);
      assert.deepEqual(ana.conflicts(), []);
    });
  }
});

test('MND6 who edits such a row edits what is shown: something else leaves it as it is, what is at odds settles it', () => {
  copies(BALANCE, (office, ana, ben, chloe) => {
    ana.run('UPDATE line SET debit = 5 WHERE id = 1');
    ben.run('UPDATE line SET credit = 7 WHERE id = 1');
    ana.capture(1_000_001);
    ben.capture(1_000_002);
    office.settle();
    chloe.run("UPDATE line SET text = 'chloe' WHERE id = 1");
    office.settle();
    const all = 'SELECT * FROM line WHERE id = 1';
    assert.deepEqual(everywhere(office, all), [[1n, 'chloe', 0n, 7n]]);
    assert.equal(ana.conflicts().length, 1);
    chloe.run('UPDATE line SET credit = 0 WHERE id = 1');
    office.settle();
    assert.deepEqual(everywhere(office, all), [[1n, 'chloe', 0n, 0n]]);
    assert.deepEqual(ana.conflicts(), []);
  });
});

test('MND6 the row that is shown has what its writer had in front of him, though it was written over since', () => {
  copies(
    'CREATE TABLE pair (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, CHECK (a + b < 10)); INSERT INTO pair VALUES (1, 0, 0)',
    (office, ana, ben) => {
      ana.run('UPDATE pair SET a = 3 WHERE id = 1');
      office.settle();
      ana.run('UPDATE pair SET a = 8 WHERE id = 1');
      ben.run('UPDATE pair SET b = 6 WHERE id = 1');
      ana.capture(1_000_001);
      ben.capture(1_000_002);
      office.settle();
      assert.deepEqual(everywhere(office, 'SELECT * FROM pair'), [[1n, 3n, 6n]]);
      // From now on it is remembered as it is written.
      ana.run('UPDATE pair SET a = 2, b = 2 WHERE id = 1');
      office.settle();
      ana.run('UPDATE pair SET a = 7 WHERE id = 1');
      ben.run('UPDATE pair SET b = 5 WHERE id = 1');
      ana.capture(1_000_003);
      ben.capture(1_000_004);
      office.settle();
      assert.deepEqual(everywhere(office, 'SELECT * FROM pair'), [[1n, 2n, 5n]]);
    },
  );
});

test('MND6 what one copy alone brought in against a check stays as it is', () => {
  copies(BALANCE, (office, ana, ben) => {
    ana.run('PRAGMA ignore_check_constraints = ON; UPDATE line SET debit = 5, credit = 5 WHERE id = 1');
    office.settle();
    ben.run("UPDATE line SET text = 'ben' WHERE id = 2");
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT debit, credit FROM line WHERE id = 1'), [[5n, 5n]]);
  });
});

test('MND7 indexes over expressions and over some rows count like others', () => {
  const sql = `CREATE TABLE tax (id INTEGER PRIMARY KEY, code TEXT, year INTEGER, open INTEGER);
    CREATE UNIQUE INDEX tax_open ON tax (year) WHERE open = 1; CREATE UNIQUE INDEX tax_code ON tax (lower(code));
    INSERT INTO tax VALUES (1, 'Vat', 24, 0), (2, 'wage', 23, 1)`;
  copies(sql, (office, ana, ben, chloe) => {
    ana.run("INSERT INTO tax VALUES (3, 'New', 25, 0)");
    ben.run("INSERT INTO tax VALUES (4, 'NEW', 26, 0)");
    ana.run('UPDATE tax SET open = 1 WHERE id = 1');
    chloe.run("INSERT INTO tax VALUES (5, 'other', 24, 1)");
    ana.capture(1_000_001);
    ben.capture(1_000_002);
    chloe.capture(1_000_003);
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT code, year, open FROM tax ORDER BY code'), [
      ['NEW (2)', 26n, 0n],
      ['New', 25n, 0n],
      ['Vat', 24n, 1n],
      ['wage', 23n, 1n],
    ]);
    assert.deepEqual(
      ana
        .conflicts()
        .map(({ note }) => note)
        .sort(),
      ['"NEW" is that of tax {"id":3}', 'UNIQUE tax (year)'],
    );
    ana.run('UPDATE tax SET open = 0 WHERE id = 1');
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT code FROM tax WHERE year = 24 ORDER BY 1'), [['Vat'], ['other']]);
    // REPLACE over such an index deletes a row, and no trigger runs.
    ben.run("INSERT OR REPLACE INTO tax VALUES (9, 'VAT', 27, 0)");
    office.settle();
    assert.deepEqual(everywhere(office, "SELECT id FROM tax WHERE lower(code) = 'vat'"), [[9n]]);
  });
});

test('MND8 a reference by a unique value goes where its row goes, and stays what it was where somebody left it behind knowingly', () => {
  const sql = `CREATE TABLE doc (id INTEGER PRIMARY KEY, no INTEGER UNIQUE, name TEXT UNIQUE);
    INSERT INTO doc VALUES (1, 1, 'one'), (2, 2, 'two');
    CREATE TABLE line (id INTEGER PRIMARY KEY, doc INTEGER REFERENCES doc (no) ON UPDATE CASCADE, name TEXT REFERENCES doc (name) ON UPDATE CASCADE);
    INSERT INTO line VALUES (1, 1, 'one'), (2, 1, NULL)`;
  copies(sql, (office, ana, ben, chloe) => {
    for (const [copy, who] of [
      [ana, 'ana'],
      [ben, 'ben'],
    ] as const) {
      copy.runMinding([
        "INSERT INTO doc (no, name) VALUES (3, 'new')",
        `INSERT INTO line (doc, name) VALUES (3, 'new')`,
        `UPDATE doc SET name = '${who}' WHERE no = 2`,
      ]);
    }
    chloe.runMinding(["INSERT INTO line (doc, name) VALUES (2, 'two')"]);
    ana.capture(1_000_001);
    ben.capture(1_000_002);
    chloe.capture(1_000_003);
    office.settle();
    const all = 'SELECT doc, name FROM line WHERE name IS NOT NULL ORDER BY 1';
    assert.deepEqual(everywhere(office, all), [
      [1n, 'one'],
      [2n, 'ben'],
      [3n, 'new'],
      [4n, 'new (2)'],
    ]);
    chloe.runMinding(["UPDATE doc SET name = 'last' WHERE no = 2"]);
    office.settle();
    assert.deepEqual(everywhere(office, all)[1], [2n, 'last']);
    ana.run("UPDATE doc SET name = 'left' WHERE no = 1");
    office.settle();
    assert.deepEqual(ben.query('SELECT name FROM line WHERE id = 1'), [['one']]);
  });
});

const TAKEN_OVER = `CREATE TABLE setting (id INTEGER PRIMARY KEY, label TEXT UNIQUE, text TEXT);
  INSERT INTO setting VALUES (1, 'One', 'value');
  CREATE TABLE note (k TEXT PRIMARY KEY, label TEXT NOT NULL REFERENCES setting (label), text TEXT);
  INSERT INTO note VALUES ('base', 'One', 'old')`;

test('MND8 a reference by a unique value goes to the row that took the value over from one that was deleted, whatever that one is called', () => {
  copies(TAKEN_OVER, (office, ana, ben, chloe) => {
    assert.equal(ana.engine.tables.get('setting')?.kind, 'name');
    ana.run("INSERT INTO note VALUES ('new', 'One', NULL)");
    office.settle();
    // The key is a name: another one is another row.
    ana.run('UPDATE setting SET id = 2');
    ana.capture(1_000_001);
    ben.run("INSERT INTO setting VALUES (2, 'Two', 'other')");
    ben.capture(1_000_002);
    // First one, then the other, and both at once.
    chloe.log.pull(ana.log);
    chloe.work();
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT id, label FROM setting'), [[2n, 'Two']]);
    assert.deepEqual(everywhere(office, 'SELECT k, label FROM note ORDER BY k'), [
      ['base', 'Two'],
      ['new', 'Two'],
    ]);
    chloe.run("UPDATE setting SET label = 'Three'");
    chloe.run("UPDATE note SET label = 'Three'");
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT label FROM note'), [['Three'], ['Three']]);
  });
});

test('MND5 a row that must refer to another, which has no value for it any more, is withheld and listed with what is in it', () => {
  copies(TAKEN_OVER, (office, ana, ben, chloe) => {
    ana.run('UPDATE setting SET id = 2');
    ana.capture(1_000_001);
    ben.run("INSERT INTO setting VALUES (2, NULL, 'other')");
    ben.capture(1_000_002);
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT * FROM note'), []);
    const about = chloe.conflicts().find(({ table }) => table === 'note');
    assert.equal(about?.note, 'NOT NULL of note: the row to which it refers has no value for it');
    assert.deepEqual(
      about?.candidates.map(({ value }) => value),
      [{ k: 'base', label: 'One', text: 'old' }],
    );
    chloe.run("UPDATE setting SET label = 'Four'");
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT label FROM note'), [['Four']]);
    assert.deepEqual(
      ana.conflicts().filter(({ table }) => table === 'note'),
      [],
    );
  });
});

test('MND4 an index that somebody makes counts for what others had written before they had it', () => {
  const sql =
    "CREATE TABLE doc (id INTEGER PRIMARY KEY, no INTEGER, name TEXT); INSERT INTO doc VALUES (1, 1, 'one'), (2, 2, 'two')";
  copies(sql, (office, ana, ben, chloe) => {
    ana.run('CREATE UNIQUE INDEX doc_name ON doc (name)');
    ben.run("INSERT INTO doc (no, name) VALUES (7, 'one')");
    chloe.run("INSERT INTO doc (no, name) VALUES (8, 'one')");
    ana.capture(1_000_001);
    ben.capture(1_000_002);
    chloe.capture(1_000_003);
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT no, name FROM doc WHERE no > 2 ORDER BY no'), [
      [7n, 'one (2)'],
      [8n, 'one (3)'],
    ]);
  });
});

test('MND2 a row to which another refers that was deleted and came back with what it had, is kept like one to which it was made to refer', () => {
  const sql = `CREATE TABLE parent (k TEXT PRIMARY KEY, no INTEGER UNIQUE); INSERT INTO parent VALUES ('p', 1);
    CREATE TABLE child (k TEXT PRIMARY KEY, p TEXT REFERENCES parent (k), no INTEGER REFERENCES parent (no), text TEXT);
    INSERT INTO child VALUES ('by key', 'p', NULL, 'old'), ('by no', NULL, 1, 'old')`;
  for (const which of ['by key', 'by no']) {
    copies(sql, (office, ana, ben, chloe) => {
      ana.runMinding(['DELETE FROM child']);
      ana.capture();
      ana.runMinding(['DELETE FROM parent']);
      ben.runMinding([`UPDATE child SET text = 'new' WHERE k = '${which}'`]);
      ben.capture();
      // The child's deletion, and not that of the parent.
      ben.log.pull(ana.log);
      ben.work();
      ben.runMinding([`UPDATE child SET text = 'newer' WHERE k = '${which}'`]);
      ben.work();
      chloe.log.pull(ben.log);
      chloe.work();
      office.settle();
      assert.deepEqual(everywhere(office, 'SELECT child.k, parent.k FROM child JOIN parent'), [[which, 'p']]);
      assert.deepEqual(listed(chloe), [['row', 'parent', { k: 'p' }, 'deleted, and kept because rows refer to it']]);
    });
  }
});

test('MND2 a row that is referred to by a value is kept as well where its deletion comes with another index of its table', () => {
  const sql = `CREATE TABLE parent (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, text TEXT, UNIQUE (a, b));
    CREATE TABLE child (k TEXT PRIMARY KEY, a INTEGER, b INTEGER, FOREIGN KEY (a, b) REFERENCES parent (a, b));
    INSERT INTO parent VALUES (1, 8, 9, 'old')`;
  const made: Record<string, (office: Office, ana: Copy, ben: Copy) => void> = {
    'by one': (_, ana) => ana.run("INSERT INTO parent VALUES (2, 5, 6, 'new')"),
    'by two, each half': (_, ana, ben) => {
      ana.run('UPDATE parent SET a = 5 WHERE id = 1');
      ben.run('UPDATE parent SET b = 6 WHERE id = 1');
    },
  };
  for (const [how, make] of Object.entries(made)) {
    copies(sql, (office, ana, ben) => {
      make(office, ana, ben);
      office.settle();
      ben.runMinding(['CREATE UNIQUE INDEX parent_text ON parent (text)', 'DELETE FROM parent WHERE a = 5']);
      ana.runMinding(["INSERT INTO child VALUES ('x', 5, 6)"]);
      office.settle();
      assert.deepEqual(everywhere(office, 'SELECT a, b FROM parent WHERE a = 5'), [[5n, 6n]], how);
      assert.equal(ben.conflicts()[0]?.note, 'deleted, and kept because rows refer to it', how);
    });
  }
});

test('MND2 a row to which others refer cannot be chosen to be deleted until they refer to it no longer', () => {
  copies(BOOKS, (office, ana, ben) => {
    ana.run('DELETE FROM entry WHERE id = 3');
    ben.run("UPDATE entry SET text = 'drei' WHERE id = 3");
    office.settle();
    ana.run('UPDATE entry SET twin = 3 WHERE id = 1');
    office.settle();
    const { id } = ana.conflicts()[0] as { id: string };
    assert.throws(() => ana.engine.edit(resolveConflicts(DB, [{ conflict: id, candidate: 'delete' }])), {
      message: /Other rows refer to this one as it is/,
    });
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT id, twin FROM entry'), [
      [1n, 3n],
      [2n, 1n],
      [3n, null],
    ]);
    ana.run('UPDATE entry SET twin = NULL WHERE id = 1');
    office.settle();
    resolve(office, ana, 'delete');
    assert.deepEqual(everywhere(office, 'SELECT id FROM entry'), [[1n], [2n]]);
    assert.deepEqual(ana.conflicts(), []);
  });
});

test('MND2 a value by which others refer to a row cannot be chosen away', () => {
  copies(
    'CREATE TABLE t (id INTEGER PRIMARY KEY, no INTEGER UNIQUE); CREATE TABLE u (k TEXT PRIMARY KEY, t REFERENCES t (no)); INSERT INTO t VALUES (1, 1)',
    (office, ana, ben) => {
      ana.run('UPDATE t SET no = 5');
      ana.capture();
      ben.run('UPDATE t SET no = 6');
      office.settle();
      ana.run("INSERT INTO u VALUES ('x', 6)");
      office.settle();
      const { id, candidates } = ana.conflicts()[0] as ReturnType<Copy['conflicts']>[number];
      const [other, shown] = [false, true].map((is) => candidates.find((each) => each.shown === is)?.id as string);
      assert.throws(() => ana.engine.edit(resolveConflicts(DB, [{ conflict: id, candidate: other as string }])), {
        message: /refer to this one/,
      });
      resolve(office, ana, shown as string);
      assert.deepEqual(everywhere(office, 'SELECT no, u.t FROM t JOIN u'), [[6n, 6n]]);
      assert.deepEqual(ana.conflicts(), []);
    },
  );
});
