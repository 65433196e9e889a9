import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Problem } from '../../src/core/problem.ts';
import type { Watcher } from '../../src/platform/ports.ts';
import { realWatcher } from '../../src/platform/watch.ts';
import { SimDisk } from '../sim/disk.ts';
import { SimBytes, simWatcher } from '../sim/disk-files.ts';

const top = mkdtempSync(join(tmpdir(), 'tieout-watch-'));
after(() => rmSync(top, { recursive: true, force: true }));

type World = {
  readonly watcher: Watcher;
  readonly root: string;
  write(path: string, text: string): void;
  rename(from: string, to: string): void;
  folder(path: string): void;
};

const worlds: Record<string, () => World> = {
  'real disk': () => {
    const root = mkdtempSync(join(top, 'copy-'));
    return {
      watcher: realWatcher,
      root,
      write: (path, text) => writeFileSync(join(root, path), text),
      rename: (from, to) => renameSync(join(root, from), join(root, to)),
      folder: (path) => void mkdirSync(join(root, path)),
    };
  },
  'simulated disk': () => {
    const disk = new SimDisk();
    const bytes = new SimBytes(disk);
    bytes.makeFolder('/copy');
    const soon = (_: number, run: () => void) => {
      setImmediate(run);
      return () => undefined;
    };
    const clock = { now: () => 0, monotonic: () => 0, after: soon };
    return {
      watcher: simWatcher(disk, clock),
      root: '/copy',
      write: (path, text) => {
        const file = bytes.open(`/copy/${path}`, 'extend');
        file.write(Buffer.from(text), 0);
      },
      rename: (from, to) => bytes.rename(`/copy/${from}`, `/copy/${to}`),
      folder: (path) => bytes.makeFolder(`/copy/${path}`),
    };
  },
};

/** Collects hints; `until` resolves when all these paths were hinted at. */
function watchOn({ watcher, root }: World) {
  const seen = new Set<string>();
  const problems: Problem[] = [];
  let look = () => {};
  const stop = watcher.watch(root, {
    hint: (path) => {
      seen.add(path);
      look();
    },
    failed: (problem) => {
      problems.push(problem);
      look();
    },
  });
  const until = (done: () => boolean) =>
    new Promise<void>((resolve) => {
      look = () => done() && resolve();
      look();
    });
  return { seen, problems, stop, until };
}

for (const [name, make] of Object.entries(worlds)) {
  test(`WAT1 ${name}: saves, renames and new folders are hinted at by the document's path`, async () => {
    const world = make();
    world.folder('a');
    world.write('a/x.txt', '1');
    const { seen, stop, until } = watchOn(world);
    world.write('a/x.txt', '2');
    await until(() => seen.has('a/x.txt'));
    seen.clear();
    world.write('a/y.tmp', '3');
    world.rename('a/y.tmp', 'a/x.txt');
    await until(() => seen.has('a/x.txt'));
    world.folder('a/b');
    await until(() => seen.has('a/b'));
    seen.clear();
    world.write('a/b/z.txt', '4');
    await until(() => seen.has('a/b/z.txt'));
    stop();
  });

  test(`WAT2 ${name}: what happens in the sync folder is not hinted at`, async () => {
    const world = make();
    world.folder('.tieout');
    world.write('.tieout/store.db', '1');
    const { seen, stop, until } = watchOn(world);
    world.write('.tieout/store.db', '2');
    world.write('x.txt', '1');
    await until(() => seen.has('x.txt'));
    assert.deepEqual(
      [...seen].filter((path) => path.includes('.tieout')),
      [],
    );
    stop();
  });
}

test('WAT3 a folder that cannot be watched is told as a problem, not thrown', async () => {
  const world = { ...worlds['real disk']!(), root: join(top, 'no-such-folder') };
  const { problems, stop, until } = watchOn(world);
  await until(() => problems.length > 0);
  assert.equal(problems[0]?.code, 'watch-failed');
  stop();
});
