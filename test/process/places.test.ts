/** Sync folders where they cannot work: held by another agent, on a full disk, on a disk that nobody may write. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { assertEqualCopies } from './copies.ts';
import { arrives, type Copy, copyIn, engagement, fillFolder, meet } from './engagement.ts';
import { Machine, Office, until } from './office.ts';
import { saveByRename } from './outside.ts';

const timeout = 300_000;

test('PRC17 a sync folder that one agent has open is refused to another', { timeout }, async (t) => {
  const office = await Office.open(t);
  const [ana] = (await engagement(office, ['ana'])) as [Copy];
  await ana.machine.json('stop');
  // A second TIEOUT_HOME that knows the same folder: restored beside the first, or a second login.
  const other = new Machine('ana', join(office.folder, 'second'));
  office.machines.push(other);
  cpSync(ana.machine.home, other.home, { recursive: true });
  await ana.machine.json('status', [ana.folder]);
  const refused = await other.refused('status', ana.folder);
  assert.match(refused, /another/i);
  await ana.sql("UPDATE account SET comment = 'still mine' WHERE no = 1000");
  await ana.machine.json('sync', [ana.folder]);
  assert.equal((await ana.machine.json('status', [ana.folder])).safe, true);
});

test('AGT15 a copy that could not be opened is opened when a command names it, or by itself', {
  timeout,
}, async (t) => {
  const office = await Office.open(t);
  const [ana] = (await engagement(office, ['ana'])) as [Copy];
  const away = join(office.folder, 'unplugged');
  const { machine, folder } = ana;
  await machine.json('stop');
  renameSync(folder, away);
  assert.match(await machine.refused('status', folder), /Put the folder back/);
  renameSync(away, folder);
  assert.equal((await machine.json('status', [folder])).folder, folder);
  await machine.json('stop');
  renameSync(folder, away);
  await machine.refused('status', folder);
  renameSync(away, folder);
  await until('it is open', async () => assert.equal((await machine.ask('copies', {})).length, 1));
  await ana.sql("UPDATE account SET comment = 'taken in' WHERE no = 1000");
  await machine.json('sync', [folder]);
  assert.equal((await machine.json('status', [folder])).safe, true);
});

test('PRC21 an own change whose body was damaged before it could be sent is named, with what to do', {
  timeout,
}, async (t) => {
  const office = await Office.open(t);
  const [ana] = (await engagement(office, ['ana'])) as [Copy];
  const { machine, folder } = ana;
  await machine.json('offline', [folder]);
  // Above 64 KiB a body lies in chunks.
  await ana.sql('UPDATE account SET comment = hex(randomblob(2000))');
  await until('it is captured', async () => assert.ok((await machine.status(folder)).pending.out.bytes > 100_000));
  await machine.json('stop');
  const packs = join(folder, '.tieout', 'packs');
  for (const name of readdirSync(packs)) {
    const bytes = readFileSync(join(packs, name));
    for (let at = 200; at < bytes.length; at += 1000) bytes[at]! ^= 0xff;
    writeFileSync(join(packs, name), bytes);
  }
  await machine.json('online', [folder]);
  const named = async (): Promise<void> => {
    const { problems, safe } = await machine.status(folder);
    assert.equal(safe, false);
    assert.match(
      problems.map(({ text }) => text).join(),
      /is damaged on this disk and cannot be sent.*Make a new copy/,
    );
  };
  await until('it is named', named);
  await machine.json('stop');
  await machine.json('status', [folder]);
  await named();
});

test('PRC18 a full disk is a problem with its remedy, nothing is half done, and work goes on when there is room', {
  timeout,
}, async (t) => {
  const office = await Office.open(t);
  const [ana] = (await engagement(office, ['ana'])) as [Copy];
  const ben = await office.machine('ben');
  const disk = smallDisk(t, office, join(ben.folder, 'small'), 24);
  if (!disk) return;
  const folder = join(disk, 'Acme 2026');
  await ben.json('copy', ['Acme 2026', folder]);
  const there = copyIn(ben, folder);

  // A document that has no room, and room that comes back.
  const ballast = join(disk, 'ballast');
  fillUp(ballast);
  const large = Buffer.alloc(6_000_000, 'no room ');
  saveByRename(ana.at('large.txt'), large);
  await ana.machine.json('sync', [ana.folder]);
  await until('the problem', async () => {
    const { problems } = await ben.json('status', [folder]);
    const told = problems.map(({ text }) => text).join('\n');
    assert.match(told, /full|no room|space/i);
  });
  assert.ok(!existsSync(join(folder, 'large.txt')), 'not half there');
  rmSync(ballast);
  await until('the document', () => assert.ok(readFileSync(join(folder, 'large.txt')).equals(large)));
  await until('no problem any more', async () => assert.deepEqual((await ben.status(folder)).problems, []));
  await meet([ana, there]);
});

test('PRC18 a copy on a disk that may not be written says so, and works when it may', { timeout }, async (t) => {
  const office = await Office.open(t);
  const [ana] = (await engagement(office, ['ana'])) as [Copy];
  const ben = await office.machine('ben');
  const disk = smallDisk(t, office, join(ben.folder, 'locked'), 24);
  if (!disk) return;
  const folder = join(disk, 'Acme 2026');
  await ben.json('copy', ['Acme 2026', folder]);
  await ben.json('stop');
  execFileSync('mount', ['-o', 'remount,ro', disk]);
  try {
    const { exit, out, err } = await ben.run('status', folder);
    assert.match(out + err, /read-only|permission|written|writ/i, `exit ${exit}`);
    assert.doesNotMatch(out + err, /internal/i);
    assert.match(await ben.refused('copy', 'Acme 2026', join(disk, 'Another')), /read-only|permission|writ/i);
    await ben.json('stop');
  } finally {
    execFileSync('mount', ['-o', 'remount,rw', disk]);
  }
  await ana.sql("UPDATE account SET comment = 'meanwhile' WHERE no = 1000");
  const there = copyIn(ben, folder);
  await ben.json('copies');
  await arrives([there], 'SELECT comment FROM account WHERE no = 1000', 'meanwhile');
  await meet([ana, there]);
});

test('PRC18 a document that may not be read or replaced is a problem of its own, and the rest goes on', {
  timeout,
}, async (t) => {
  const office = await Office.open(t);
  const [ana, ben] = (await engagement(office, ['ana', 'ben'])) as [Copy, Copy];
  if (!immutable(t, ben.folder, 'papers', true)) return;
  try {
    saveByRename(ana.at(join('papers', 'new.txt')), 'cannot be placed\n');
    saveByRename(ana.at('letter.txt'), 'can\n');
    await until('the rest', () => assert.equal(readFileSync(ben.at('letter.txt'), 'utf8'), 'can\n'));
    await until('the problem', async () => {
      const { problems } = await ben.machine.json('status', [ben.folder]);
      assert.ok(
        problems.some(({ path }) => path?.startsWith('papers')),
        JSON.stringify(problems),
      );
    });
  } finally {
    immutable(t, ben.folder, 'papers', false);
  }
  await until('its turn', () => assert.ok(existsSync(ben.at(join('papers', 'new.txt')))));
  await meet([ana, ben]);
});

test('PRC18 publishing from a folder that may not be written is refused with the reason, and the folder stays as it was', {
  timeout,
}, async (t) => {
  const office = await Office.open(t);
  const ana = await office.machine('ana');
  const disk = smallDisk(t, office, join(ana.folder, 'archive'), 24);
  if (!disk) return;
  const folder = join(disk, 'Old');
  await fillFolder(folder);
  cpSync(folder, join(ana.folder, 'as it was'), { recursive: true });
  execFileSync('mount', ['-o', 'remount,ro', disk]);
  assert.match(await ana.refused('publish', folder), /read-only|permission|writ/i);
  execFileSync('mount', ['-o', 'remount,rw', disk]);
  assertEqualCopies(folder, join(ana.folder, 'as it was'));
  assert.ok(!existsSync(join(folder, '.tieout')));
});

/** A disk of its own of so many MiB. Undefined, and said loudly, where this user may not make one. */
function smallDisk(t: TestContext, office: Office, place: string, megabytes: number): string | undefined {
  mkdirSync(place, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', place], { stdio: 'pipe' });
  } catch (error) {
    loud(t, `no small disk could be mounted: ${(error as Error).message}`);
    return undefined;
  }
  office.defer(() => void execFileSync('umount', ['-l', place]));
  return place;
}

/** A folder in which nobody, root included, may change anything. */
function immutable(t: TestContext, folder: string, name: string, on: boolean): boolean {
  try {
    execFileSync('chattr', [on ? '+i' : '-i', join(folder, name)], { stdio: 'pipe' });
    return true;
  } catch (error) {
    loud(t, `chattr does not work here: ${(error as Error).message}`);
    return false;
  }
}

function loud(t: TestContext, what: string): void {
  t.diagnostic(`NOT RUN on this system: ${what}`);
  process.stderr.write(`\n*** ${t.name}: NOT RUN on this system: ${what}\n`);
}

function fillUp(path: string): void {
  writeFileSync(path, '');
  for (let size = 1_000_000; size >= 1000; ) {
    try {
      appendFileSync(path, Buffer.alloc(size));
    } catch {
      size = Math.floor(size / 10);
    }
  }
}
