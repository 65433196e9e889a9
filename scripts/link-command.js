// After `npm ci` in a checkout: makes `tieout` a command there (npm links the commands of dependencies, not a
// package's own). Runs on the Node that runs npm, so plain JavaScript. Installed packages never run it.
import { existsSync, lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const bin = join(dirname(dirname(fileURLToPath(import.meta.url))), 'node_modules', '.bin');
const link = join(bin, 'tieout');
mkdirSync(bin, { recursive: true });
if (process.platform === 'win32') {
  // A symbolic link needs a right on Windows that users do not have.
  writeFileSync(`${link}.cmd`, '@node "%~dp0\\..\\..\\bin\\tieout.js" %*\r\n');
} else {
  if (existsSync(link) || lstatSync(link, { throwIfNoEntry: false }) !== undefined) rmSync(link);
  symlinkSync('../../bin/tieout.js', link);
}
