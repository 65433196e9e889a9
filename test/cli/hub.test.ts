import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import test from 'node:test';
import { launcher, office, outcome } from './office.ts';

test('CLI12 the hub says where it serves, takes invitations meanwhile, and ends well when told to', {
  skip: process.platform === 'win32' && 'a process cannot send Ctrl-C to another there',
}, async (t) => {
  const { start, folder } = await office(t);
  const program = [process.execPath, launcher];
  const tieout = (...args: string[]) => outcome(start(args, program));
  const early = await tieout('hub', 'invite', 'Ana', '--dir', 'hub');
  assert.deepEqual([early.exit, early.out], [1, '']);

  const hub = start(['hub', 'start', '--dir', 'hub', '--listen', '127.0.0.1:0'], program);
  const ended = once(hub, 'close');
  const [line] = await once(hub.stdout!, 'data');
  assert.match(String(line), /^hub ready https:\/\/127\.0\.0\.1:\d+\n$/);

  const { exit, out } = await tieout('hub', 'invite', 'Ana', '--dir', join(folder, 'hub'), '--json');
  assert.equal(exit, 0);
  assert.deepEqual(Object.keys(JSON.parse(out)), ['invitation']);
  const second = await tieout('hub', 'start', '--dir', 'hub', '--listen', '127.0.0.1:0');
  assert.equal(second.exit, 1);
  assert.match(second.err, /runs .* already/);

  hub.kill('SIGINT');
  assert.deepEqual(await ended, [0, null]);
});
