/** bin/tieout.js, with a made-up program in place of the command line. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const place = mkdtempSync(join(tmpdir(), 'tieout-launcher-'));
const launcher = join(place, 'bin/tieout.js');

before(() => {
  mkdirSync(join(place, 'src/cli'), { recursive: true });
  cpSync(join(root, 'bin'), join(place, 'bin'), { recursive: true });
  cpSync(join(root, 'src/cli/launched.ts'), join(place, 'src/cli/launched.ts'));
  symlinkSync(join(root, 'node_modules'), join(place, 'node_modules'), 'junction');
  writeFileSync(join(place, 'package.json'), '{"type":"module"}');
  writeFileSync(
    join(place, 'src/cli/main.ts'),
    `import { endWithLauncher } from './launched.ts';
    endWithLauncher();
    const [what, ...rest]: string[] = process.argv.slice(2);
    if (what === 'wait') {
      process.on('SIGTERM', () => process.exit(7));
      setInterval(() => {}, 1000);
      console.log('waiting');
    } else {
      console.log(JSON.stringify({ rest, node: process.versions.node.split('.')[0] }));
      process.exitCode = 3;
    }`,
  );
});
after(() => rmSync(place, { recursive: true, force: true }));

test('the launcher hands arguments in and the exit code out, on the pinned Node', () => {
  const { status, stdout } = spawnSync(process.execPath, [launcher, 'say', 'a b', '--json'], { encoding: 'utf8' });
  assert.deepEqual(JSON.parse(stdout), { rest: ['a b', '--json'], node: '26' });
  assert.equal(status, 3);
});

test('SIGTERM to the launcher ends the command in its own way', {
  skip: process.platform === 'win32' && 'no signals on Windows',
}, async () => {
  const child = await waiting();
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [7, null]);
});

test('a killed launcher takes the command with it', async () => {
  const child = await waiting();
  // The command holds the other end of this pipe for as long as it lives.
  const gone = once(child.stdout!, 'close');
  child.kill('SIGKILL');
  await gone;
});

async function waiting(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [launcher, 'wait'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout!, 'data');
  return child;
}
