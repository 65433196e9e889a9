/** Commands that name what is not there, or that came to nothing: what is said, and what is left behind. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join, parse } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { assertEqualCopies } from './copies.ts';
import { type Copy, engagement, LEDGER } from './engagement.ts';
import { Office } from './office.ts';

const timeout = 300_000;

test('PRC26 what is named wrongly is refused as what it is, and leaves nothing behind', { timeout }, async (t) => {
  const office = await Office.open(t);
  const [ana] = (await engagement(office, ['ana'])) as [Copy];
  const { machine, folder } = ana;
  const typo = join(machine.folder, 'Amce');
  assert.match(await machine.refused('publish', typo), /There is no folder .*Amce/);
  assert.equal(existsSync(typo), false);
  const paper = join(machine.folder, 'paper.txt');
  writeFileSync(paper, 'paper');
  for (const args of [
    ['publish', paper],
    ['copy', 'Acme 2026', paper],
  ]) {
    assert.match(await machine.refused(...args), /paper\.txt is no folder/);
  }
  const other = join(machine.folder, 'other');
  mkdirSync(other);
  for (const [name, told] of [
    ['a/b', /cannot be called/],
    ['Acme 2026', /has a file called/],
  ] as const) {
    assert.match(await machine.refused('publish', other, '--name', name), told);
    assert.deepEqual(readdirSync(other), []);
  }
  assert.equal((await machine.json('files')).length, 1);
  assert.equal((await machine.json('copies')).length, 1);
  assert.match(await machine.refused('sync', folder, join(folder, 'lettre.txt')), /lettre\.txt is not a document/);
  writeFileSync(join(folder, 'lettre.txt'), 'saved just now');
  await machine.json('sync', [folder, join(folder, 'lettre.txt'), join(folder, LEDGER)]);
  assert.match(await machine.refused('versions', join(folder, LEDGER)), /is a database/);
  assert.match(await machine.refused('versions', folder), /the folder of the file/);
});

test('DOC33 the folder of a machine or of a hub, or one inside of it, is made no copy', { timeout }, async (t) => {
  const office = await Office.open(t);
  const [ana] = (await engagement(office, ['ana'])) as [Copy];
  const { machine, folder } = ana;
  for (const [place, told] of [
    [machine.home, /is a machine's own folder/],
    [join(machine.home, 'logs'), /lies in .*, a machine's own folder/],
    [office.hub.dir, /is a hub's own folder/],
    [join(office.hub.dir, 'office'), /lies in .*, a hub's own folder/],
  ] as const) {
    assert.match(await machine.refused('publish', place), told);
    assert.match(await machine.refused('copy', 'Acme 2026', place), told);
    assert.equal(existsSync(join(place, '.tieout')), false);
  }
  assert.match(await machine.refused('copy', 'Acme 2026', join(machine.home, 'new')), /lies in/);
  assert.match(await machine.refused('publish', parse(folder).root), /holds the home folder/);
  assert.equal(existsSync(join(parse(folder).root, '.tieout')), false);
  assert.equal((await machine.json('files')).length, 1);
});

test('PRC26 a history of what never was there is refused, and of what is there, or was, it is told', {
  timeout,
}, async (t) => {
  const office = await Office.open(t);
  const [ana] = (await engagement(office, ['ana'])) as [Copy];
  const { machine, folder, at } = ana;
  const inAccount = [folder, '--database', LEDGER, '--table', 'account'];
  for (const [words, ...args] of [
    [/lettre\.txt is not a document of this file.*`tieout docs`/s, at('lettre.txt')],
    [/papres is not a document/, at('papres')],
    [/leger\.db is not a database of this file/, folder, '--database', 'leger.db'],
    [/no table acount.*account, entry, line/s, folder, '--database', LEDGER, '--table', 'acount'],
    [/account has no column nam.*no, name, balance, comment/s, ...inAccount, '--column', 'nam'],
    [/account has no row \{"no":4711\}.*named by no/s, ...inAccount, '--key', '{"no":4711}'],
  ] as const) {
    assert.match(await machine.refused('history', ...args), words);
  }
  for (const args of [
    [folder],
    [at('papers')],
    [at(LEDGER)],
    inAccount,
    [...inAccount, '--key', '{"no":1010}', '--column', 'name'],
  ]) {
    const { exit, out } = await machine.run('history', ...args);
    assert.deepEqual([exit, out.trim()], [0, 'Nothing has happened here yet.'], args.join(' '));
  }
  // Made a moment ago.
  await ana.sql("CREATE TABLE fresh (code TEXT PRIMARY KEY); INSERT INTO fresh VALUES ('a')");
  const fresh = [folder, '--database', LEDGER, '--table', 'fresh', '--key', '{"code":"a"}'];
  assert.equal((await machine.json('history', fresh)).length, 1);

  const about = async (path: string) => (await machine.json('history', [at(path)])).map(({ what }) => what);
  renameSync(at('letter.txt'), at('note.txt'));
  renameSync(at(LEDGER), at('books.db'));
  await machine.json('sync', [folder]);
  assert.deepEqual(await about('letter.txt'), ['note.txt renamed', 'note.txt published']);
  assert.ok((await about(LEDGER)).includes('insert books.db fresh code a'));
  unlinkSync(at('note.txt'));
  unlinkSync(at('books.db'));
  await machine.json('sync', [folder]);
  for (const path of ['letter.txt', 'note.txt']) assert.equal((await about(path))[0], 'note.txt deleted');
  for (const path of [LEDGER, 'books.db']) assert.equal((await about(path))[0], 'books.db deleted');
});

test('PRC27 a publish that was cut short says so, with the command by which it goes on', { timeout }, async (t) => {
  const office = await Office.open(t);
  const machine = await office.machine('ana');
  const folder = join(machine.folder, 'Acme 2026');
  mkdirSync(folder);
  await office.hub.stop();
  await machine.refused('publish', folder);
  await office.hub.start();
  const goesOn = /not complete.*`tieout publish/s;
  assert.match(await machine.refused('sync', folder), goesOn);
  const { state, problems, safe } = await machine.json('status', [folder]);
  assert.deepEqual([state, safe], ['syncing', false]);
  assert.match(problems.map(({ text }) => text).join(), goesOn);
  assert.match((await machine.run('copies')).out, goesOn);
  await machine.json('publish', [folder]);
  assert.deepEqual((await machine.json('status', [folder])).problems, []);
  assert.equal((await machine.json('copies'))[0]?.state, 'online');
});

test('PRC28 a copy where a database of its own lies in the place of one says so, and goes on when that is gone', {
  timeout,
}, async (t) => {
  const office = await Office.open(t);
  const [ana] = (await engagement(office, ['ana'])) as [Copy];
  const ben = await office.machine('ben');
  const folder = join(ben.folder, 'again');
  mkdirSync(folder);
  const own = new DatabaseSync(join(folder, LEDGER));
  own.exec("CREATE TABLE mine (a); INSERT INTO mine VALUES ('kept')");
  own.close();
  const refused = await ben.refused('copy', 'Acme 2026', folder);
  assert.match(refused, /ledger\.db cannot be placed.*Move that file away.*the same command/s);
  renameSync(join(folder, LEDGER), join(ben.folder, 'mine.db'));
  await ben.json('copy', ['Acme 2026', folder]);
  assertEqualCopies(ana.folder, folder);
  // From now on: a colleague's database where a link lies keeps nothing else waiting.
  symlinkSync(ben.folder, join(folder, 'new.db'));
  await ben.json('sync', [folder]);
  const made = new DatabaseSync(join(ana.folder, 'new.db'));
  made.exec("CREATE TABLE t (a); INSERT INTO t VALUES ('new')");
  made.close();
  await ana.machine.json('sync', [ana.folder]);
  const { problems } = await ben.json('sync', [folder]);
  assert.match(problems.map(({ text }) => text).join(), /new\.db cannot be placed/);
  unlinkSync(join(folder, 'new.db'));
  await ben.json('sync', [folder]);
  assert.deepEqual((await ben.json('status', [folder])).problems, []);
  assertEqualCopies(ana.folder, folder);
});
