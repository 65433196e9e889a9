import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { maybeTemporary, notDocument, ownerNames } from '../../src/core/not-documents.ts';
import { foldPath, pathFault, temporaryName } from '../../src/core/paths.ts';
import { character } from './characters.ts';

test('PTH1 what cannot be on every system is refused, with the reason', () => {
  const wrong: Record<string, string> = {
    '': 'empty',
    'a//b': 'empty',
    'a/': 'empty',
    '/etc/passwd': 'not-relative',
    '..': 'not-relative',
    'a/../../b': 'not-relative',
    './a': 'not-relative',
    'a/.': 'not-relative',
    'C:/windows': 'forbidden-character',
    'a\\b': 'forbidden-character',
    '..\\..\\b': 'forbidden-character',
    'a:b': 'forbidden-character',
    'file.txt::$DATA': 'forbidden-character',
    'what?': 'forbidden-character',
    'a\u0000b': 'control-character',
    'a\nb': 'control-character',
    'Icon\r': 'control-character',
    '\ud800': 'not-unicode',
    'bad\ufffd.txt': 'not-unicode',
    con: 'device-name',
    'a/NUL.txt': 'device-name',
    Com1: 'device-name',
    'com¹.log': 'device-name',
    'lpt9 .txt': 'device-name',
    'a./b': 'trailing-dot-or-space',
    'a ': 'trailing-dot-or-space',
    'a...': 'trailing-dot-or-space',
    [`${'ä'.repeat(128)}`]: 'too-long',
    [`${'folder/'.repeat(400)}a`]: 'too-long',
  };
  for (const [path, code] of Object.entries(wrong)) assert.equal(pathFault(path)?.code, code, JSON.stringify(path));
});

test('PTH1 what people call their files is fit', () => {
  const fit = [
    'a',
    'Bericht 2025.docx',
    '決算/試算表.xlsx',
    'a\u0308.txt',
    '.hidden',
    "O'Brien & Söhne (final) #2.pdf",
    'console.txt',
  ];
  fit.push(
    'auxiliary',
    'nul-values.csv',
    '~notes',
    'a..b',
    '...a',
    'ä'.repeat(127),
    '👩‍💼.txt',
    'می‌خواهم.docx',
    'com10.txt',
    '4010/4020',
  );
  for (const path of fit) assert.equal(pathFault(path), undefined, path);
});

test('PTH1 whatever text is given, the check answers, and what passes stays in the folder', () => {
  const part = fc.oneof(
    fc.string({ unit: character, maxLength: 12 }),
    fc.constantFrom('..', '.', '', 'CON', '.tieout', 'a', 'b.txt', ' ', 'x\u0000', '\\', '.TIEOUT', 'Tieout~1'),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      const path = parts.join('/');
      if (pathFault(path) !== undefined) return;
      assert.equal(
        new URL(`file:///root/${path.split('/').map(encodeURIComponent).join('/')}`).pathname.startsWith('/root/'),
        true,
      );
      for (const each of path.split('/')) {
        assert.ok(each !== '' && each !== '.' && each !== '..' && !/[\\:\0]/.test(each));
        assert.notEqual(foldPath(each), '.tieout');
      }
    }),
  );
});

test('PTH2 spellings of one path fold to one text', () => {
  const alike = [
    ['Ä.txt', 'a\u0308.TXT', 'ä.txt'],
    ['STRASSE', 'straße', 'Straẞe'],
    ['ΣΊΣΥΦΟΣ', 'σίσυφος', 'σίσυφοσ'],
    ['\u212a', 'k', 'K'],
    ['ﬁle', 'FILE'],
    ['ſ', 's'],
    ['\u1e9e', 'ss'],
  ];
  for (const [first, ...others] of alike) {
    for (const other of others) assert.equal(foldPath(other), foldPath(first!), `${first} ${other}`);
  }
  assert.notEqual(foldPath('ı'), foldPath('i'));
  assert.notEqual(foldPath('a'), foldPath('ä'));
});

test('PTH2 folding twice is folding once, and minds neither case nor normalisation', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 12 }), (text) => {
      const folded = foldPath(text);
      assert.equal(foldPath(folded), folded);
      assert.equal(foldPath(text.normalize('NFD')), folded);
      assert.equal(foldPath(text.normalize('NFC')), folded);
      assert.equal(foldPath(text.toLowerCase().replaceAll('i̇', 'i̇')), foldPath(text.toLowerCase()));
    }),
  );
});

test('PTH3 what editors and systems leave beside documents is none', () => {
  const owner = ['~$report.docx', '.~lock.budget.ods#', '.#notes.txt', '.notes.txt.swp', '.notes.txt.swo'];
  const temporary = [
    'lu1234abcd.tmp',
    '~WRL0001.tmp',
    '~WRD0002.tmp',
    'A1B2C3D4.tmp',
    'word1A2B3C4D.tmp',
    '~DF12.tmp',
    'ppt7A4B.tmp',
  ];
  temporary.push(
    '4913',
    '.goutputstream-AB12CD',
    '#notes.txt#',
    'big.zip.part',
    'x.crdownload',
    '.nfs0000abcd',
    '.fuse_hidden000',
  );
  const system = [
    '.DS_Store',
    '._report.docx',
    'Thumbs.db',
    'desktop.ini',
    'Desktop.INI',
    '.directory',
    '.Trash-1000',
    '$RECYCLE.BIN',
  ];
  for (const name of owner) assert.equal(notDocument(name), 'owner', name);
  for (const name of temporary) assert.equal(notDocument(name), 'temporary', name);
  for (const name of system) assert.equal(notDocument(name), 'system', name);
  assert.equal(notDocument('.tieout'), 'own');
  assert.equal(notDocument(temporaryName('0a1b-2')), 'own');
});

test('PTH3 documents are documents, whatever they are called', () => {
  const names = [
    'report.docx',
    'deadbeef',
    '20251231',
    'notes.txt~',
    'a.tmp',
    'partner',
    'x.partners',
    'swap.swp.txt',
    '$notes',
    '~a',
    'db.sqlite',
  ];
  names.push('.gitignore', 'lunch.tmp.docx', '4913.txt', 'thumbs.db.xlsx', '.hidden.sample', 'Part', 'nfs', '#1', 'x#');
  for (const name of names) assert.equal(notDocument(name), undefined, name);
  assert.equal(maybeTemporary('A1B2C3D4'), true);
  assert.equal(maybeTemporary('.report.docx.Ab12Cd'), true);
  assert.equal(maybeTemporary('report.docx'), false);
});

test('PTH3 the owner files that editors make for a document are known as such', () => {
  for (const name of ['report.docx', 'a.xlsx', 'ab.doc', '決算.ods']) {
    for (const owner of ownerNames(name)) assert.equal(notDocument(owner), 'owner', owner);
  }
  assert.ok(ownerNames('quarterly.docx').includes('~$arterly.docx'));
  assert.ok(ownerNames('budget.ods').includes('.~lock.budget.ods#'));
});

test('PTH4 no spelling reaches the sync folder', () => {
  const spellings = [
    '.tieout',
    '.TIEOUT',
    '.Tieout',
    '.tie\u200cout',
    '\ufeff.tieout',
    '.tıeout'.replace('ı', 'i'),
    'TIEOUT~1',
    'tieout~12',
  ];
  spellings.push(temporaryName('12ab-3'), temporaryName('12ab-3').toUpperCase());
  for (const name of spellings) {
    assert.equal(pathFault(name)?.code, 'ours', name);
    assert.equal(pathFault(`a/${name}/b`)?.code, 'ours', name);
  }
  for (const name of ['tieout', '.tieouts', 'tieout~', '.tieout2']) assert.equal(pathFault(name), undefined, name);
});
