/** What every `Files` with its `FileBytes` must do, real or simulated. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FileBytes, Files, OpenFile } from '../../src/platform/ports.ts';

export type FilesUnderTest = {
  readonly files: Files;
  readonly bytes: FileBytes;
  /** Makes a symbolic link at a path of the folder, to a native path; false where this is not possible. */
  readonly symlink: (path: string, target: string) => boolean;
  /** A folder outside of the copy's, native. */
  readonly outside: string;
};

export function filesContract(name: string, make: () => FilesUnderTest): void {
  const open = (files: Files, path: string, purpose: 'read' | 'create'): OpenFile => {
    const file = files.open(path, purpose);
    assert.ok(typeof file === 'object', `open ${path}: ${String(file)}`);
    return file;
  };
  const put = (files: Files, path: string, text: string) => {
    const file = open(files, path, 'create');
    file.write(Buffer.from(text), 0);
    file.close();
  };
  const read = (files: Files, path: string): string => {
    const file = open(files, path, 'read');
    const bytes = Buffer.alloc(file.facts().size);
    assert.equal(file.read(bytes, 0), bytes.length);
    file.close();
    return bytes.toString();
  };

  test(`FIL1 ${name}: what is there is told, what is not is no error`, () => {
    const { files } = make();
    assert.equal(files.facts('a.txt'), undefined);
    assert.equal(files.facts('no/such/a.txt'), undefined);
    assert.equal(files.list('no'), undefined);
    assert.equal(files.open('a.txt', 'read'), 'missing');
    assert.equal(files.remove('a.txt'), 'missing');
    assert.equal(files.removeFolder('no'), 'missing');
    assert.equal(files.rename('a.txt', 'b.txt'), 'missing');
    put(files, 'a.txt', 'hello');
    assert.equal(files.facts('a.txt')?.kind, 'file');
    assert.equal(files.facts('a.txt')?.size, 5);
    assert.equal(files.facts('a.txt/b'), undefined);
    assert.equal(files.open('a.txt', 'create'), 'exists');
    assert.equal(files.makeFolder('x/y'), 'made');
    assert.equal(files.makeFolder('x/y'), 'there');
    const names = files.list('')?.map((entry) => `${entry.name} ${entry.facts?.kind}`);
    assert.deepEqual(names?.sort(), ['a.txt file', 'x folder']);
    assert.ok(files.freeBytes() > 0);
  });

  test(`FIL2 ${name}: a rename puts one whole file in the place of another, and keeps its inode`, () => {
    const { files } = make();
    put(files, 'new.tmp', 'new');
    put(files, 'a.txt', 'old content');
    const before = files.facts('new.tmp');
    const held = open(files, 'a.txt', 'read');
    assert.equal(files.rename('new.tmp', 'a.txt'), 'done');
    assert.equal(held.facts().size, 11);
    held.close();
    assert.equal(read(files, 'a.txt'), 'new');
    assert.equal(files.facts('a.txt')?.inode, before?.inode);
    assert.equal(files.facts('a.txt')?.mtimeNs, before?.mtimeNs);
    files.makeFolder('folder');
    put(files, 'b.txt', 'b');
    assert.equal(files.rename('b.txt', 'folder'), 'exists');
    assert.equal(read(files, 'b.txt'), 'b');
  });

  test(`FIL3 ${name}: only an empty folder is removed, and only a file is deleted`, () => {
    const { files } = make();
    files.makeFolder('x/y');
    put(files, 'x/y/a.txt', 'a');
    assert.equal(files.removeFolder('x/y'), 'not-empty');
    assert.equal(files.remove('x/y'), 'blocked');
    assert.equal(files.removeFolder('x/y/a.txt'), 'blocked');
    assert.equal(files.remove('x/y/a.txt'), 'done');
    assert.equal(files.removeFolder('x/y'), 'done');
    assert.equal(files.facts('x/y'), undefined);
    assert.equal(files.facts('x')?.kind, 'folder');
  });

  test(`FIL4 ${name}: nothing is reached through a symbolic link`, (context) => {
    const { files, symlink, outside, bytes } = make();
    bytes.makeFolder(outside);
    const secret = bytes.open(`${outside}/secret.txt`, 'extend');
    secret.write(Buffer.from('secret'), 0);
    secret.close();
    if (!symlink('door', outside)) return context.skip('this system lets no plain user make symbolic links');
    symlink('file', `${outside}/secret.txt`);
    put(files, 'a.txt', 'a');
    assert.equal(files.facts('door')?.kind, 'link');
    assert.equal(files.list('door'), undefined);
    assert.equal(files.open('file', 'read'), 'blocked');
    assert.equal(files.open('door/secret.txt', 'read'), 'blocked');
    assert.equal(files.open('door/new.txt', 'create'), 'blocked');
    assert.equal(files.makeFolder('door/folder'), 'blocked');
    assert.equal(files.makeFolder('door'), 'blocked');
    assert.equal(files.rename('a.txt', 'door/a.txt'), 'blocked');
    assert.equal(files.rename('door/secret.txt', 'b.txt'), 'blocked');
    assert.equal(files.remove('door/secret.txt'), 'blocked');
    assert.deepEqual(bytes.list(outside), ['secret.txt']);
    assert.equal(files.remove('file'), 'done');
    assert.deepEqual(bytes.list(outside), ['secret.txt']);
  });

  test(`FIL5 ${name}: a time that is set is there to the microsecond, and never earlier`, () => {
    const { files, bytes } = make();
    put(files, 'a.txt', 'a');
    for (const ns of [1_700_000_000_123_456_789n, 1_700_000_000_123_000_000n, 1_000_000_000_000_000_000n]) {
      const writer = bytes.open(files.native('a.txt'), 'extend');
      writer.setModified(ns);
      writer.close();
      const kept = files.facts('a.txt')!.mtimeNs;
      assert.ok(kept >= ns && kept - ns < 1000n, `${kept - ns} ns off`);
    }
  });

  test(`FIL11 ${name}: many parts that are written at once lie one behind the other`, () => {
    const { files, bytes } = make();
    put(files, 'a.txt', 'begun,');
    const parts = Array.from({ length: 5_000 }, (_, n) => Buffer.from(`${n},`));
    const writer = bytes.open(files.native('a.txt'), 'extend');
    writer.writeAll(parts, 6);
    writer.close();
    assert.equal(read(files, 'a.txt'), `begun,${Buffer.concat(parts)}`);
  });

  test(`FIL6 ${name}: a second name is the same file, and outlives the first`, () => {
    const { files } = make();
    put(files, 'a.txt', 'a');
    const linked = files.link('a.txt', 'b.txt');
    if (linked === 'unable') return;
    assert.equal(linked, 'done');
    assert.equal(files.facts('b.txt')?.inode, files.facts('a.txt')?.inode);
    assert.equal(files.link('a.txt', 'b.txt'), 'exists');
    assert.equal(files.remove('a.txt'), 'done');
    assert.equal(read(files, 'b.txt'), 'a');
    assert.equal(files.link('a.txt', 'c.txt'), 'missing');
  });

  test(`FIL7 ${name}: names in any script come back as they were given`, () => {
    const { files } = make();
    for (const path of [
      'Übersicht.docx',
      '決算/試算表.xlsx',
      'отчёт.txt',
      'a\u0308.txt',
      '👩‍💼 notes.txt',
      "it's; $(ls).txt",
    ]) {
      if (path.includes('/')) files.makeFolder(path.slice(0, path.lastIndexOf('/')));
      put(files, path, path);
      assert.equal(read(files, path), path);
    }
    assert.ok(files.list('')?.some(({ name }) => name === '👩‍💼 notes.txt'));
  });

  test(`FIL8 ${name}: folders and whole trees are made durable`, async () => {
    const { files } = make();
    files.makeFolder('x/y');
    put(files, 'x/y/a.txt', 'a');
    await files.sync('x/y/a.txt');
    await files.sync('x/y/none.txt');
    await files.syncFolder('x/y');
    await files.flush(['x/y/a.txt', 'x/y/gone.txt']);
    assert.equal(read(files, 'x/y/a.txt'), 'a');
  });
}
