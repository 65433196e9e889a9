import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StorageError } from '../../src/core/problem.ts';
import { inPlace } from '../../src/platform/tasks.ts';
import { workerPool } from '../../src/platform/workers.ts';
import type { echoTasks } from './echo-worker.ts';

const entry = new URL('./echo-worker.ts', import.meta.url);

test('CHK21 tasks run alike in threads and in place, many at a time, their steps in order', async () => {
  const pool = workerPool<typeof echoTasks>(entry, 2);
  assert.equal(pool.threads, 0);
  const running = Array.from({ length: 6 }, (_, n) => ({ n, steps: pool.start('double', { from: n }) }));
  await Promise.all(
    running.map(async ({ n, steps }) => {
      const answers = await Promise.all([
        steps.next(0),
        steps.next(5),
        steps.next(n + 20),
        steps.next(0),
        steps.next(7),
      ]);
      assert.deepEqual(
        answers.map((answer) => answer?.n),
        [n, 10, 2 * (n + 20), undefined, undefined],
      );
      assert.deepEqual(answers[1]?.bytes, new Uint8Array(5).fill(5));
    }),
  );
  assert.equal(pool.threads, 2);
  await pool.end();
});

test('CHK24 what was moved to a thread takes no room there after its step', async () => {
  const pool = workerPool<typeof echoTasks>(entry, 1);
  const steps = pool.start('keep', { from: 0 });
  const [moved, copied] = [new Uint8Array(1000), new Uint8Array(500)];
  await steps.next(new Uint8Array(0));
  await steps.next(moved, [moved.buffer]);
  assert.deepEqual(await steps.next(copied), { kept: [0, 500] });
  await pool.end();
});

test('CHK22 a failure in a thread ends its task alone, and is told as what it is', async () => {
  const pool = workerPool<typeof echoTasks>(entry, 1);
  const [failing, other, odd] = [0, 1, 2].map((from) => pool.start('double', { from })) as never as [
    ReturnType<typeof pool.start<'double'>>,
    ReturnType<typeof pool.start<'double'>>,
    ReturnType<typeof pool.start<'double'>>,
  ];
  await Promise.all([failing.next(0), other.next(0), odd.next(0)]);
  await assert.rejects(failing.next(13), (error) => error instanceof StorageError && error.problem.path === '/x');
  await assert.rejects(odd.next(14), /not 14/);
  assert.equal((await other.next(4))?.n, 8);
  other.close();
  assert.equal(await other.next(4), undefined);
  await pool.end();
});

test('CHK22 a thread that dies fails its tasks, and the next task gets a new one', async () => {
  const pool = workerPool<typeof echoTasks>(entry, 1);
  const steps = pool.start('double', { from: 1 });
  await steps.next(0);
  await assert.rejects(steps.next(15));
  await assert.rejects(steps.next(1));
  const again = pool.start('double', { from: 3 });
  assert.equal((await again.next(0))?.n, 3);
  await pool.end();
});

test('CHK22 a task in place fails where its step is awaited', async () => {
  function* failing(): Generator<number, void, number> {
    yield 1;
    throw new Error('on purpose');
  }
  const steps = inPlace({ failing: (_: null) => failing() }).start('failing', null);
  assert.equal(await steps.next(0), 1);
  await assert.rejects(steps.next(0), /on purpose/);
  assert.equal(await steps.next(0), undefined);
});
