/** A worker thread for workers.test.ts. */
import { StorageError } from '../../src/core/problem.ts';
import { serveTasks } from '../../src/platform/workers.ts';

export const echoTasks = {
  *double(request: {
    from: number;
  }): Generator<{ n: number; bytes?: Uint8Array; moves?: ArrayBuffer[] }, void, number> {
    let n: number = yield { n: request.from };
    for (;;) {
      if (n === 13) throw new StorageError('disk-full', { text: 'No room for 13.', remedy: 'Take 12.', path: '/x' });
      if (n === 14) throw new TypeError('not 14');
      if (n === 15) process.exit(3);
      if (n === 0) return;
      const bytes = new Uint8Array(n).fill(n);
      n = yield { n: 2 * n, bytes, moves: [bytes.buffer] };
    }
  },
  *keep(_: { from: number }): Generator<{ kept: number[] }, void, Uint8Array> {
    const all: Uint8Array[] = [];
    for (;;) all.push(yield { kept: all.map(({ byteLength }) => byteLength) });
  },
};

serveTasks(echoTasks);
