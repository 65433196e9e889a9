/** Publish and copy that are stopped in the middle, by Ctrl-C, by a kill or by the network, and go on. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertEqualCopies } from './copies.ts';
import { type Machine, Office, outcome, until } from './office.ts';
import { sqlite, write } from './outside.ts';
import type { Relay } from './relay.ts';

const MB = 1024 * 1024;
/** 20 documents of 1 MiB, and 40 rows of 100,000 bytes. */
const CONTENT = 20 * MB + 40 * 100_000;
/**
 * What may have to go twice at each stop: bytes that had left and were not yet acknowledged (a link's backlog of 4 MiB
 * and what the kernel holds), and the talk about it.
 */
const SLACK = 6 * MB;

test('PRC15 publish and copy go on where they were stopped, and what had arrived is not sent again', {
  timeout: 300_000,
}, async (t) => {
  const office = await Office.open(t);
  const ana = await office.machine('ana');
  const ben = await office.machine('ben');
  const folder = join(ana.folder, 'Acme');
  // Does not compress, and holds nothing twice: bytes on the line are bytes of content.
  for (let index = 0; index < 20; index += 1) write(join(folder, `${index}.bin`), randomBytes(MB));
  await sqlite(join(folder, 'big.db'), 'CREATE TABLE blob (id INTEGER PRIMARY KEY, content)');
  await sqlite(
    join(folder, 'big.db'),
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) INSERT INTO blob SELECT i, randomblob(100000) FROM n',
  );
  const relay = await office.relay();

  const sent = await thriceStopped(ana, relay, 'up', ['publish', folder], () => assert.match(office.hub.said, /ana/));
  assert.ok(sent >= CONTENT && sent < CONTENT + 3 * SLACK, `${mb(sent)} sent for ${mb(CONTENT)}`);
  assert.equal((await ana.json('status', [folder])).safe, true);

  const there = join(ben.folder, 'Acme');
  const received = await thriceStopped(ben, relay, 'down', ['copy', 'Acme', there], () => {});
  assert.ok(received >= CONTENT && received < CONTENT + 3 * SLACK, `${mb(received)} received for ${mb(CONTENT)}`);
  assert.equal((await ben.json('status', [there])).safe, true);
  assertEqualCopies(folder, there);
  t.diagnostic(`sent ${mb(sent)}, received ${mb(received)} for ${mb(CONTENT)}`);
});

/** Runs the command: stopped by Ctrl-C, then by a kill of the agent, then cut off, then left alone. Bytes it took. */
async function thriceStopped(
  machine: Machine,
  relay: Relay,
  way: 'up' | 'down',
  command: readonly string[],
  look: () => void,
): Promise<number> {
  const before = relay.passed[way];
  const begun = async () => {
    relay.holdAfter(way, CONTENT / 4);
    const child = machine.start(...command, '--json');
    const ended = outcome(child);
    await until('a quarter more has gone', () => relay.held || child.exitCode !== null);
    assert.equal(
      child.exitCode,
      null,
      `${command[0]} ended early: ${JSON.stringify(child.exitCode !== null && (await ended))}`,
    );
    return { child, ended };
  };

  const first = await begun();
  first.child.kill('SIGINT');
  const interrupted = await first.ended;
  assert.equal(interrupted.exit, 130, interrupted.err);
  assert.match(interrupted.err, /goes on where it stopped/);
  look();
  relay.release();

  const second = await begun();
  await machine.kill();
  const killed = await second.ended;
  assert.equal(killed.exit, 1, killed.out);
  assert.notEqual(killed.err, '');
  relay.release();

  const third = await begun();
  relay.cut();
  relay.release();
  const done = await third.ended;
  assert.equal(done.exit, 0, done.err);
  assert.ok(existsSync(join(command.at(-1) as string, '.tieout')));
  return relay.passed[way] - before;
}

function mb(bytes: number): string {
  return `${(bytes / MB).toFixed(1)} MB`;
}
