/** The main job from end to end: three people, one file, their own programs. Real processes, network and disk. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { assertEqualCopies, schemaOf } from './copies.ts';
import { arrives, type Copy, conflictsOf, engagement, LEDGER, meet, NOTES, NOTHING } from './engagement.ts';
import { Office, until } from './office.ts';
import { saveByRename, write } from './outside.ts';

suite('three people work on one file', { timeout: 400_000 }, () => {
  let office: Office;
  let all: Copy[];
  let ana: Copy;
  let ben: Copy;
  let chloe: Copy;

  before(async () => {
    office = await Office.begin();
    all = await engagement(office, ['ana', 'ben', 'chloe']);
    [ana, ben, chloe] = all as [Copy, Copy, Copy];
  });
  after(() => office.close());

  const text = (copy: Copy, path: string) => readFileSync(copy.at(path), 'utf8');
  const offline = async (...copies: Copy[]) => {
    for (const { machine, folder } of copies) {
      assert.deepEqual(await machine.ask('offline', { folder }), { state: 'offline' });
    }
  };
  const online = async (...copies: Copy[]) => {
    for (const { machine, folder } of copies) {
      const { state } = await machine.ask('online', { folder });
      assert.ok(state === 'online' || state === 'syncing', state);
    }
  };

  test('PRC1 a published folder and its copies are equal, and the application finds its schema as it made it', async () => {
    assertEqualCopies(ana.folder, ben.folder, chloe.folder);
    for (const { folder, sql } of all) {
      assert.deepEqual(schemaOf(join(folder, LEDGER)), schemaOf(ana.at(LEDGER)));
      assert.equal(await sql('PRAGMA journal_mode'), 'wal');
      assert.equal(await sql('PRAGMA journal_mode', NOTES), 'delete');
    }
    const [listed] = await ben.machine.json('files');
    assert.deepEqual([listed?.name, listed?.documents, listed?.databases, listed?.copies], ['Acme 2026', 4, 2, 3]);
    const [own] = await ben.machine.json('copies');
    assert.deepEqual([own?.file.name, own?.folder, own?.state], ['Acme 2026', ben.folder, 'online']);
  });

  test('PRC2 what anybody commits or saves with any program is with the others without a command', async () => {
    await ana.sql("UPDATE account SET comment = 'by Ana' WHERE no = 1000");
    await ben.sql("UPDATE account SET comment = 'by Ben' WHERE no = 1010");
    await chloe.sql("UPDATE note SET body = 'by Chloe' WHERE topic = 'stock'", NOTES);
    await chloe.sql("INSERT INTO mark VALUES (3, 'three')", NOTES);
    await ben.sql("DELETE FROM mark WHERE a = 1; INSERT INTO mark VALUES (x'00', -0.5)", NOTES);
    write(ana.at('letter.txt'), 'Dear client,\nplease find\n');
    saveByRename(ben.at(join('work', 'plan.md')), '# Plan\n\n1. Cash\n');
    write(chloe.at(join('work', 'new', 'first.txt')), 'new here\n');
    await arrives(all, 'SELECT comment FROM account WHERE no IN (1000, 1010)', 'by Ana\nby Ben');
    await arrives(all, 'SELECT DISTINCT body FROM note WHERE topic = ' + "'stock'", 'by Chloe', NOTES);
    await arrives(
      all,
      "SELECT group_concat(b, ',') FROM (SELECT b FROM mark ORDER BY typeof(b), b)",
      '-0.5,three,two',
      NOTES,
    );
    for (const copy of all) {
      await until('saves arrive', () => {
        assert.equal(text(copy, 'letter.txt'), 'Dear client,\nplease find\n');
        assert.equal(text(copy, join('work', 'plan.md')), '# Plan\n\n1. Cash\n');
        assert.equal(text(copy, join('work', 'new', 'first.txt')), 'new here\n');
      });
    }
    await meet(all);
    assert.deepEqual(await conflictsOf(all), []);
  });

  test('PRC2 a rename, a move and a deletion are with the others', async () => {
    renameSync(ben.at('letter.txt'), ben.at('Letter to Acme.txt'));
    mkdirSync(ana.at('archive'));
    renameSync(ana.at(join('work', 'plan.md')), ana.at(join('archive', 'plan.md')));
    rmSync(chloe.at(join('work', 'new')), { recursive: true });
    for (const copy of all) {
      await until(`the folder of ${copy.machine.user}`, () => {
        assert.ok(!existsSync(copy.at('letter.txt')) && existsSync(copy.at('Letter to Acme.txt')), 'renamed');
        assert.ok(
          !existsSync(copy.at(join('work', 'plan.md'))) && existsSync(copy.at(join('archive', 'plan.md'))),
          'moved',
        );
        assert.ok(!existsSync(copy.at(join('work', 'new', 'first.txt'))), 'deleted');
      });
    }
    await meet(all);
    assert.equal((await ben.machine.json('versions', [ben.at('Letter to Acme.txt')])).length, 2, 'one document still');
  });

  test('PRC3 edits of different cells, made offline, all stand; of the same cell they are a conflict, equal everywhere, until it is settled', async () => {
    await offline(ana, ben);
    await ana.sql("UPDATE account SET balance = 111 WHERE no = 1100; UPDATE account SET comment = 'A' WHERE no = 1110");
    await ben.sql("UPDATE account SET comment = 'B' WHERE no = 1100; UPDATE account SET comment = 'B' WHERE no = 1110");
    saveByRename(ana.at('Letter to Acme.txt'), 'from Ana\n');
    saveByRename(ben.at('Letter to Acme.txt'), 'from Ben\n');
    saveByRename(ana.at('same.txt'), 'equal content\n');
    saveByRename(ben.at('same.txt'), 'equal content\n');
    const status = await ana.machine.json('status', [ana.folder]);
    assert.equal(status.state, 'offline');
    assert.match(await ana.machine.refused('sync', ana.folder), /tieout online/);
    await online(ana, ben);
    await meet(all);
    await arrives(all, 'SELECT balance, comment FROM account WHERE no = 1100', '111|B');

    const conflicts = await conflictsOf(all);
    assert.deepEqual(conflicts.map(({ kind }) => kind).sort(), ['cell', 'document']);
    const cell = conflicts.find(({ kind }) => kind === 'cell')!;
    assert.deepEqual([cell.database, cell.table, cell.key, cell.column], [LEDGER, 'account', { no: 1110 }, 'comment']);
    assert.deepEqual(cell.candidates.map(({ value, by }) => [value, by]).sort(), [
      ['A', 'ana'],
      ['B', 'ben'],
    ]);
    const shown = cell.candidates.filter((candidate) => candidate.shown);
    assert.equal(shown.length, 1);
    await arrives(all, 'SELECT comment FROM account WHERE no = 1110', String(shown[0]?.value));

    const other = cell.candidates.find((candidate) => !candidate.shown)!;
    assert.deepEqual(await chloe.machine.json('resolve', [cell.id, '--take', other.id, '--folder', chloe.folder]), {
      id: cell.id,
    });
    await arrives(all, 'SELECT comment FROM account WHERE no = 1110', String(other.value));

    const letter = conflicts.find(({ kind }) => kind === 'document')!;
    assert.equal(letter.path, 'Letter to Acme.txt');
    const saved = letter.candidates.find((candidate) => !candidate.shown)!;
    const content = saved.by === 'ana' ? 'from Ana\n' : 'from Ben\n';
    await ben.machine.json('resolve', [letter.id, '--take', saved.id, '--folder', ben.folder]);
    for (const copy of all) await until('the choice', () => assert.equal(text(copy, 'Letter to Acme.txt'), content));
    await meet(all);
    assert.deepEqual(await conflictsOf(all), []);
    const same = await chloe.machine.json('versions', [chloe.at('same.txt')]);
    assert.deepEqual([same.length, same[0]?.conflict, same[0]?.alsoBy.length], [1, false, 1], 'equal saves');
  });

  test('PRC4 rows numbered alike offline stay two rows, and their lines follow', async () => {
    await offline(ana, ben);
    const add = (who: string) =>
      `INSERT INTO entry (text) VALUES ('of ${who}');
       INSERT INTO line (entry, account, amount) VALUES (last_insert_rowid(), 1000, ${who.length});`;
    await ana.sql(add('Ana'));
    await ben.sql(add('Benjamin'));
    const number = 'SELECT max(id) FROM entry';
    assert.equal(await ana.sql(number), await ben.sql(number), 'one number, handed out twice');
    await online(ana, ben);
    await meet(all);
    for (const copy of all) {
      const lines = await copy.sql(
        "SELECT e.text, l.amount FROM entry e JOIN line l ON l.entry = e.id WHERE e.text LIKE 'of %' ORDER BY 1",
      );
      assert.equal(lines, 'of Ana|3\nof Benjamin|8');
      assert.equal(await copy.sql("SELECT count(DISTINCT id) FROM entry WHERE text LIKE 'of %'"), '2');
      assert.equal(await copy.sql('PRAGMA foreign_key_check'), '');
    }
    const listed = await conflictsOf(all);
    assert.deepEqual(listed.map(({ kind, table, column }) => [kind, table, column]).sort(), [
      ['constraint', 'entry', 'id'],
      ['constraint', 'line', 'id'],
    ]);
    const entry = listed.find(({ table }) => table === 'entry')!;
    const became = /^entry id (\d+) became (\d+), because \1 is that of entry id \1, which is (ana|ben)'s$/.exec(
      entry.note!,
    );
    assert.ok(became, entry.note!);
    const [moved] = entry.candidates;
    assert.deepEqual(
      [entry.key, entry.candidates.length, moved?.value],
      [{ id: Number(became[2]) }, 1, Number(became[2])],
    );
    assert.deepEqual(new Set([moved?.by, became[3]]), new Set(['ana', 'ben']), 'the other one was earlier');
    const only = ['--database', entry.database!, '--table', 'entry'];
    assert.deepEqual(await chloe.machine.json('conflicts accept', [chloe.folder, ...only]), { settled: 1, left: 0 });
    assert.deepEqual(await chloe.machine.json('conflicts accept', [chloe.folder]), { settled: 1, left: 0 });
    await meet(all);
    assert.deepEqual(await conflictsOf(all), []);
  });

  test('PRC5 an edit made without knowledge of a deletion keeps the row, and is listed', async () => {
    await offline(ana, ben);
    await ana.sql('DELETE FROM account WHERE no IN (1200, 1210)');
    await ben.sql("UPDATE account SET comment = 'still needed' WHERE no = 1200");
    rmSync(ana.at('same.txt'));
    saveByRename(ben.at('same.txt'), 'still needed\n');
    await online(ana, ben);
    await meet(all);
    await arrives(
      all,
      'SELECT no, name, balance, comment FROM account WHERE no IN (1200, 1210)',
      '1200|Account 1200|20000|still needed',
    );
    for (const copy of all) assert.equal(text(copy, 'same.txt'), 'still needed\n');
    const conflicts = await conflictsOf(all);
    assert.ok(
      conflicts.some(({ kind, table }) => kind === 'row' && table === 'account'),
      JSON.stringify(conflicts),
    );
    for (const { id, candidates } of conflicts) {
      const kept = candidates.find(({ shown }) => shown) ?? candidates[0]!;
      await ana.machine.json('resolve', [id, '--take', kept.id, '--folder', ana.folder]);
    }
    await meet(all);
    assert.deepEqual(await conflictsOf(all), []);
  });

  test('PRC6 versions are listed, taken out under another name, and made current again for everybody', async () => {
    const paper = ana.at(join('papers', 'memo.txt'));
    for (const [index, copy] of all.entries()) {
      saveByRename(copy.at(join('papers', 'memo.txt')), `memo ${index}\n`);
      for (const other of all) {
        await until('the memo', () => assert.equal(text(other, join('papers', 'memo.txt')), `memo ${index}\n`));
      }
    }
    await meet(all);
    const versions = await ana.machine.json('versions', [paper]);
    assert.deepEqual(
      versions.map(({ by, current }) => [by, current]),
      [
        ['chloe', true],
        ['ben', false],
        ['ana', false],
      ],
    );
    const first = versions.at(-1)!;
    const out = join(ana.machine.home, 'memo of Ana.txt');
    assert.deepEqual(await ana.machine.json('get', [paper, '--version', first.id, '--out', out]), {
      path: out,
      size: 7,
    });
    assert.equal(readFileSync(out, 'utf8'), 'memo 0\n');
    assert.match(await ana.machine.refused('get', paper, '--version', first.id, '--out', out), /memo of Ana/);
    const there = join(ben.machine.home, 'memo of Ana.txt');
    await ben.machine.json('get', [ben.at(join('papers', 'memo.txt')), '--version', first.id, '--out', there]);
    assert.equal(readFileSync(there, 'utf8'), 'memo 0\n', 'fetched from the hub');
    const promoted = await ben.machine.json('promote', [ben.at(join('papers', 'memo.txt')), '--version', first.id]);
    assert.ok(promoted.current);
    for (const copy of all)
      await until('the first memo', () => assert.equal(text(copy, join('papers', 'memo.txt')), 'memo 0\n'));
    await meet(all);
    const entry = (await chloe.machine.json('docs', [chloe.folder])).find(({ path }) => path === 'papers/memo.txt');
    assert.deepEqual(
      [entry?.state, entry?.behaviour, entry?.registered, entry?.conflict],
      ['current', 'automatic', true, false],
    );
    const history = await chloe.machine.json('history', [chloe.at(join('papers', 'memo.txt'))]);
    assert.ok(history.length >= 4, 'three saves and a choice');
  });

  test('PRC6 the history of a cell says who, when, from and to', async () => {
    await ana.sql("UPDATE account SET comment = 'first' WHERE no = 1300");
    await arrives(all, 'SELECT comment FROM account WHERE no = 1300', 'first');
    await ben.sql("UPDATE account SET comment = 'second' WHERE no = 1300");
    await arrives(all, 'SELECT comment FROM account WHERE no = 1300', 'second');
    for (const { machine, folder } of all) {
      const where = ['--database', LEDGER, '--table', 'account', '--key', '{"no":1300}', '--column', 'comment'];
      const entries = await machine.json('history', [folder, ...where]);
      assert.deepEqual(
        entries.map(({ by, from, to }) => [by, from, to]),
        [
          ['ben', 'first', 'second'],
          ['ana', null, 'first'],
        ],
      );
      assert.ok((await machine.json('history', [folder])).length > 10);
    }
  });

  test('PRC7 users tells who works on the file, connected or last seen', async () => {
    assert.deepEqual(await chloe.machine.json('offline', [chloe.folder]), { state: 'offline' });
    await until('Chloe is away', async () => {
      const users = await ana.machine.json('users', [ana.folder]);
      const states = users.map(({ user, device, state }) => [user, device, state]).sort();
      assert.deepEqual(states, [
        ['ana', 'ana-pc', 'online'],
        ['ben', 'ben-pc', 'online'],
        ['chloe', 'chloe-pc', 'offline'],
      ]);
      assert.ok(users.every(({ lastSeen }) => lastSeen !== null));
    });
    assert.match((await chloe.machine.json('online', [chloe.folder])).state, /online|syncing/);
  });

  test('PRC8 a file with named members is to everybody else as if it were not there', async () => {
    const folder = join(ana.machine.folder, 'Board');
    write(join(folder, 'secret.txt'), 'for Ana and Ben\n');
    const { file } = await ana.machine.json('publish', [folder, '--members', 'ana,ben']);
    assert.deepEqual((await ben.machine.json('files')).map(({ name }) => name).sort(), ['Acme 2026', 'Board']);
    assert.deepEqual(
      (await chloe.machine.json('files')).map(({ name }) => name),
      ['Acme 2026'],
    );
    const unknown = await chloe.machine.refused('copy', 'Nothing');
    const refused = await chloe.machine.refused('copy', 'Board');
    assert.equal(refused.replace('Board', 'Nothing'), unknown);
    assert.ok(!existsSync(join(chloe.machine.folder, 'Board', 'secret.txt')));
    assert.ok(!refused.includes(file.id));
    await ben.machine.json('copy', ['Board']);
    assert.equal(readFileSync(join(ben.machine.folder, 'Board', 'secret.txt'), 'utf8'), 'for Ana and Ben\n');
  });

  test('PRC9 without the hub work goes on, and status never says safe before the hub has it', async () => {
    await meet(all);
    await office.hub.stop();
    await until('the hub is missed', async () =>
      assert.equal((await ana.machine.status(ana.folder)).state, 'unreachable'),
    );
    assert.equal((await ana.machine.json('status', [ana.folder])).safe, true, 'the hub had everything');
    await ana.sql("UPDATE account SET comment = 'alone' WHERE no = 1400");
    saveByRename(ana.at('alone.txt'), 'alone\n');
    await until('both are recorded', async () => {
      const { pending } = await ana.machine.status(ana.folder);
      assert.equal(pending.out.changes, 2);
      assert.ok(pending.out.bytes > 0);
    });
    assert.equal((await ana.machine.json('status', [ana.folder])).safe, false);
    assert.match(await ana.machine.refused('sync', ana.folder), /hub cannot be reached/);
    await ana.machine.json('stop');
    assert.equal((await ana.machine.json('status', [ana.folder])).safe, false, 'nor after a restart of the agent');
    await office.hub.start();
    await ana.machine.json('sync', [ana.folder]);
    assert.equal((await ana.machine.json('status', [ana.folder])).safe, true);
    await meet(all);
    assert.equal(text(chloe, 'alone.txt'), 'alone\n');
  });

  test('PRC10 doctor finds nothing wrong, stop ends the agent, and the next command starts it again', async () => {
    for (const { machine, folder } of all) {
      const { ok, checks } = await machine.json('doctor');
      assert.ok(ok, JSON.stringify(checks.filter(({ state }) => state === 'failed')));
      assert.deepEqual(await machine.json('stop'), { stopped: true });
      assert.deepEqual(await machine.json('stop'), { stopped: false });
      const { pending } = await machine.json('status', [folder]);
      assert.deepEqual(pending, NOTHING);
    }
    await meet(all);
    for (const { sql } of all) {
      assert.equal(await sql('PRAGMA integrity_check'), 'ok');
      assert.equal(await sql('PRAGMA integrity_check', NOTES), 'ok');
    }
  });
});
