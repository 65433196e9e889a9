import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { LogReader } from '../../src/store/log-reader.ts';
import { author, copyId, makeStore, tempFolder, text } from './stores.ts';

const ana = await author('a');

function pair() {
  const folder = tempFolder();
  const made = makeStore({ folder, hooks: { stored: (_, body) => (body.byteLength > 1000 ? 'x' : '') } });
  const reader = new LogReader(join(folder, 'store.db'), join(folder, 'packs'));
  return { ...made, reader };
}

test('LOG22 another process sees what is committed with its next look, bodies in parts included', () => {
  const { store, reader, close } = pair();
  assert.deepEqual(reader.after(new Map(), { subject: '', limit: 10 }), []);
  store.append(ana, [text('small')]);
  assert.equal(reader.after(new Map(), { subject: '', limit: 10 }).length, 1);
  const large = randomBytes(300_000);
  store.append(ana, [large]);
  const [change] = reader.after(new Map([[copyId('a'), 1]]), { subject: 'x', limit: 10 });
  assert(Buffer.from(reader.body(change!)).equals(large));
  assert.deepEqual(reader.vector(), store.vector());
  // What is under way in a transaction is not there yet.
  store.append(ana, [text('third')], () => assert.equal(reader.vector().get(copyId('a')), 2));
  assert.equal(reader.vector().get(copyId('a')), 3);
  reader.close();
  close();
});

test('LOG23 own changes go on under another id in one step, for whoever reads along as well', async () => {
  const { store, reader, close } = pair();
  store.append(ana, [text('shared'), text('here only')]);
  assert.equal(reader.vector().get(ana.copy), 2);
  const reserved: number[] = [];
  const renewed = await author('z', 'ana', (seq) => reserved.push(seq));
  const made = [{ author: renewed, body: text('here only') }];
  const again = (refold: () => void): void => store.reissue(new Map([[ana.copy, 1]]), made, refold);
  assert.throws(
    () =>
      again(() => {
        throw new Error('on purpose');
      }),
    /on purpose/,
  );
  assert.deepEqual(store.vector(), new Map([[ana.copy, 2]]));
  again(() => assert.equal(store.vector().get(ana.copy), 1));
  const both = new Map([
    [ana.copy, 1],
    [renewed.copy, 1],
  ]);
  assert.deepEqual([store.vector(), reader.vector()], [both, both]);
  assert.deepEqual(reserved, [1, 1]);
  const [, last] = store.after(new Map(), {});
  assert.equal(Buffer.from(store.body(last!)).toString(), 'here only');
  assert.deepEqual([...store.damaged()], []);
  reader.close();
  close();
});
