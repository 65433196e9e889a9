/** What people's own programs do in a copy: the `sqlite3` shell, plain writes, saves by rename. They know nothing of us. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';

/** What the shell prints. A program that is used to colleagues waits a while for a lock. */
export async function sqlite(database: string, sql: string): Promise<string> {
  const child = spawn('sqlite3', ['-bail', '-cmd', '.timeout 20000', database, sql], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  assert.equal(code, 0, `sqlite3 ${database} "${sql}": ${err}`);
  return out.trimEnd();
}

/** An editor that writes into the file itself. */
export function write(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** An editor that writes beside the file and renames, as most do. */
export function saveByRename(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const beside = join(dirname(path), `.~${basename(path)}.tmp`);
  writeFileSync(beside, content);
  renameSync(beside, path);
}
