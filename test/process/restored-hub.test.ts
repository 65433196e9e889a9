/** A hub that is brought back from an older backup of its folder. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertEqualCopies } from './copies.ts';
import { arrives, type Copy, conflictsOf, copyIn, engagement, fillFolder, meet } from './engagement.ts';
import { type Machine, Office, until } from './office.ts';
import { saveByRename } from './outside.ts';

test('PRC16 a hub restored from an older backup is given back by the copies what it lacks', {
  timeout: 300_000,
}, async (t) => {
  const office = await Office.open(t);
  const [ana, ben] = (await engagement(office, ['ana', 'ben'])) as [Copy, Copy];
  await ana.sql("UPDATE account SET comment = 'before' WHERE no = 1000");
  await meet([ana, ben]);
  await office.hub.stop();
  const backup = join(office.folder, 'backup');
  cpSync(office.hub.dir, backup, { recursive: true });
  await office.hub.start();

  await ana.sql("UPDATE account SET comment = 'after, by Ana' WHERE no = 1010");
  await ben.sql("UPDATE account SET comment = 'after, by Ben' WHERE no = 1020");
  const large = Buffer.alloc(700_000, 'Ana’s paper ');
  saveByRename(ana.at('after.bin'), large);
  saveByRename(ben.at('letter.txt'), 'after, by Ben\n');
  // One change whose body travels in parts.
  await ben.sql('UPDATE account SET comment = hex(randomblob(1500))');
  await meet([ana, ben]);
  // A file that the backup does not know at all, published for two, and worked on.
  const later = join(ben.machine.folder, 'Later');
  await fillFolder(later);
  await ben.machine.json('publish', [later, '--members', 'ana']);
  const copied = await ana.machine.json('copy', ['Later']);
  const [mine, theirs] = [copyIn(ben.machine, later), copyIn(ana.machine, copied.folder)];
  await mine.sql("UPDATE account SET comment = 'in the later file' WHERE no = 1010");
  saveByRename(theirs.at('letter.txt'), 'by Ana\n');
  await meet([mine, theirs]);
  const late = await office.machine('dora');
  await late.json('copy', ['Acme 2026']);

  await office.hub.kill();
  rmSync(office.hub.dir, { recursive: true });
  cpSync(backup, office.hub.dir, { recursive: true });
  await office.hub.start();
  const dora = copyIn(late, join(late.folder, 'Acme 2026'));
  await meet([ana, ben, dora]);
  await meet([mine, theirs]);

  // Who comes now gets from the hub all that it was given back.
  const chloe = await office.machine('chloe');
  const { folder } = await chloe.json('copy', ['Acme 2026']);
  assertEqualCopies(ana.folder, folder);
  assert.ok(readFileSync(join(folder, 'after.bin')).equals(large));
  const listed = await chloe.json('files');
  assert.deepEqual(
    listed.map(({ name }) => name),
    ['Acme 2026'],
  );
  const third = await ana.machine.json('copy', ['Later', join(ana.machine.folder, 'Later again')]);
  assertEqualCopies(later, third.folder);
  await dora.sql("UPDATE account SET comment = 'by Dora' WHERE no = 1030");
  await arrives([ana, ben, copyIn(chloe, folder)], 'SELECT comment FROM account WHERE no = 1030', 'by Dora');
});

test('PRC25 a hub and one whole machine that are restored together take nothing from anybody: what colleagues had of the former work goes on beside the new', {
  timeout: 300_000,
}, async (t) => {
  const office = await Office.open(t);
  const [ana, ben, chloe] = (await engagement(office, ['ana', 'ben', 'chloe'])) as [Copy, Copy, Copy];
  await ana.sql("UPDATE account SET comment = 'before' WHERE no = 1000");
  await meet([ana, ben, chloe]);
  const backup = join(office.folder, 'backup');
  const whole = [office.hub.dir, ana.machine.home, ana.folder];
  await ana.machine.run('stop');
  await office.hub.stop();
  for (const [n, path] of whole.entries()) cpSync(path, join(backup, `${n}`), { recursive: true });
  await office.hub.start();
  await ana.machine.run('status', ana.folder);

  // All of this the backup does not know. Work of others goes on from Ana's, in rows and in documents.
  await ana.sql(`INSERT INTO entry (text, at) VALUES ('former, by Ana', '2026-01-01');
    UPDATE account SET comment = 'former, by Ana' WHERE no IN (1010, 1020, 1030)`);
  saveByRename(ana.at('letter.txt'), 'former, by Ana\n');
  saveByRename(ana.at('former.bin'), Buffer.alloc(400_000, 'Ana’s former paper '));
  await meet([ana, ben, chloe]);
  await ben.sql(`INSERT INTO line (entry, account, amount)
      SELECT id, 1000, 77 FROM entry WHERE text = 'former, by Ana';
    UPDATE account SET comment = 'upon it, by Ben' WHERE no = 1020`);
  saveByRename(ben.at('letter.txt'), 'upon it, by Ben\n');
  await meet([ana, ben, chloe]);
  for (const { machine, folder } of [ben, chloe]) await machine.run('offline', folder);
  await ben.sql("UPDATE account SET comment = 'offline, by Ben' WHERE no = 1040");
  await chloe.sql(`UPDATE account SET comment = 'offline, by Chloe' WHERE no = 1030;
    INSERT INTO line (entry, account, amount) SELECT id, 1010, 88 FROM entry WHERE text = 'former, by Ana'`);
  saveByRename(chloe.at('chloe.txt'), 'offline, by Chloe\n');
  const former = await historyOf(ben, 'letter.txt');

  await ana.machine.kill();
  await office.hub.kill();
  for (const [n, path] of whole.entries()) {
    rmSync(path, { recursive: true });
    cpSync(join(backup, `${n}`), path, { recursive: true });
  }
  await office.hub.start();
  await ana.machine.run('status', ana.folder);
  await ana.sql(`INSERT INTO entry (text, at) VALUES ('new, by Ana', '2026-02-02');
    UPDATE account SET comment = 'new, by Ana' WHERE no IN (1010, 1050)`);
  saveByRename(ana.at('new.txt'), 'new, by Ana\n');
  for (let n = 0; n < 6; n++) await ana.sql(`UPDATE account SET comment = 'new ${n}' WHERE no = 1060`);
  await meet([ana]);

  for (const { machine, folder } of [ben, chloe]) await machine.run('online', folder);
  await goOn([ben, chloe]);
  await meet([ana, ben, chloe]);
  const comments = 'SELECT no, comment FROM account WHERE no BETWEEN 1020 AND 1060 ORDER BY no';
  const shown = ['1020|upon it, by Ben', '1030|offline, by Chloe', '1040|offline, by Ben', '1050|new, by Ana'];
  assert.deepEqual((await ana.sql(comments)).split('\n'), [...shown, '1060|new 5']);
  // Once each, though both of them had it.
  const entries = 'SELECT text, (SELECT group_concat(amount) FROM line WHERE entry = entry.id) FROM entry WHERE id > 2';
  assert.deepEqual((await ana.sql(`${entries} ORDER BY text`)).split('\n'), ['former, by Ana|77,88', 'new, by Ana|']);
  assert.equal(readFileSync(ana.at('letter.txt'), 'utf8'), 'upon it, by Ben\n');
  for (const path of ['former.bin', 'new.txt', 'chloe.txt']) assert.ok(readFileSync(ben.at(path)).length > 0);
  const listed = await conflictsOf([ana, ben, chloe]);
  const inConflict = JSON.stringify(listed);
  assert.match(inConflict, /former, by Ana/);
  assert.match(inConflict, /new, by Ana/);
  assert.equal(await historyOf(ana, 'letter.txt'), former, 'versions');

  // Nothing of it is left to be mended: everybody works on, and who comes now gets all of it.
  const dora: Machine = await office.machine('dora');
  const { folder } = await dora.json('copy', ['Acme 2026']);
  assertEqualCopies(ana.folder, folder);
  const all = [ana, ben, chloe, copyIn(dora, folder)];
  for (const [n, one] of all.entries())
    await one.sql(`UPDATE account SET comment = 'after' WHERE no = ${1100 + 10 * n}`);
  await meet(all);
});

/** How many versions its history names. */
async function historyOf({ machine, at }: Copy, path: string): Promise<number> {
  return (await machine.json('history', [at(path)])).length;
}

/** Until their copies have taken up work under new ids. */
async function goOn(copies: readonly Copy[]): Promise<void> {
  for (const { machine, folder } of copies) {
    await until(`${machine.user}'s copy goes on`, () => machine.said().includes(`${folder} goes on under a new id`));
  }
}
