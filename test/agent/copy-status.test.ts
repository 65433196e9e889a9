import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Copy } from '../../src/agent/copy.ts';
import { problemsOf } from '../../src/agent/copy-status.ts';

const problem = { code: 'disk', text: 'It is full.', remedy: 'Make room.' };

function told(root: string, paths: readonly (string | undefined)[]): (string | undefined)[] {
  const list = paths.map((path, since) => ({ ...problem, since, ...(path === undefined ? {} : { path }) }));
  const copy = { folder: { root }, problems: { list: () => list }, documents: { problems: () => [] } };
  return problemsOf(copy as unknown as Copy).map(({ path }) => path);
}

test('AGT19 whatever named it, a problem has a path within the file, or none where it is about the whole copy', () => {
  const within = ['letter.txt', 'papers/Trial.db', '', undefined];
  const outside = ['/home/ana/Acme 2026/letter.txt', '/home/ana'];
  const absolute = ['/home/ana/Acme/Trial.db', '/home/ana/Acme/papers/Trial.db', '/home/ana/Acme'];
  assert.deepEqual(told('/home/ana/Acme', [...within, ...outside, ...absolute]), [
    ...['letter.txt', 'papers/Trial.db', undefined, undefined],
    ...outside,
    ...['Trial.db', 'papers/Trial.db', undefined],
  ]);
  assert.deepEqual(told('C:\\Acme', ['C:\\Acme\\papers\\Trial.db', 'C:\\Acme']), ['papers/Trial.db', undefined]);
});
