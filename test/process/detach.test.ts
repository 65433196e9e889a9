/** The end of a sync copy: real agents, real databases, locked and killed in between. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { assertEqualCopies } from './copies.ts';
import { arrives, type Copy, copyIn, fillFolder, LEDGER, NOTES } from './engagement.ts';
import { type Machine, Office, outcome, until } from './office.ts';
import { sqlite, write } from './outside.ts';

interface Acme {
  readonly office: Office;
  readonly ana: Copy;
  readonly ben: Copy;
  /** `.schema` of the ledger and of the notes, before anything of ours was in them. */
  readonly schemas: readonly string[];
}

async function acme(t: TestContext): Promise<Acme> {
  const office = await Office.open(t);
  const [ana, ben] = [await office.machine('ana'), await office.machine('ben')];
  const folder = join(ana.folder, 'Acme');
  await fillFolder(folder);
  const schemas = await schemasIn(folder);
  await ana.json('publish', [folder]);
  const made = await ben.json('copy', ['Acme']);
  return { office, ana: copyIn(ana, folder), ben: copyIn(ben, made.folder), schemas };
}

async function schemasIn(folder: string): Promise<string[]> {
  return [await sqlite(join(folder, LEDGER), '.schema'), await sqlite(join(folder, NOTES), '.schema')];
}

async function assertOrdinary({ machine, folder }: Copy, schemas: readonly string[]): Promise<void> {
  assert.deepEqual(await schemasIn(folder), schemas);
  assert.equal(existsSync(join(folder, '.tieout')), false);
  const names = readdirSync(folder, { recursive: true }).map(String);
  assert.deepEqual(
    names.filter((name) => /tieout|-(wal|shm|journal)$/.test(name)),
    [],
  );
  assert.equal(await sqlite(join(folder, LEDGER), 'PRAGMA journal_mode; PRAGMA integrity_check'), 'wal\nok');
  assert.equal(await sqlite(join(folder, NOTES), 'PRAGMA journal_mode; PRAGMA integrity_check'), 'delete\nok');
  assert.deepEqual(await machine.json('copies'), []);
  assert.match(await machine.refused('status', folder), /not in a sync copy/);
}

/** A program that has begun to write and does not come to an end. */
function locked(t: TestContext, database: string): () => void {
  const db = new DatabaseSync(database);
  db.exec('BEGIN IMMEDIATE');
  const letGo = (): void => {
    if (db.isOpen) db.close();
  };
  t.after(letGo);
  return letGo;
}

async function begunDetaching(machine: Machine, folder: string): Promise<void> {
  await until('it is no copy any more', async () => {
    assert.match(await machine.refused('status', folder), /is being detached/);
  });
}

test('DET1 DET5 a detached copy is an ordinary folder with what was saved last, and everybody else works on', {
  timeout: 300_000,
}, async (t) => {
  const { ana, ben, schemas } = await acme(t);
  await ana.sql("UPDATE account SET comment = 'the last word' WHERE no = 1000");
  write(ana.at('letter.txt'), 'Dear client, the last word\n');
  // A person's own copy of a followed database has our marks in it, too.
  await sqlite(ana.at(NOTES), `VACUUM INTO '${ana.at('spare.sqlite')}'`);

  assert.deepEqual(await ana.machine.json('detach', [ana.folder]), { folder: ana.folder });
  await assertOrdinary(ana, schemas);
  assert.equal(await sqlite(ana.at('spare.sqlite'), '.schema'), schemas[1]);

  await arrives([ben], 'SELECT comment FROM account WHERE no = 1000', 'the last word');
  await until('the letter is at ben’s', () =>
    assert.equal(readFileSync(ben.at('letter.txt'), 'utf8'), 'Dear client, the last word\n'),
  );
  await ben.machine.json('sync', [ben.folder]);
  assertEqualCopies(ana.folder, ben.folder);
  const users = await ben.machine.json('users', [ben.folder]);
  assert.deepEqual(
    users.map(({ user }) => user),
    ['ben'],
  );
  await ben.sql("UPDATE account SET comment = 'ben goes on' WHERE no = 1010");
  await ben.machine.json('sync', [ben.folder]);
  assert.equal(await ana.sql('SELECT comment FROM account WHERE no = 1010'), '');

  const { file } = await ana.machine.json('publish', [ana.folder, '--name', 'Acme anew']);
  assert.equal(file.name, 'Acme anew');
  assert.deepEqual(await ana.machine.json('detach', [join(ana.folder, 'work')]), { folder: ana.folder });
  await assertOrdinary(ana, schemas);

  rmSync(ana.folder, { recursive: true });
  await ana.machine.json('copy', ['Acme', ana.folder]);
  assert.equal(await ana.sql('SELECT comment FROM account WHERE no = 1010'), 'ben goes on');
  assertEqualCopies(ana.folder, ben.folder);
});

test('DET2 a copy of which the hub lacks something is only detached when that is asked for', {
  timeout: 200_000,
}, async (t) => {
  const { office, ana, schemas } = await acme(t);
  await office.hub.stop();
  await ana.sql("UPDATE account SET comment = 'nobody saw this' WHERE no = 1000");
  const refusal = await ana.machine.refused('detach', ana.folder);
  assert.match(refusal, /The hub does not have everything that was done in this copy/);
  assert.match(refusal, /--unsent/);
  assert.equal((await ana.machine.status(ana.folder)).safe, false);
  await ana.machine.json('detach', [ana.folder, '--unsent']);
  await assertOrdinary(ana, schemas);
  assert.equal(await ana.sql('SELECT comment FROM account WHERE no = 1000'), 'nobody saw this');
});

test('DET3 DET4 a database that a program keeps locked is named, and the same command goes on, also after a kill', {
  timeout: 300_000,
}, async (t) => {
  const { ana, ben, schemas } = await acme(t);
  let letGo = locked(t, ana.at(LEDGER));
  const refusal = await ana.machine.refused('detach', ana.folder);
  assert.match(refusal, /ledger\.db: A program keeps this database locked/);
  assert.equal((await schemasIn(ana.folder))[1], schemas[1], 'the others are done');
  assert.match((await schemasIn(ana.folder))[0] as string, /_tieout_marks/);
  assert.match(await ana.machine.refused('sync', ana.folder), /is being detached/);
  assert.match(await ana.machine.refused('publish', ana.folder), /is being detached/);

  // Killed while it waits; and an agent that starts anew does not follow what is no copy any more.
  const waiting = outcome(ana.machine.start('detach', ana.folder));
  await begunDetaching(ana.machine, ana.folder);
  await ana.machine.kill();
  await waiting;
  assert.match(await ana.machine.refused('status', ana.folder), /is being detached/);
  letGo();
  // As a kill in the middle of deleting leaves it.
  for (const name of ['packs', 'base', 'rows.db']) {
    rmSync(join(ana.folder, '.tieout', name), { recursive: true, force: true });
  }
  await ana.machine.json('detach', [ana.folder]);
  await assertOrdinary(ana, schemas);

  // At its very end.
  mkdirSync(join(ana.folder, '.tieout'));
  writeFileSync(join(ana.folder, '.tieout', 'lock'), '');
  await ana.machine.json('detach', [ana.folder]);
  await assertOrdinary(ana, schemas);

  // The sync folder deleted by hand leaves the marks behind.
  await ben.machine.run('stop');
  rmSync(join(ben.folder, '.tieout'), { recursive: true });
  letGo = locked(t, ben.at(NOTES));
  assert.match(await ben.machine.refused('detach', ben.folder), /not in .* any more/);
  letGo();
  await ben.machine.json('detach', [ben.folder, '--unsent']);
  await assertOrdinary(ben, schemas);
});
