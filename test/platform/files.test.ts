import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { realFileBytes } from '../../src/platform/file-bytes.ts';
import { RealFiles } from '../../src/platform/files.ts';
import { remedyOf } from '../../src/platform/storage-failure.ts';
import { filesContract } from '../contract/files.ts';
import { SimDisk } from '../sim/disk.ts';
import { SimBytes, SimFiles } from '../sim/disk-files.ts';

const top = mkdtempSync(join(tmpdir(), 'tieout-files-'));
after(() => rmSync(top, { recursive: true, force: true }));
let made = 0;

filesContract('real disk', () => {
  const root = join(top, `copy-${made}`);
  const outside = join(top, `outside-${made++}`);
  mkdirSync(root);
  const files = new RealFiles(root);
  const symlink = (path: string, target: string) => {
    try {
      symlinkSync(target, files.native(path));
      return true;
    } catch {
      return false;
    }
  };
  return { files, bytes: realFileBytes, symlink, outside };
});

for (const ignoreCase of [false, true]) {
  filesContract(ignoreCase ? 'simulated disk, any case' : 'simulated disk', () => {
    const disk = new SimDisk({ ignoreCase });
    const files = new SimFiles(disk, '/copy');
    const symlink = (path: string, target: string) => {
      disk.create(files.native(path), 'link').target = target;
      return true;
    };
    return { files, bytes: new SimBytes(disk), symlink, outside: '/outside' };
  });
}

test('FIL9 on Windows a document that is marked read-only is replaced, and stays marked', () => {
  const root = mkdtempSync(join(top, 'marked-'));
  const rename: typeof renameSync = (from, to) => {
    if ((statSync(to, { throwIfNoEntry: false })?.mode ?? 0o200) & 0o200) return renameSync(from, to);
    throw Object.assign(new Error('operation not permitted'), { code: 'EPERM' });
  };
  const files = new RealFiles(root, { windows: true, rename });
  const write = (name: string, text: string) => writeFileSync(join(root, name), text);
  write('plan.docx', 'old');
  chmodSync(join(root, 'plan.docx'), 0o444);
  write('new.tmp', 'new');
  assert.equal(files.rename('new.tmp', 'plan.docx'), 'done');
  assert.equal(readFileSync(join(root, 'plan.docx'), 'utf8'), 'new');
  assert.equal(statSync(join(root, 'plan.docx')).mode & 0o222, 0);
  // One that nobody marked is not marked by it.
  write('b.docx', 'old');
  write('new.tmp', 'new');
  assert.equal(files.rename('new.tmp', 'b.docx'), 'done');
  assert.notEqual(statSync(join(root, 'b.docx')).mode & 0o200, 0);
});

test('FIL10 a folder that macOS keeps from us is told with where to allow it', () => {
  assert.match(remedyOf('no-permission', 'darwin'), /your user.*Privacy & Security/);
  assert.doesNotMatch(remedyOf('no-permission', 'win32'), /Privacy/);
  assert.doesNotMatch(remedyOf('disk-full', 'darwin'), /Privacy/);
});
