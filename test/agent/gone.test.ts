import assert from 'node:assert/strict';
import { renameSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { exchangeOnce, level, withCopies } from './document-copies.ts';

const FILES = { 'letter.txt': 'Dear client', 'papers/a.txt': 'aaa' };

test('DOC16 when most of a file is gone at once, nothing is deleted for others, and it is said', async () => {
  const many = Object.fromEntries(Array.from({ length: 120 }, (_, n) => [`f${n % 7}/d${n}.txt`, `${n}`]));
  await withCopies(['ana', 'ben'], many, async (office, ana, ben) => {
    for (let n = 0; n < 7; n++) renameSync(ana!.path(`f${n}`), `${ana!.root}-f${n}`);
    await exchangeOnce(office, ana!, ben!);
    assert.equal(Object.keys(ben!.files()).length, 120);
    assert.equal(ana!.documents.problems()[0]?.code, 'many-gone');
    for (let n = 0; n < 7; n++) renameSync(`${ana!.root}-f${n}`, ana!.path(`f${n}`));
    await level(office, ana!, ben!);
    assert.deepEqual(ana!.documents.problems(), []);
    for (let n = 0; n < 7; n++) rmSync(ana!.path(`f${n}`), { recursive: true });
    await ana!.documents.deleteGone();
    await level(office, ana!, ben!);
    assert.deepEqual(ben!.files(), {});
    // The word held for this once.
    for (let n = 0; n < 120; n++) ana!.write(`again/${n}.txt`, `${n}`);
    await level(office, ana!, ben!);
    renameSync(ana!.path('again'), `${ana!.root}-again`);
    await exchangeOnce(office, ana!, ben!);
    assert.equal(Object.keys(ben!.files()).length, 120);
  });
});

test('DOC16 of more documents than are taken in together none is deleted for others either', async () => {
  const many = Object.fromEntries(Array.from({ length: 2120 }, (_, n) => [`f/d${n}.txt`, '']));
  await withCopies(['ana'], many, async (_, ana) => {
    renameSync(ana!.path('f'), `${ana!.root}-f`);
    await ana!.settle();
    assert.equal(ana!.made.length, 1);
    assert.match(ana!.documents.problems()[0]?.text ?? '', /^2120 documents have gone/);
  });
});

test('DOC16 what is gone and held back stays in the file when a colleague saves it', async () => {
  const many = Object.fromEntries(Array.from({ length: 120 }, (_, n) => [`f/d${n}.txt`, `${n}`]));
  await withCopies(['ana', 'ben'], many, async (office, ana, ben) => {
    renameSync(ana!.path('f'), `${ana!.root}-f`);
    await ana!.settle();
    ben!.write('f/d1.txt', 'more');
    await ben!.settle();
    office.exchange();
    await ana!.settle();
    await ana!.settle();
    assert.equal(ana!.made.length, 1);
    renameSync(`${ana!.root}-f`, ana!.path('f'));
    await level(office, ana!, ben!);
    assert.equal(ana!.read('f/d1.txt'), 'more');
    assert.deepEqual(ana!.documents.problems(), []);
  });
});

test('DOC27 a folder that is moved away under a running agent deletes nothing for others', async () => {
  await withCopies(['ana', 'ben'], FILES, async (office, ana, ben) => {
    renameSync(ana!.root, `${ana!.root}-moved`);
    ben!.write('letter.txt', 'more');
    await ben!.settle();
    office.exchange();
    await ana!.until(() => ana!.documents.problems().some(({ code }) => code === 'folder-gone'));
    renameSync(`${ana!.root}-moved`, ana!.root);
    await level(office, ana!, ben!);
    assert.equal(ana!.made.length, 1);
    assert.equal(ana!.read('letter.txt'), 'more');
    assert.deepEqual(ana!.documents.problems(), []);
  });
});
