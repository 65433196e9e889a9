import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Found, type Match, matchCopy, type Recorded } from '../../src/agent/matching.ts';

const hash = (seq: number, branch = '') => `${branch}${seq}`;

const recorded: Recorded = { path: '/a', device: '1', inode: '10', seq: 5, hash: hash(5), ceiling: 1000 };

const log = (last: number, branch = ''): Pick<Found, 'last' | 'hashAt'> => ({
  last,
  hashAt: (seq) => (seq >= 1 && seq <= last ? hash(seq, branch) : undefined),
});

test('IDN4 a folder whose log is not the one that was followed gets a new copy id, wherever it lies', () => {
  const logs: [string, Pick<Found, 'last' | 'hashAt'>, boolean][] = [
    ['as it was left', log(5), true],
    ['gone on, the note was lost in a power cut', log(6), true],
    ['at the ceiling', log(1000), true],
    ['restored from an older backup', log(4), false],
    ['emptied', log(0), false],
    ['of another branch', log(5, 'other '), false],
    ['of another branch, gone on', log(9, 'other '), false],
    ['beyond the ceiling: the ledger is the older one', log(1001), false],
  ];
  for (const [what, of, fits] of logs) {
    for (const recordedPathTaken of [true, false]) {
      for (const path of ['/a', '/b']) {
        const match = matchCopy(recorded, { path, device: '1', inode: '10', recordedPathTaken, ...of });
        assert.equal(match !== 'copied', fits, `${what}, ${path}`);
      }
    }
  }
});

test('IDN5 a folder that was copied gets a new copy id, one that was moved or renamed does not', () => {
  const same = { device: '1', inode: '10' };
  const rebooted = { device: '2', inode: '10' };
  const other = { device: '1', inode: '11' };
  const table: [string, { device: string; inode: string }, string, boolean, Match][] = [
    // what, folder, path, recorded path taken, expected
    ['nothing happened', same, '/a', true, 'same'],
    ['the disk has another number since the restart', rebooted, '/a', true, 'same'],
    ['another folder at its place', other, '/a', true, 'copied'],
    ['renamed', same, '/b', false, 'moved'],
    ['renamed, and something else was put at the old place', same, '/b', true, 'moved'],
    ['moved to another disk', other, '/b', false, 'moved'],
    ['copied', other, '/b', true, 'copied'],
    ['copied with its inode, as a disk image', rebooted, '/b', true, 'copied'],
    ['moved with its inode', rebooted, '/b', false, 'moved'],
  ];
  for (const [what, folder, path, recordedPathTaken, expected] of table) {
    assert.equal(matchCopy(recorded, { ...folder, path, recordedPathTaken, ...log(5) }), expected, what);
  }
});

test('IDN5 a disk that gives new inodes each time keeps a copy that was closed in order', () => {
  const closed = { ...recorded, ceiling: 5 };
  const found = { path: '/a', device: '1', inode: '99', recordedPathTaken: true };
  assert.equal(matchCopy(closed, { ...found, ...log(5) }), 'same');
  assert.equal(matchCopy(closed, { ...found, ...log(4) }), 'copied');
  assert.equal(matchCopy(closed, { ...found, ...log(5, 'other ') }), 'copied');
  assert.equal(matchCopy(closed, { ...found, path: '/b', ...log(5) }), 'copied');
});

test('IDN5 a folder that this machine does not know gets a new copy id', () => {
  const found = { path: '/a', device: '1', inode: '10', recordedPathTaken: false, ...log(5) };
  assert.equal(matchCopy(undefined, found), 'copied');
});

test('IDN5 of an original and its copy the one that is opened first stays', () => {
  // mv a old; cp -r old a: both have all that was ever numbered.
  for (const first of ['original', 'copy']) {
    let entry: Recorded = { ...recorded, ceiling: 5 };
    const places = {
      original: { path: '/old', device: '1', inode: '10' },
      copy: { path: '/a', device: '1', inode: '11' },
    };
    const open = (which: 'original' | 'copy'): Match => {
      const match = matchCopy(entry, { ...places[which], recordedPathTaken: true, ...log(5) });
      if (match !== 'copied') entry = { ...entry, ...places[which] };
      return match;
    };
    const second = first === 'original' ? 'copy' : 'original';
    assert.notEqual(open(first as 'original' | 'copy'), 'copied');
    assert.equal(open(second), 'copied', `${first} first`);
  }
});
