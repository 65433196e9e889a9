/** The launcher with the real command line, under this Node and under the machine's own, whatever that is. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import test from 'node:test';
import { untilAborted } from '../agent/fake-service.ts';
import { launcher, office, outcome } from './office.ts';

/** The first Node on PATH that is not ours: npm scripts have the pinned one first. */
function machinesNode(): string | undefined {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .filter((path) => existsSync(path))
    .find((path) => spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout.trim() !== process.version);
}

const old = machinesNode();
const nodes: [title: string, node: string | undefined][] = [
  ['the pinned Node', process.execPath],
  ["the machine's own Node", old],
];

for (const [title, node] of nodes) {
  const skip = node === undefined && 'there is no other Node on PATH';
  const posix = skip || (process.platform === 'win32' && 'no signals on Windows');

  test(`CLI11 under ${title} the launcher runs the command in the same folder and hands on its answer`, {
    skip,
  }, async (t) => {
    const { start, calls, folder } = await office(t);
    const program = [node!, launcher];
    const good = await outcome(start(['docs', '--json'], program));
    assert.deepEqual([good.exit, good.err, JSON.parse(good.out).length], [0, '', 1]);
    assert.deepEqual(calls, [['docs', { folder }]]);
    assert.equal((await outcome(start(['docs', '--nope'], program))).exit, 2);
  });

  test(`CLI11 under ${title} a signal to the launcher means the command`, { skip: posix }, async (t) => {
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
      ['SIGHUP', 129],
    ] as const) {
      const started = Promise.withResolvers<void>();
      const { start } = await office(t, {
        copy: (_, context) => {
          started.resolve();
          return untilAborted(context.signal);
        },
      });
      const child = start(['copy', 'Müller', '--json'], [node!, launcher]);
      const ending = outcome(child);
      await started.promise;
      child.kill(signal);
      const { exit, out } = await ending;
      assert.deepEqual([exit, JSON.parse(out).error.code], [code, 'interrupted']);
    }
  });
}
