import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  cpSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { test } from 'node:test';
import { isDoubtful } from '../../src/agent/documents/capture.ts';
import { QUIET_MS } from '../../src/agent/documents/noticing.ts';
import { EMPTY_HASH } from '../../src/core/content.ts';
import { contentCell, DOCUMENTS, setOp } from '../../src/core/registry.ts';
import { storageFailure } from '../../src/platform/storage-failure.ts';
import { observationOf } from '../../src/store/observations.ts';
import { type DocumentCopy, exchangeOnce, level, Office, withCopies } from './document-copies.ts';

const FILES = { 'letter.txt': 'Dear client', 'papers/a.txt': 'aaa', 'papers/b.txt': 'bbb', 'empty.txt': '' };

test('DOC1 a new copy has every document of the base, with its time', async () => {
  await withCopies(['ana', 'ben'], FILES, async (_, ana, ben) => {
    assert.deepEqual(ben!.files(), FILES);
    for (const path of Object.keys(FILES)) assert.ok(Math.abs(ana!.mtime(path) - ben!.mtime(path)) < 0.002, path);
    assert.equal(ana!.made.length, 1);
    assert.equal(ben!.made.length, 1);
  });
});

test('DOC2 a save in place is recorded once, when it is quiet, and put in place elsewhere with its time', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    ana!.write('letter.txt', 'Dear cli');
    ana!.write('letter.txt', 'Dear client, hello');
    await ana!.until(() => ana!.made.length > 1);
    office.exchange();
    await ben!.until(() => ben!.read('letter.txt') === 'Dear client, hello');
    assert.ok(Math.abs(ana!.mtime('letter.txt') - ben!.mtime('letter.txt')) < 0.002);
    await level(office, ana!, ben!);
    assert.equal(ana!.made.length, 2);
    assert.equal(ben!.made.length, 1);
  });
});

test('DOC3 a save by rename is recorded at once', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    let fastest = Number.POSITIVE_INFINITY;
    for (let count = 1; count <= 5; count++) {
      const begun = performance.now();
      ana!.renameSave('papers/a.txt', 'A'.repeat(count));
      await ana!.until(() => ana!.made.length > count);
      fastest = Math.min(fastest, performance.now() - begun);
    }
    assert.ok(fastest < QUIET_MS, `it was waited for: ${fastest} ms`);
    await level(office, ana!, ben!);
    assert.equal(ben!.read('papers/a.txt'), 'AAAAA');
    assert.equal(ana!.made.length, 6);
  });
});

test('DOC4 new documents in new folders, empty ones too, go to everybody', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    ana!.write('new/deep/er/x.txt', 'x');
    ana!.write('new/none.txt', '');
    await level(office, ana!, ben!);
    assert.equal(ben!.read('new/deep/er/x.txt'), 'x');
    assert.equal(ben!.read('new/none.txt'), '');
  });
});

test('DOC5 a renamed document or folder is recognised: no content travels, and it stays the same document', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    const before = ana!.documents.listing.one('letter.txt').id;
    renameSync(ana!.path('letter.txt'), ana!.path('brief.txt'));
    renameSync(ana!.path('papers'), ana!.path('dossier'));
    const fetched = ben!.fetched;
    await level(office, ana!, ben!);
    assert.deepEqual(Object.keys(ben!.files()), ['brief.txt', 'dossier/a.txt', 'dossier/b.txt', 'empty.txt']);
    assert.equal(ben!.documents.listing.one('brief.txt').id, before);
    assert.equal(ben!.fetched, fetched);
  });
});

test('DOC5 what lies at the old path of a renamed file is a save of the document', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    const before = ana!.documents.listing.one('letter.txt').id;
    const old = ana!.read('letter.txt');
    renameSync(ana!.path('letter.txt'), ana!.path('former letter.txt'));
    ana!.renameSave('letter.txt', 'the new one');
    await level(office, ana!, ben!);
    for (const copy of [ana!, ben!]) {
      assert.equal(copy.read('letter.txt'), 'the new one');
      assert.equal(copy.read('former letter.txt'), old);
      assert.equal(copy.documents.listing.one('letter.txt').id, before);
    }
    assert.equal(ben!.documents.listing.versions('letter.txt').length, 2);
  });
});

test('DOC5 a folder that is copied elsewhere and deleted is recognised by work that grows with its documents', async () => {
  const count = 300;
  const many = Object.fromEntries(Array.from({ length: count }, (_, n) => [`f/d${n}.txt`, `text ${n}`]));
  await withCopies(['ana'], many, async (_, ana) => {
    const { observations } = ana!.registry;
    const { at } = observations;
    let looks = 0;
    observations.at = (path) => {
      looks += 1;
      return at.call(observations, path);
    };
    cpSync(ana!.path('f'), ana!.path('g'), { recursive: true });
    rmSync(ana!.path('f'), { recursive: true });
    await ana!.settle();
    const cells = ana!.made.slice(1).flatMap(({ ops }) => ops.flatMap((op) => (op.kind === 'set' ? op.cells : [])));
    assert.deepEqual([cells.length, new Set(cells.map(({ column }) => column))], [count, new Set(['path'])]);
    assert.ok(looks < 40 * count, `${looks} looks`);
  });
});

test('DOC6 a deletion goes to everybody, the folder with it, and the document can be made again', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    rmSync(ana!.path('papers'), { recursive: true });
    await level(office, ana!, ben!);
    assert.deepEqual(Object.keys(ben!.files()), ['empty.txt', 'letter.txt']);
    ben!.write('papers/a.txt', 'again');
    await level(office, ana!, ben!);
    assert.equal(ana!.read('papers/a.txt'), 'again');
    assert.equal(ana!.documents.listing.versions('papers/a.txt').length, 1);
  });
});

test('DOC7 two saves that do not know each other: both kept, the later shown, listed; who settles it settles it for all', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    ana!.renameSave('letter.txt', 'by Ana');
    await ana!.settle();
    ben!.renameSave('letter.txt', 'by Ben');
    await ben!.settle();
    await level(office, ana!, ben!);
    assert.equal(ana!.read('letter.txt'), 'by Ben');
    const [conflict] = ana!.documents.conflicts.list();
    assert.deepEqual(
      conflict?.candidates.map(({ by, shown }) => [by, shown]),
      [
        ['ben', true],
        ['ana', false],
      ],
    );
    await ana!.documents.conflicts.resolve(conflict!.id, conflict!.candidates[1]!.id);
    ana!.documents.place();
    await level(office, ana!, ben!);
    assert.equal(ben!.read('letter.txt'), 'by Ana');
    assert.deepEqual(ben!.documents.conflicts.list(), []);
    assert.equal(ben!.documents.listing.versions('letter.txt').length, 4);
  });
});

test('DOC8 two people make one path alone: one document; equal content is no conflict', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    ana!.write('memo.txt', 'same');
    ben!.write('memo.txt', 'same');
    ana!.write('note.txt', 'one');
    ben!.write('note.txt', 'two');
    await level(office, ana!, ben!);
    assert.equal(ana!.documents.listing.one('memo.txt').conflict, false);
    const [version] = ana!.documents.listing.versions('memo.txt');
    assert.equal(version?.alsoBy.length, 1);
    assert.equal(ana!.documents.listing.one('note.txt').conflict, true);
    assert.equal(ana!.documents.listing.versions('note.txt').length, 2);
  });
});

test('DOC8 of two new files that have one name elsewhere, one is a save of the document that waits for this name', async () => {
  await withCopies(['ana', 'ben'], FILES, async (_, ana, ben) => {
    ana!.write('a.txt', 'ana');
    await ana!.settle();
    ben!.unreachable = true;
    ben!.receive(ana!);
    ben!.write('a.txt', 'ben one');
    ben!.write('A.TXT', 'ben two');
    await ben!.settle();
    assert.deepEqual(
      ben!.made.slice(1).map(({ ops }) => ops.length),
      [1],
    );
    assert.ok(ben!.documents.problems().some(({ code }) => code === 'same-name'));
  });
});

test('DOC9 a save that did not know of a deletion keeps the document', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    rmSync(ana!.path('letter.txt'));
    await ana!.settle();
    ben!.write('letter.txt', 'still needed');
    await ben!.settle();
    await level(office, ana!, ben!);
    assert.equal(ana!.read('letter.txt'), 'still needed');
    assert.equal(ana!.documents.conflicts.list()[0]?.about, 'deletion');
    await ana!.documents.conflicts.resolve(ana!.documents.conflicts.list()[0]!.id, 'deleted');
    ana!.documents.place();
    await level(office, ana!, ben!);
    assert.equal(ben!.read('letter.txt'), undefined);
  });
});

test('DOC10 what is open in an editor is not replaced under it; a save meanwhile is kept beside the newer version', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    ben!.write('.~lock.letter.txt#', ',ben,this-computer,22.11.2026 20:00,file:///home/ben;');
    ana!.renameSave('letter.txt', 'newer');
    await ana!.settle();
    office.exchange();
    await ben!.settle();
    assert.equal(ben!.read('letter.txt'), 'Dear client');
    assert.equal(ben!.documents.listing.one('letter.txt').state, 'held');
    assert.equal(ben!.documents.problems()[0]?.code, 'held');
    assert.equal(ben!.documents.missing().documents, 0);
    ben!.write('letter.txt', 'saved in the editor');
    await ben!.settle();
    rmSync(ben!.path('.~lock.letter.txt#'));
    await level(office, ana!, ben!);
    assert.equal(ana!.documents.conflicts.list()[0]?.candidates.length, 2);
    assert.deepEqual(ben!.documents.problems(), []);
  });
});

test('DOC11 editors that save by writing a backup, deleting and renaming save one document', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    const { id } = ana!.documents.listing.one('letter.txt');
    // vim: moves the old one aside, writes a new one, deletes the old one.
    renameSync(ana!.path('letter.txt'), ana!.path('letter.txt~'));
    ana!.write('letter.txt', 'by vim');
    rmSync(ana!.path('letter.txt~'));
    // Word: writes a temporary one, moves the old one aside, and the new one in.
    ana!.write('papers/~WRD0001.tmp', 'by Word');
    renameSync(ana!.path('papers/a.txt'), ana!.path('papers/~WRL0002.tmp'));
    renameSync(ana!.path('papers/~WRD0001.tmp'), ana!.path('papers/a.txt'));
    rmSync(ana!.path('papers/~WRL0002.tmp'));
    await level(office, ana!, ben!);
    assert.equal(ben!.read('letter.txt'), 'by vim');
    assert.equal(ben!.read('papers/a.txt'), 'by Word');
    assert.equal(ben!.documents.listing.one('letter.txt').id, id);
    assert.deepEqual(Object.keys(ben!.files()), Object.keys(FILES).sort());
  });
});

test('DOC12 a symbolic link, an unfit name and a nested copy are said to be problems, and nothing is followed', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    symlinkSync('/etc', ana!.path('system'));
    symlinkSync('/etc/hostname', ana!.path('name.txt'));
    ana!.write('a:b.txt', 'x');
    ana!.write('inner/.tieout/store.db', 'x');
    ana!.write('inner/doc.txt', 'x');
    await exchangeOnce(office, ana!, ben!);
    const codes = ana!.documents.problems().map(({ path, code }) => `${path} ${code}`);
    assert.deepEqual(codes.sort(), [
      'a:b.txt unfit-name',
      'inner nested-copy',
      'name.txt symbolic-link',
      'system symbolic-link',
    ]);
    assert.deepEqual(Object.keys(ben!.files()), Object.keys(FILES).sort());
    rmSync(ana!.path('a:b.txt'));
    await ana!.settle();
    assert.equal(ana!.documents.problems().length, 3);
  });
});

test("DOC33 a machine's and a hub's own folder are named, and nothing in them is part of the file", async () => {
  const keys = {
    'home/device.key': 'secret',
    'home/agent.lock': '',
    'home/logs/agent.log': 'x',
    'office/hub.db': 'x',
    'office/office/authority.json': 'secret',
    'plain/device.key': 'of another program',
  };
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    for (const [path, content] of Object.entries(keys)) ana!.write(path, content);
    await exchangeOnce(office, ana!, ben!);
    const codes = ana!.documents.problems().map(({ path, code }) => `${path} ${code}`);
    assert.deepEqual(codes.sort(), ['home keys', 'office keys']);
    assert.deepEqual(Object.keys(ben!.files()), [...Object.keys(FILES), 'plain/device.key'].sort());
    ana!.write('home/logs/agent.log', 'more');
    await exchangeOnce(office, ana!, ben!);
    assert.equal(ben!.read('home/logs/agent.log'), undefined);
  });
  await withCopies(['ana'], { ...FILES, ...keys }, async (_, ana) => {
    const { documents } = ana!.documents.survey();
    assert.deepEqual(documents.sort(), [...Object.keys(FILES), 'plain/device.key'].sort());
  });
});

test('DOC34 a file that cannot be read is named, and keeps nothing else from being taken in; once it can be it is taken in', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    const { open } = ana!.disk;
    ana!.disk.open = (path, purpose) => {
      if (path === 'secret.txt') throw storageFailure('no-permission', 'Cannot open it', path);
      return open.call(ana!.disk, path, purpose);
    };
    for (const path of ['a.txt', 'secret.txt', 'z.txt']) ana!.write(path, path);
    await exchangeOnce(office, ana!, ben!);
    assert.deepEqual([ben!.read('a.txt'), ben!.read('z.txt'), ben!.read('secret.txt')], ['a.txt', 'z.txt', undefined]);
    const [problem, ...others] = ana!.documents.problems();
    assert.deepEqual([problem?.code, problem?.path, others], ['unreadable-document', 'secret.txt', []]);
    assert.match(`${problem?.text} ${problem?.remedy}`, /does not permit it\. Give your user the right/);
    // Nobody who waits for what is saved waits for it.
    assert.equal(ana!.documents.quiet(), true);
    ana!.disk.open = open;
    await exchangeOnce(office, ana!, ben!);
    assert.equal(ben!.read('secret.txt'), 'secret.txt');
    assert.deepEqual(ana!.documents.problems(), []);
  });
});

test('DOC34 what cannot be read is left out of a base, named by the first scan, and taken in once it can be', async () => {
  const office = new Office();
  const [ana, ben] = [await office.copy('ana'), await office.copy('ben')];
  const files = { 'a.txt': 'a', 'secret.txt': 's', 'ledger.db-wal': 'w', 'closed/b.txt': 'b', 'z.txt': 'z' };
  for (const [path, content] of Object.entries(files)) ana.write(path, content);
  const { list, open } = ana.disk;
  const refused = (path: string): void => {
    if (/^(secret|closed|ledger)/.test(path)) throw storageFailure('no-permission', 'Cannot read it', path);
  };
  ana.disk.list = (folder) => {
    refused(folder);
    return list.call(ana.disk, folder);
  };
  ana.disk.open = (path, purpose) => {
    refused(path);
    return open.call(ana.disk, path, purpose);
  };
  await ana.publish(ben);
  await exchangeOnce(office, ana, ben);
  assert.deepEqual(ben.files(), { 'a.txt': 'a', 'z.txt': 'z' });
  const named = ana.documents.problems().map(({ path }) => path);
  assert.deepEqual(named.sort(), ['closed', 'ledger.db-wal', 'secret.txt']);
  Object.assign(ana.disk, { list, open });
  await exchangeOnce(office, ana, ben);
  await exchangeOnce(office, ana, ben);
  assert.deepEqual(ben.files(), files);
  assert.deepEqual(ana.documents.problems(), []);
  for (const copy of office.copies) await copy.stop();
});

test('DOC13 a change that keeps size and time is still a change', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    const at = ana!.mtime('papers/a.txt') / 1000;
    ana!.write('papers/a.txt', 'zzz');
    utimesSync(ana!.path('papers/a.txt'), at, at);
    await level(office, ana!, ben!);
    assert.equal(ben!.read('papers/a.txt'), 'zzz');
  });
});

test('DOC13 a save that may bear the time of the one before is taken in before anything replaces it', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    const { observations } = ben!.registry;
    const seen = observations.at('letter.txt')!;
    await ben!.documents.stop();
    ben!.write('letter.txt', 'DEAR CLIENT');
    // As on a disk with a coarse clock, where the content that was seen was written within the same tick.
    observations.put(observationOf('letter.txt', seen.subject, seen.hash, ben!.disk.facts('letter.txt')!, true));
    ana!.write('letter.txt', 'newer');
    await ana!.settle();
    office.exchange();
    await ben!.restart();
    await level(office, ana!, ben!);
    assert.equal(ana!.documents.listing.versions('letter.txt').length, 3);
    assert.equal(ana!.documents.conflicts.list().length, 1);
  });
});

test('DOC13 on disks that keep whole seconds a document counts as doubtful for as long', () => {
  const second = 1_795_000_001_000;
  const facts = (mtimeNs: bigint) =>
    ({ kind: 'file', size: 1, mtimeNs, changedNs: mtimeNs, inode: '1', device: '1' }) as const;
  assert.equal(isDoubtful(facts(BigInt(second) * 1_000_000n), second + 900), true);
  assert.equal(isDoubtful(facts(BigInt(second) * 1_000_000n), second + 2_000), false);
  assert.equal(isDoubtful(facts(BigInt(second) * 1_000_000n + 1n), second + 900), false);
});

test('DOC14 a document that is only touched makes no version', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    utimesSync(ana!.path('letter.txt'), 1_700_000_000, 1_700_000_000);
    ana!.write('papers/b.txt', 'bbb');
    await level(office, ana!, ben!);
    assert.equal(ana!.made.length, 1);
  });
});

test('DOC15 databases are found by their header, reported, and are no documents', async () => {
  const database = Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(84)]);
  await withCopies(
    ['ana'],
    { ...FILES, 'ledger.bin': database, 'ledger.bin-wal': 'x', 'x-journal': 'a paper' },
    async (_, ana) => {
      await ana!.settle();
      assert.ok(ana!.databases.includes('found ledger.bin'));
      const paths = [...ana!.documents.listing.all()].map(({ path }) => path);
      assert.deepEqual(paths, [...Object.keys(FILES), 'x-journal'].sort());
      ana!.databases.length = 0;
      ana!.write('ledger.bin-wal', 'more');
      await ana!.until(() => ana!.databases.includes('changed ledger.bin'));
      ana!.renameSave('ledger.bin', database);
      await ana!.until(() => ana!.databases.includes('replaced ledger.bin'));
      renameSync(ana!.path('ledger.bin'), ana!.path('ledger.db'));
      await ana!.until(() => ana!.databases.includes('moved ledger.bin ledger.db'));
      rmSync(ana!.path('ledger.db'));
      await ana!.until(() => ana!.databases.includes('gone ledger.db'));
      ana!.write('letter.txt', database);
      await ana!.until(() => ana!.databases.includes('found letter.txt'));
      await ana!.settle();
      assert.ok(![...ana!.documents.listing.all()].some(({ path }) => path === 'letter.txt'));
    },
  );
});

test('DOC15 what SQLite left beside a database that was moved away is no document', async () => {
  const log = Buffer.concat([Buffer.from('377f0682', 'hex'), Buffer.alloc(28)]);
  const files = {
    ...FILES,
    'sold.db-wal': log,
    'sold.db-shm': Buffer.from('18e22d0000', 'hex'),
    'sold.db-journal': '',
  };
  await withCopies(['ana'], files, async (_, ana) => {
    ana!.write('gone.db-wal', log);
    ana!.write('speech-wal', 'a paper');
    await ana!.settle();
    const paths = [...ana!.documents.listing.all()].map(({ path }) => path);
    assert.deepEqual(paths, [...Object.keys(FILES), 'speech-wal'].sort());
  });
});

test('DOC17 what was saved and received while nothing ran is found at the start', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    await ana!.documents.stop();
    ana!.write('letter.txt', 'offline');
    ana!.write('papers/new.txt', 'new');
    rmSync(ana!.path('papers/b.txt'));
    renameSync(ana!.path('papers/a.txt'), ana!.path('moved.txt'));
    ben!.renameSave('empty.txt', 'not any more');
    await ben!.settle();
    ana!.receive(ben!);
    await ana!.restart();
    await level(office, ana!, ben!);
    assert.deepEqual(ben!.files(), {
      'empty.txt': 'not any more',
      'letter.txt': 'offline',
      'moved.txt': 'aaa',
      'papers/new.txt': 'new',
    });
  });
});

test('DOC17 what was saved while nothing ran is a save, though it is an older version of a document replaced just before', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    ana!.renameSave('letter.txt', 'newer');
    await ana!.settle();
    office.exchange();
    await ben!.until(() => ben!.read('letter.txt') === 'newer');
    // The agent is killed: what it replaced is still there under its second name.
    const [kept] = readdirSync(ben!.path('.tieout/replaced'));
    linkSync(ben!.path(`.tieout/replaced/${kept}`), ben!.path('.tieout/kept'));
    await ben!.documents.stop();
    linkSync(ben!.path('.tieout/kept'), ben!.path(`.tieout/replaced/${kept}`));
    ben!.renameSave('letter.txt', FILES['letter.txt']);
    await ben!.restart();
    await level(office, ana!, ben!);
    assert.equal(ana!.read('letter.txt'), FILES['letter.txt']);
    assert.deepEqual(ana!.documents.conflicts.list(), []);
  });
});

test('DOC28 a folder that cannot be read is a problem of its own: the rest is looked through, and nothing in it is gone', async () => {
  await withCopies(['ana'], { ...FILES, 'papers/deep/c.txt': 'ccc' }, async (_, ana) => {
    await ana!.documents.stop();
    ana!.write('letter.txt', 'offline');
    ana!.write('zz/new.txt', 'new');
    const { list, facts } = ana!.disk;
    const refused = (path: string): void => {
      if (path.startsWith('papers')) throw storageFailure('no-permission', 'Cannot look at it', path);
    };
    ana!.disk.list = (folder) => {
      refused(folder);
      return list.call(ana!.disk, folder);
    };
    ana!.disk.facts = (path) => {
      if (path !== 'papers') refused(path);
      return facts.call(ana!.disk, path);
    };
    await ana!.restart();
    await ana!.settle();
    assert.deepEqual(
      ana!.made.slice(1).flatMap(({ ops }) => ops.map(({ kind }) => kind)),
      ['set', 'set'],
    );
    const [problem] = ana!.documents.problems();
    assert.deepEqual([problem?.code, problem?.path], ['no-permission', 'papers']);
    Object.assign(ana!.disk, { list, facts });
    await ana!.settle();
    assert.deepEqual(ana!.documents.problems(), []);
    assert.equal([...ana!.documents.listing.all()].length, 6);
  });
});

test('DOC30 a copy whose folder was not looked through yet does not say that all is taken in', async () => {
  const many = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`f${n}/d.txt`, `${n}`]));
  await withCopies(['ana'], many, async (_, ana) => {
    await ana!.documents.stop();
    ana!.write('f20/d.txt', 'offline');
    await ana!.restart();
    let isQuiet = ana!.documents.quiet();
    while (!isQuiet) {
      await new Promise(setImmediate);
      isQuiet = ana!.documents.quiet();
    }
    assert.equal(ana!.made.length, 2);
    renameSync(ana!.root, `${ana!.root}-moved`);
    await ana!.restart();
    await ana!.documents.settle();
    assert.equal(ana!.documents.quiet(), false);
    renameSync(`${ana!.root}-moved`, ana!.root);
  });
});

test('DOC18 documents that change names in a circle, and names that differ only in case, end where they should', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    await ana!.documents.stop();
    mkdirSync(ana!.path('t'));
    renameSync(ana!.path('letter.txt'), ana!.path('t/1'));
    renameSync(ana!.path('papers/a.txt'), ana!.path('t/2'));
    await ana!.restart();
    await ana!.settle();
    renameSync(ana!.path('t/1'), ana!.path('papers/a.txt'));
    renameSync(ana!.path('t/2'), ana!.path('letter.txt'));
    await ana!.settle();
    renameSync(ana!.path('papers/b.txt'), ana!.path('papers/B.txt'));
    await level(office, ana!, ben!);
    assert.equal(ben!.read('letter.txt'), 'aaa');
    assert.equal(ben!.read('papers/a.txt'), 'Dear client');
    assert.equal(ben!.read('papers/B.txt'), 'bbb');
  });
});

test('DOC18 a document and a folder that exchange their names, or go into each other, end where they should, also after a kill', async () => {
  const files = { 'plan/a.txt': 'a', 'plan/deep/b.txt': 'b', list: 'a list', 'old/x': 'x', 'new/y': 'y' };
  for (const killed of [false, true]) {
    await withCopies(['ana', 'ben'], files, async (office, ana, ben) => {
      // Node's own throws where a folder becomes a file, for which only the agent has a net.
      for (const copy of [ana!, ben!]) copy.watcher = { watch: () => () => {} };
      await ana!.restart();
      await ben!.documents.stop();
      // Each name is free for a while, so that nothing is a save of what was called so before.
      const names = ['plan t1', 'list plan', 't1 list', 'old/x t2', 'new/y t3', 't2 new', 't3 old'];
      for (const [from, to] of names.map((both) => both.split(' '))) {
        for (const folder of ['old', 'new']) if (to === folder) rmSync(ana!.path(to), { recursive: true, force: true });
        renameSync(ana!.path(from!), ana!.path(to!));
        await ana!.settle();
      }
      const { id } = ben!.documents.listing.one('old/x');
      if (killed) renameSync(ben!.path('old/x'), ben!.path(`.~tieout-aside-${id.slice(0, 16)}.tmp`));
      await ben!.restart();
      await level(office, ana!, ben!);
      const held = ['list/a.txt', 'list/deep/b.txt', 'plan', 'new', 'old'].map((path) => ben!.read(path));
      assert.deepEqual(held, ['a', 'b', 'a list', 'x', 'y']);
      assert.deepEqual(readdirSync(ben!.root).sort(), ['.tieout', 'list', 'new', 'old', 'plan']);
      assert.deepEqual(ben!.documents.problems(), []);
      assert.equal(ben!.made.length, 1);
    });
  }
});

test('DOC18 a document that stood aside when the agent was killed is not taken for deleted', async () => {
  const swap = (copy: DocumentCopy) => {
    renameSync(copy.path('a.txt'), copy.path('c.txt'));
    renameSync(copy.path('b.txt'), copy.path('a.txt'));
    renameSync(copy.path('c.txt'), copy.path('b.txt'));
  };
  for (const swaps of [1, 2]) {
    await withCopies(['ana', 'ben'], { 'a.txt': 'aaa', 'b.txt': 'bbb' }, async (office, ana, ben) => {
      const { id } = ben!.documents.listing.one('a.txt');
      await ben!.documents.stop();
      renameSync(ben!.path('a.txt'), ben!.path(`.~tieout-aside-${id.slice(0, 16)}.tmp`));
      for (let n = 0; n < swaps; n++) {
        swap(ana!);
        await ana!.settle();
      }
      ben!.receive(ana!);
      await ben!.restart();
      await level(office, ana!, ben!);
      assert.equal(ben!.made.length, 1);
      assert.equal(ben!.read('a.txt'), swaps === 1 ? 'bbb' : 'aaa');
    });
  }
});

test('DOC19 two documents brought to one path: the earlier stands, the later shows a derived name', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    renameSync(ana!.path('papers/a.txt'), ana!.path('x.txt'));
    await ana!.settle();
    renameSync(ben!.path('papers/b.txt'), ben!.path('X.txt'));
    await ben!.settle();
    await level(office, ana!, ben!);
    assert.equal(ana!.read('x.txt'), 'aaa');
    assert.equal(ana!.read("X (ben's copy).txt"), 'bbb');
    ana!.write("X (ben's copy).txt", 'edited under the derived name');
    rmSync(ben!.path('x.txt'));
    await level(office, ana!, ben!);
    assert.deepEqual(ana!.read('X.txt'), 'edited under the derived name');
  });
});

test('DOC20 only the chunks that are not here travel', async () => {
  const large = Buffer.alloc(3_000_000);
  for (let at = 0, n = 1; at < large.length; at++) {
    n = (Math.imul(n, 1_664_525) + 1_013_904_223) | 0;
    large[at] = n >>> 24;
  }
  await withCopies(['ana', 'ben'], { 'large.bin': large }, async (office, ana, ben) => {
    const before = ben!.fetched;
    assert.ok(before > 10);
    ana!.renameSave('large.bin', Buffer.concat([Buffer.alloc(100, 7), large]));
    await level(office, ana!, ben!);
    assert.ok(ben!.fetched - before <= 3, `${ben!.fetched - before} chunks`);
  });
});

test('DOC21 content that cannot be had now is placed when it can', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    ben!.unreachable = true;
    ana!.renameSave('letter.txt', 'later');
    await ana!.settle();
    office.exchange();
    await ben!.settle();
    assert.equal(ben!.read('letter.txt'), 'Dear client');
    assert.equal(ben!.documents.missing().documents, 1);
    ben!.unreachable = false;
    await level(office, ana!, ben!);
    assert.equal(ben!.read('letter.txt'), 'later');
  });
});

test('DOC21 content that cannot be had is asked for by one question for all, however much it is', async () => {
  await withCopies(['ana', 'ben'], FILES, async (_, ana, ben) => {
    for (let n = 0; n < 600; n++) ana!.write(`many/${n}.txt`, `text ${n}`);
    await ana!.settle();
    ben!.unreachable = true;
    ben!.receive(ana!);
    await ben!.settle();
    assert.equal(ben!.documents.missing().documents, 600);
    assert.equal(ben!.pauses.get(15_000), 1);
  });
});

test('DOC22 an older version is made current again, and one is written under another name', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    ana!.renameSave('letter.txt', 'second');
    await level(office, ana!, ben!);
    const list = ben!.documents.listing;
    const { signal } = new AbortController();
    await list.get('letter.txt', 'base', { folder: ben!.disk, name: 'old letter.txt' }, { signal });
    assert.equal(ben!.read('old letter.txt'), 'Dear client');
    const promoted = await list.promote('letter.txt', 'base');
    assert.equal(promoted.current, true);
    ben!.documents.place();
    await level(office, ana!, ben!);
    assert.equal(ana!.read('letter.txt'), 'Dear client');
    assert.deepEqual(
      historyOf(ana!, 'letter.txt').map(({ what, by }) => `${what} ${by}`),
      ['made current again ben', 'saved ana', 'published '],
    );
  });
});

test('DOC22 a version is written under another name as a whole or not at all, and over nothing', async () => {
  await withCopies(['ana', 'ben'], { 'large.bin': randomBytes(2_000_000) }, async (office, ana, ben) => {
    ana!.renameSave('large.bin', randomBytes(1_500_000));
    await ana!.settle();
    ben!.unreachable = true;
    ben!.receive(ana!);
    const { listing } = ben!.documents;
    const out = { folder: ben!.disk, name: 'out.bin' };
    const { signal } = new AbortController();
    const get = () => listing.get('large.bin', listing.versions('large.bin')[0]!.id, out, { signal });
    await assert.rejects(get(), /is not on this computer/);
    assert.deepEqual(
      Object.keys(ben!.files()).filter((name) => /^out|-get-/.test(name)),
      [],
    );
    ben!.unreachable = false;
    await get();
    assert.equal(ben!.read('out.bin'), ana!.read('large.bin'));
    ben!.write('out.bin', 'mine');
    await assert.rejects(get(), /exists already/);
    assert.equal(ben!.read('out.bin'), 'mine');
    await level(office, ana!, ben!);
  });
});

test('DOC26 a save that stays local is read once, also while a newer version of a colleague waits for it', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    const { id } = ben!.documents.listing.one('letter.txt');
    await ana!.record([setOp(DOCUMENTS, id, { behaviour: { value: 'never', over: [] } })]);
    office.exchange();
    const ingest = ben!.contents.ingest.bind(ben!.contents);
    let reads = 0;
    ben!.contents.ingest = (paths, options) => {
      // On a quick disk the others may be read again: they were placed so shortly before they were looked at.
      reads += paths.filter((path) => path.endsWith('letter.txt')).length;
      return ingest(paths, options);
    };
    ben!.write('letter.txt', 'stays here');
    await ben!.settle();
    assert.equal(reads, 1);
    const content = { chunks: [], size: 0, mtimeNs: 1n, hash: EMPTY_HASH };
    await ana!.record([setOp(DOCUMENTS, id, { content: contentCell(content, []) })]);
    office.exchange();
    // Each settling is a look at all that waits: what is read again for ever would be read again here.
    for (let times = 0; times < 4; times++) await ben!.settle();
    assert.equal(reads, 1);
    assert.equal(ben!.read('letter.txt'), 'stays here');
    assert.equal(ben!.documents.listing.one('letter.txt').state, 'modified');
    ben!.write('letter.txt', 'stays here, too');
    await ben!.settle();
    assert.equal(reads, 2);
  });
});

test('DOC25 the history of a document tells its names and its deletion, too, with who and when, by every name that it had', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    ben!.renameSave('letter.txt', 'second');
    await level(office, ana!, ben!);
    renameSync(ana!.path('letter.txt'), ana!.path('note.txt'));
    await level(office, ana!, ben!);
    renameSync(ben!.path('note.txt'), ben!.path('papers/note.txt'));
    await level(office, ana!, ben!);
    const told = historyOf(ana!, 'papers/note.txt');
    assert.deepEqual(
      told.map(({ what, by, from, to }) => [what, by, from?.slice(-12), to?.slice(-12)]),
      [
        ['renamed', 'ben', 'note.txt', 'papers/note.txt'.slice(-12)],
        ['renamed', 'ana', 'letter.txt', 'note.txt'],
        ['saved', 'ben', 'base', told[2]!.to?.slice(-12)],
        ['published', '', undefined, 'base'],
      ],
    );
    const former = (path: string): string[] =>
      ana!.documents.history
        .former(path)
        .map((entry) => [entry.shown, ...ana!.documents.history.of(entry).map(({ what }) => what)].join(' '));
    const whole = ['papers/note.txt renamed renamed saved published'];
    for (const path of ['letter.txt', 'Note.txt']) assert.deepEqual(former(path), whole);
    for (const path of ['papers/note.txt', 'note', 'never.txt']) assert.deepEqual(former(path), []);
    rmSync(ana!.path('papers/note.txt'));
    await level(office, ana!, ben!);
    for (const path of ['letter.txt', 'papers/note.txt', 'papers']) {
      assert.deepEqual(former(path), ['papers/note.txt deleted renamed renamed saved published']);
    }
    const gone = ({ documents: { history } }: DocumentCopy) =>
      history.dead().map((entry) => [entry.path, history.of(entry)] as const);
    assert.deepEqual(
      gone(ben!).map(([path, [last]]) => [path, last?.what, last?.by]),
      [['papers/note.txt', 'deleted', 'ana']],
    );
    assert.deepEqual(gone(ana!), gone(ben!));
  });
});

test('DOC25 each content is told from the version that its maker had in front of him, whatever others saved meanwhile', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    const told = (path: string) =>
      historyOf(ana!, path)
        .map(({ what, by, from, to }) => ({ line: `${what} ${by}`, from, to }))
        .reverse();
    for (const round of ['first', 'second']) {
      ana!.renameSave('letter.txt', `${round} by ana`);
      await ana!.settle();
      ben!.renameSave('letter.txt', `${round} by ben`);
      await level(office, ana!, ben!);
      const [before, one, other] = told('letter.txt').slice(-3);
      assert.deepEqual([one?.line, other?.line], ['saved ana', 'saved ben']);
      assert.deepEqual([one?.from, other?.from], [before?.to, before?.to], round);
      const [conflict] = ana!.documents.conflicts.list();
      await ana!.documents.conflicts.resolve(conflict!.id, other!.to!);
      ana!.documents.place();
      await level(office, ana!, ben!);
    }
    // Ben's editor has it open while Ana's two saves arrive.
    ben!.write('.~lock.letter.txt#', ',ben,this-computer,22.11.2026 20:00,file:///home/ben;');
    for (const text of ['third by ana', 'fourth by ana']) {
      ana!.renameSave('letter.txt', text);
      await ana!.settle();
    }
    office.exchange();
    await ben!.settle();
    ben!.write('letter.txt', 'third by ben');
    await ben!.settle();
    rmSync(ben!.path('.~lock.letter.txt#'));
    await level(office, ana!, ben!);
    const [before, third, fourth, last] = told('letter.txt').slice(-4);
    assert.deepEqual([third?.from, fourth?.from, last?.from], [before?.to, third?.to, before?.to]);
    // Made twice, upon nothing.
    for (const copy of [ana!, ben!]) {
      copy.write('new.txt', `by ${copy.user}`);
      await copy.settle();
    }
    await level(office, ana!, ben!);
    assert.deepEqual(
      told('new.txt').map(({ line, from }) => [line, from]),
      [
        ['made ana', null],
        ['made ben', null],
      ],
    );
  });
});

test('DOC23 what a program goes on writing to a document that was replaced under it becomes a version', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    await writeUnderneath(office, ana!, ben!);
    await ben!.restart();
    await level(office, ana!, ben!);
    assert.equal(ana!.read('letter.txt'), 'Dear banknt');
    assert.deepEqual(
      ana!.documents.conflicts.list()[0]?.candidates.map(({ by }) => by),
      ['ben', 'ana'],
    );
  });
});

test('DOC23 what a program went on writing waits where the disk does not let it be taken in', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    await writeUnderneath(office, ana!, ben!);
    const { ingest } = ben!.contents;
    const problem = { code: 'disk-full', text: 'The disk is full.', remedy: 'Make room.' };
    ben!.contents.ingest = async (paths) => paths.map(() => ({ kind: 'failed', problem }));
    await ben!.restart();
    assert.deepEqual(ben!.documents.problems()[0]?.text, problem.text);
    ben!.contents.ingest = ingest;
    await ben!.restart();
    await level(office, ana!, ben!);
    assert.equal(ana!.read('letter.txt'), 'Dear banknt');
  });
});

test('DOC23 what a disk does not let go of at the end keeps nobody from ending', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    ana!.renameSave('letter.txt', 'newer');
    await ana!.settle();
    office.exchange();
    await ben!.until(() => ben!.read('letter.txt') === 'newer');
    const { remove } = ben!.disk;
    let refused = 0;
    ben!.disk.remove = (path) => {
      if (!path.startsWith('.tieout/replaced/')) return remove.call(ben!.disk, path);
      refused += 1;
      throw storageFailure('disk-error', 'Cannot remove it', path);
    };
    await ben!.documents.stop();
    assert.equal(refused, 1);
    ben!.disk.remove = remove;
    await ben!.restart();
    assert.deepEqual(readdirSync(ben!.path('.tieout/replaced')), []);
  });
});

test('DOC24 a new copy that was stopped goes on, and fetches nothing twice', async () => {
  const many = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`f${n % 4}/d${n}.txt`, `text ${n}`]));
  await withCopies(['ana'], many, async (office, ana) => {
    const ben = await office.copy('ben');
    ben.copyBase(ana!);
    ben.reaches = 25;
    await ben.documents.start();
    await ben.until(() => ben.fetched === 25);
    await ben.restart();
    assert.ok(ben.documents.missing().documents > 0);
    ben.reaches = Number.POSITIVE_INFINITY;
    ben.documents.place();
    await ben.settle();
    assert.deepEqual(ben.files(), many);
    assert.equal(ben.fetched, 40);
    assert.equal(ben.made.length, 1);
    await ben.stop();
  });
});

/** A program of Ben's goes on writing to the letter that Ana's newer one was put in place of. */
async function writeUnderneath(office: Office, ana: DocumentCopy, ben: DocumentCopy): Promise<void> {
  const file = openSync(ben.path('letter.txt'), 'r+');
  ana.renameSave('letter.txt', 'newer');
  await ana.settle();
  office.exchange();
  await ben.until(() => ben.read('letter.txt') === 'newer');
  writeSync(file, 'Dear bank');
  closeSync(file);
}

function historyOf({ registry, documents }: DocumentCopy, path: string) {
  return documents.history.of(registry.entryAt(path)!);
}
