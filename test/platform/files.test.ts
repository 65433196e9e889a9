import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { realFileBytes } from '../../src/platform/file-bytes.ts';
import { RealFiles } from '../../src/platform/files.ts';
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
