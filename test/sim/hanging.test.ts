import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

test('SIM8 a world that hangs is stopped where it stands, and says so; one that only waits is left alone', () => {
  const run = (how: string) =>
    spawnSync(process.execPath, [new URL('./hanging.ts', import.meta.url).pathname, how], { encoding: 'utf8' });
  const hung = run('promise');
  assert.equal(hung.signal, 'SIGKILL');
  assert.match(hung.stderr, /a story hangs: \d+ s of work[\s\S]*hanging\.ts:\d+[\s\S]*five past twelve/);
  assert.equal(run('sleep').stdout, 'played to the end\n');
});
