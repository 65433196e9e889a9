/** The example must be what an auditor would believe: figures that agree, documents that open, the same every time. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { crc32, inflateRawSync } from 'node:zlib';
import { account } from '../../examples/engagement/ledger.ts';
import { cents, decimal, split, swiss } from '../../examples/engagement/money.ts';
import { makeExample } from '../../examples/make.ts';

const temp = mkdtempSync(join(tmpdir(), 'tieout-example-'));
after(() => rmSync(temp, { recursive: true, force: true }));
const folder = join(temp, 'first');
makeExample(folder);
const database = new DatabaseSync(join(folder, 'Engagement.db'));
after(() => database.close());

test('EXA1 debits equal credits in every balance and every entry', () => {
  const differences = database.prepare('SELECT what, difference FROM tie_out').all();
  assert.ok(differences.length >= 12);
  for (const { what, difference } of differences) assert.equal(difference, 0, String(what));
  const { accounts } = database.prepare('SELECT count(*) AS accounts FROM account').get() as { accounts: number };
  assert.ok(accounts >= 150);
});

test('EXA2 the database is whole, and its index names the documents that are there', () => {
  assert.deepEqual(database.prepare('PRAGMA foreign_key_check').all(), []);
  assert.deepEqual(
    database
      .prepare('PRAGMA integrity_check')
      .all()
      .map((row) => row.integrity_check),
    ['ok'],
  );
  for (const { path } of database.prepare('SELECT path FROM document').all()) {
    assert.ok(statSync(join(folder, String(path))).size > 0, String(path));
  }
});

test('EXA2 numbers are handed out by SQLite, and the constraints hold against a careless program', () => {
  const copy = join(temp, 'careless.db');
  const careless = new DatabaseSync(':memory:');
  careless.exec(`ATTACH '${join(folder, 'Engagement.db')}' AS example`);
  careless.exec(`VACUUM example INTO '${copy}'`);
  careless.close();
  const program = new DatabaseSync(copy);
  const insert =
    "INSERT INTO adjustment (text, reason, prepared_by, prepared_on) VALUES ('t', 'r', 'AK', '2026-03-01')";
  assert.equal(program.prepare(insert).run().lastInsertRowid, 9);
  const refused = [
    'INSERT INTO adjustment_line (adjustment, account, debit, credit) VALUES (9, 1020, 5, 5)',
    'INSERT INTO adjustment_line (adjustment, account, debit) VALUES (9, 1020, 0.5)',
    'INSERT INTO adjustment_line (adjustment, account, debit) VALUES (9, 1021021, 5)',
    "UPDATE adjustment SET prepared_on = 'yesterday' WHERE no = 9",
    "UPDATE review_note SET cleared_on = '2026-03-01' WHERE answer IS NULL",
  ];
  for (const sql of refused) assert.throws(() => program.exec(sql), /constraint failed/, sql);
  program.close();
});

test('EXA3 made twice, the example has the same bytes', () => {
  const second = join(temp, 'second');
  makeExample(second);
  const paths = filesIn(folder);
  assert.deepEqual(filesIn(second), paths);
  for (const path of paths) assert.ok(readFileSync(join(folder, path)).equals(readFileSync(join(second, path))), path);
  assert.throws(() => makeExample(second), /is not empty/);
});

test('EXA4 every Word and Excel document is a whole zip of well-formed XML with the parts it names', () => {
  const documents = filesIn(folder).filter((path) => ['.docx', '.xlsx'].includes(extname(path)));
  assert.equal(documents.length, 6);
  for (const path of documents) {
    const parts = unzip(readFileSync(join(folder, path)));
    for (const [name, xml] of parts) wellFormed(`${path}: ${name}`, xml);
    for (const [, part] of parts.get('[Content_Types].xml')!.matchAll(/PartName="\/([^"]+)"/g)) {
      assert.ok(parts.has(part!), `${path}: ${part}`);
    }
  }
});

test("EXA4 the PDF's table of objects points at its objects", () => {
  const pdf = readFileSync(join(folder, 'A Cash and banks/Confirmation Seebank 2025-12-31.pdf'), 'latin1');
  const at = Number(/startxref\n(\d+)\n%%EOF\n$/.exec(pdf)?.[1]);
  const offsets = [...pdf.slice(at).matchAll(/^(\d{10}) 00000 n $/gm)].map((match) => Number(match[1]));
  assert.equal(offsets.length, 7);
  offsets.forEach((offset, index) => {
    assert.ok(pdf.startsWith(`${index + 1} 0 obj\n`, offset));
  });
  const [, length, stream] = /\/Length (\d+) >>\nstream\n([\s\S]*?)\nendstream/.exec(pdf)!;
  assert.equal(stream!.length, Number(length));
});

test('EXA5 lists and sheets agree with the ledger', () => {
  const sum = (amounts: readonly string[]) => amounts.reduce((total, amount) => total + cents(amount), 0);
  const receivables = lines('B Receivables/Aged receivables 2025-12-31.csv');
  for (const no of [1100, 1101]) {
    const own = receivables.filter((row) => row[0] === String(no));
    assert.equal(sum(own.map((row) => row[7]!)), account(no).closing);
    for (const row of own) assert.equal(sum(row.slice(2, 7)), cents(row[7]!));
  }
  const wages = lines('T Löhne und Sozialversicherungen/Lohnjournal 2025.csv');
  assert.equal(sum(wages.map((row) => row[1]!)), account(5000).closing);
  assert.equal(sum(wages.map((row) => row[2]!)), account(5001).closing);
  const assets = unzip(readFileSync(join(folder, 'F Fixed assets/Fixed assets roll-forward.xlsx')));
  for (const sheet of ['xl/worksheets/sheet1.xml', 'xl/worksheets/sheet2.xml']) {
    const checks = [...assets.get(sheet)!.matchAll(/<f>[A-Z]\d+-SUM[^<]*<\/f><v>([^<]*)<\/v>/g)].map(
      (match) => match[1],
    );
    assert.ok(checks.length >= 6);
    assert.ok(checks.every((check) => check === '0.00'));
  }
});

test('EXA5 amounts are read, written and split without a cent lost', () => {
  for (const text of ['0.00', '0.05', '-0.05', '-1234.50', '9892140.99']) assert.equal(decimal(cents(text)), text);
  assert.equal(swiss(-123456789), "-1'234'567.89");
  assert.throws(() => cents('12.5'), /not an amount/);
  for (const total of [0, 1, -7, 98_765_43]) {
    const parts = split(total, 7);
    assert.equal(
      parts.reduce((sum, part) => sum + part, 0),
      total,
    );
  }
});

function filesIn(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((path) => !/-(wal|shm)$/.test(path))
    .sort();
}

function lines(path: string): string[][] {
  const text = readFileSync(join(folder, path), 'utf8');
  assert.ok(text.startsWith('\uFEFF') && text.endsWith('\r\n'));
  const rows = text.trimEnd().split('\r\n').slice(1);
  return rows.map((line) => line.split(';'));
}

/** By the directory at the end, as every reader of zips goes about it; each entry's checksum is compared. */
function unzip(bytes: Buffer): Map<string, string> {
  const end = bytes.length - 22;
  assert.equal(bytes.readUInt32LE(end), 0x06054b50);
  const entries = new Map<string, string>();
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left--) {
    assert.equal(bytes.readUInt32LE(at), 0x02014b50);
    const packed = bytes.readUInt32LE(at + 20);
    const nameLength = bytes.readUInt16LE(at + 28);
    const name = bytes.toString('utf8', at + 46, at + 46 + nameLength);
    const local = bytes.readUInt32LE(at + 42);
    assert.equal(bytes.readUInt32LE(local), 0x04034b50);
    const body = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const content = inflateRawSync(bytes.subarray(body, body + packed));
    assert.equal(crc32(content), bytes.readUInt32LE(at + 16), name);
    entries.set(name, content.toString());
    at += 46 + nameLength;
  }
  assert.equal(at, end);
  return entries;
}

/** Every tag that opens is closed in order; no stray '&' or '<'. */
function wellFormed(what: string, xml: string): void {
  const open: string[] = [];
  for (const [, closing, name, single] of xml.matchAll(/<(\/?)([A-Za-z:]\w*[^\s/>]*)[^<>]*?(\/?)>/g)) {
    if (closing) assert.equal(open.pop(), name, what);
    else if (!single) open.push(name!);
  }
  assert.deepEqual(open, [], what);
  assert.doesNotMatch(xml, /&(?!(amp|lt|gt|quot);)/, what);
}
