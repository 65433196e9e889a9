/** `npm start` as a newcomer meets it: real processes, ended with Ctrl-C. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

const temp = mkdtempSync(join(tmpdir(), 'tieout-start-test-'));
after(() => rmSync(temp, { recursive: true, force: true }));
// Windows knows no Ctrl-C from one process to another.
const skip = process.platform === 'win32';

test('EXA6 two machines sync the example, Ctrl-C ends all of it, and the same folder goes on', { skip }, async () => {
  const dir = join(temp, 'office');
  const first = start(['--dir', dir]);
  await first.says('Two people, one file');
  assert.match(first.said(), /sqlite3? ".*Ana.*Engagement\.db"/);
  comment(join(dir, 'Ana'), 'agreed');
  await until(() => commentIn(join(dir, 'Ben')) === 'agreed', "Ana's comment in Ben's copy");
  await first.says('Engagement.db');
  await ended(first, dir);

  const second = start(['--dir', dir]);
  await second.says('Two people, one file');
  comment(join(dir, 'Ben'), 'agreed with Mr Hug');
  await until(() => commentIn(join(dir, 'Ana')) === 'agreed with Mr Hug', "Ben's comment in Ana's copy");
  await ended(second, dir);
});

test("EXA7 the reader's own folder is copied from and stays as it was", { skip }, async () => {
  const own = join(temp, "Müller's file");
  mkdirSync(join(own, 'notes'), { recursive: true });
  writeFileSync(join(own, 'notes', 'a.txt'), 'one');
  const dir = join(temp, 'own office');
  const office = start(['--dir', dir, own]);
  await office.says('Two people, one file');
  const theirs = join(dir, 'Ben', "Müller's file", 'notes', 'a.txt');
  assert.equal(readFileSync(theirs, 'utf8'), 'one');
  writeFileSync(theirs, 'two');
  await until(() => readFileSync(theirs.replace('Ben', 'Ana'), 'utf8') === 'two', "Ben's save in Ana's copy");
  await ended(office, dir);
  assert.deepEqual(readdirSync(own, { recursive: true }).sort(), ['notes', join('notes', 'a.txt')]);
  assert.equal(readFileSync(join(own, 'notes', 'a.txt'), 'utf8'), 'one');
});

test('EXA7 what cannot be is refused at once, with a reason', async () => {
  for (const [wish, reason] of [
    [[join(temp, 'nothing')], /There is no folder/],
    [['--dir', import.meta.dirname], /is not empty/],
    [['--dir', join(import.meta.dirname, 'inside'), import.meta.dirname], /must not lie inside/],
  ] as const) {
    const refused = start(wish);
    const [code] = await once(refused.process, 'close');
    assert.equal(code, 2);
    assert.match(refused.said(), reason);
  }
});

interface Started {
  readonly process: ChildProcess;
  said(): string;
  says(text: string): Promise<void>;
}

function start(wishes: readonly string[]): Started {
  const script = join(import.meta.dirname, '../../scripts/start.ts');
  const child = spawn(process.execPath, [script, ...wishes], { stdio: ['ignore', 'pipe', 'pipe'] });
  after(() => child.kill('SIGINT'));
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  return {
    process: child,
    said: () => said,
    says: (text) =>
      until(() => said.includes(text) || child.exitCode !== null, text).then(() =>
        assert.ok(said.includes(text), said),
      ),
  };
}

async function ended({ process: child, said }: Started, dir: string): Promise<void> {
  const closed = once(child, 'close');
  child.kill('SIGINT');
  const [code] = await closed;
  assert.equal(code, 0, said());
  assert.match(said(), /The folders are still in/);
  for (const home of ['ana-home', 'ben-home'])
    assert.ok(!existsSync(join(dir, home, 'agent.json')), `${home}: agent runs`);
}

function comment(person: string, text: string): void {
  const database = new DatabaseSync(join(person, 'Audit-2025', 'Engagement.db'), { timeout: 5000 });
  database.prepare('UPDATE account SET comment = ? WHERE no = 1105').run(text);
  database.close();
}

function commentIn(person: string): unknown {
  const database = new DatabaseSync(join(person, 'Audit-2025', 'Engagement.db'), { timeout: 5000 });
  const row = database.prepare('SELECT comment FROM account WHERE no = 1105').get();
  database.close();
  return row?.comment;
}

async function until(holds: () => boolean, what: string): Promise<void> {
  for (const limit = performance.now() + 60_000; !holds(); ) {
    assert.ok(performance.now() < limit, `not within a minute: ${what}`);
    await pause(20);
  }
}
