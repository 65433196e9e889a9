/** A hub that is brought back from an older backup of its folder. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertEqualCopies } from './copies.ts';
import { arrives, type Copy, copyIn, engagement, fillFolder, meet } from './engagement.ts';
import { Office } from './office.ts';
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
