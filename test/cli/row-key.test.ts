import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rowKey } from '../../src/cli/row-key.ts';
import type { TieoutError } from '../../src/sdk/failure.ts';

test('CLI14 who loses the quotes of a key to a shell is told how to write them there', () => {
  assert.deepEqual(rowKey('{"no":4010}'), { no: 4010 });
  assert.deepEqual(rowKey('{"name":"a \\"b\\""}'), { name: 'a "b"' });
  assert.deepEqual(rowKey('{\\"no\\":4010}'), { no: 4010 });
  const says = (windows: boolean) => {
    try {
      rowKey('{no:4010}', windows);
    } catch (error) {
      return (error as TieoutError).failure.remedy;
    }
    return assert.fail('it was taken');
  };
  assert.ok(says(true).includes('"{\\"no\\":4010}"'), says(true));
  assert.ok(says(false).includes(`'{"no":4010}'`) && !says(false).includes('PowerShell'), says(false));
});
