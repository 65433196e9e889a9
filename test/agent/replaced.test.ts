import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Replaced } from '../../src/agent/documents/replaced.ts';
import { observationOf } from '../../src/store/observations.ts';
import { SimDisk } from '../sim/disk.ts';
import { SimFiles } from '../sim/disk-files.ts';
import { TestClock } from '../store/stores.ts';

test('DOC31 a document that a program holds gets one second name, which goes when the program lets go', () => {
  const disk = new SimDisk();
  const files = new SimFiles(disk, '/file');
  files.open('plan.pdf', 'create');
  const clock = new TestClock();
  const never = () => Promise.reject(new Error('nobody wrote to it'));
  const replaced = new Replaced(files, clock, new AbortController().signal, never);
  const id = 'a'.repeat(32);
  const names = () => files.list('.tieout/replaced')?.length;
  const tryInVain = () => {
    const facts = files.facts('plan.pdf');
    assert.ok(facts);
    replaced.drop(replaced.keep(id, observationOf('plan.pdf', id, '', facts), 'plan.pdf'));
  };
  // As Windows has it: under none of its names.
  disk.fault = (call, path) => (call === 'remove' && path.includes('/replaced/') ? 'EBUSY' : undefined);
  tryInVain();
  tryInVain();
  clock.advance(20_000);
  tryInVain();
  assert.equal(names(), 1);
  disk.fault = () => undefined;
  clock.advance(20_000);
  assert.equal(names(), 0);
  tryInVain();
  assert.equal(names(), 0);
});
