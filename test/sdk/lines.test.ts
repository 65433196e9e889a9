import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Lines } from '../../src/sdk/lines.ts';
import { character } from '../core/characters.ts';

test('API1 an answer is read alike however the network cuts its bytes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.json()),
      fc.string({ unit: character }),
      fc.infiniteStream(fc.nat(9)),
      (docs, rest, cuts) => {
        const cutOff = rest.replaceAll('\n', '').toWellFormed();
        const bytes = new TextEncoder().encode(docs.map((doc) => `${doc}\n`).join('') + cutOff);
        const lines = new Lines();
        const read: string[] = [];
        for (let at = 0; at < bytes.length; ) {
          const end = at + cuts.next().value!;
          read.push(...lines.push(bytes.subarray(at, end)));
          at = end;
        }
        assert.deepEqual(read, docs);
        assert.equal(lines.rest, cutOff);
      },
    ),
  );
});
