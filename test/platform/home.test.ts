import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import test from 'node:test';
import {
  asSpelled,
  defaultHome,
  fromHere,
  holdsHome,
  makePrivateFolder,
  sameSecret,
  writeSecret,
} from '../../src/platform/home.ts';

test('AGT7 TIEOUT_HOME is where the variable says, else where the system keeps what belongs to one user', () => {
  const at = (...path: string[]) => join(homedir(), ...path);
  assert.equal(defaultHome({ TIEOUT_HOME: 'here' }, 'linux'), resolve('here'));
  assert.equal(defaultHome({}, 'linux'), at('.local', 'share', 'tieout'));
  assert.equal(defaultHome({ TIEOUT_HOME: '', XDG_DATA_HOME: '/data' }, 'linux'), join('/data', 'tieout'));
  assert.equal(defaultHome({}, 'darwin'), at('Library', 'Application Support', 'Tieout'));
  assert.equal(defaultHome({ LOCALAPPDATA: '/local' }, 'win32'), join('/local', 'Tieout'));
  assert.equal(defaultHome({}, 'win32'), at('AppData', 'Local', 'Tieout'));
});

test('AGT8 a secret file is replaced as a whole and is readable by its user only', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tieout-secret-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'token');
  await Promise.all(['one', 'two', 'three'].map((text) => writeSecret(path, text.repeat(1000))));
  assert.match(readFileSync(path, 'utf8'), /^(one|two|three)\1{999}$/);
  assert.deepEqual(readdirSync(folder), ['token']);
  if (process.platform !== 'win32') assert.equal(statSync(path).mode & 0o777, 0o600);
  await assert.rejects(writeSecret(join(folder, 'no', 'token'), 'x'), { kind: 'missing' });
});

test('AGT8 secrets are compared whole', () => {
  assert.ok(sameSecret('abc', 'abc'));
  for (const other of ['', 'ab', 'abd', 'abcd']) assert.ok(!sameSecret('abc', other));
});

test('CLI1 a place has one name, whichever links lead there', {
  skip: process.platform === 'win32' && 'symbolic links need a right there that users do not have',
}, (t) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tieout-here-')));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'true', 'deep'), { recursive: true });
  writeFileSync(join(folder, 'true', 'memo.docx'), '');
  symlinkSync('true', join(folder, 'link'));
  symlinkSync('memo.docx', join(folder, 'true', 'linked.docx'));
  const seen = (path: string) => relative(folder, fromHere(join(folder, path)));
  assert.equal(seen('link'), 'true');
  assert.equal(seen('link/deep'), join('true', 'deep'));
  assert.equal(seen('link/memo.docx'), join('true', 'memo.docx'));
  assert.equal(seen('link/linked.docx'), join('true', 'linked.docx'));
  assert.equal(seen('link/new'), join('true', 'new'));
  assert.equal(seen('no/such/place'), join('no', 'such', 'place'));
  assert.equal(fromHere(), process.cwd());
});

test('CLI1 a place has one name, however it is spelled on a disk that minds no case', () => {
  const folders: Record<string, string[]> = {
    '/': ['Users'],
    '/Users': ['Ana'],
    '/Users/Ana': ['Audit', 'audit', 'Müller'],
  };
  const spelled = (path: string) => asSpelled(path, (folder) => folders[folder] ?? []);
  assert.equal(spelled('/users/ANA/MU\u0308LLER'), '/Users/Ana/Müller');
  // Where both are there, the disk minds.
  assert.equal(spelled('/users/ana/audit'), '/Users/Ana/audit');
  assert.equal(spelled('/users/ana/New/Deep'), '/Users/Ana/New/Deep');
  assert.equal(spelled('/'), '/');
});

test('FIL12 a folder that cannot be made is told, in a file and in what the system makes up', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tieout-home-'));
  t.after(() => rmSync(folder, { recursive: true }));
  makePrivateFolder(join(folder, 'a', 'b', 'c'));
  makePrivateFolder(join(folder, 'a', 'b'));
  assert.equal(statSync(join(folder, 'a', 'b', 'c')).isDirectory(), true);
  writeFileSync(join(folder, 'file'), '');
  symlinkSync(join(folder, 'nowhere'), join(folder, 'link'));
  for (const place of ['file', 'link', join('file', 'a', 'b'), join('link', 'a')]) {
    assert.throws(() => makePrivateFolder(join(folder, place)), /Cannot make the folder/, place);
  }
  // Only Linux has it; elsewhere it cannot be made either, or is an ordinary folder.
  if (process.platform === 'linux') assert.throws(() => makePrivateFolder('/proc/tieout/a'), /Cannot make the folder/);
});

test('DOC33 a folder holds the home folder of the account if that lies in it', () => {
  const home = join(tmpdir(), 'home', 'ana');
  for (const above of [resolve('/'), tmpdir(), join(tmpdir(), 'home')])
    assert.equal(holdsHome(above, home), true, above);
  for (const other of [home, join(home, 'a'), join(tmpdir(), 'hom'), join(tmpdir(), 'home', 'anabel')])
    assert.equal(holdsHome(other, home), false, other);
});
