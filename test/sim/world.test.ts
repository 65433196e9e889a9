/** The seeded world in small: what failed once, and a few seeds. `npm run soak` plays many. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Chance } from './chance.ts';
import { SimDisk } from './disk.ts';
import { SimBytes } from './disk-files.ts';
import { OFFICE, PEOPLE } from './identities.ts';
import { Cable } from './network.ts';
import { play } from './play.ts';
import { knownSeeds } from './seeds.ts';
import { storyOf } from './story.ts';
import { MachineClock, Timeline, Wall } from './time.ts';

const SEEDS = 8;

test('SIM1 what is due happens in its order, nothing of a machine after its end, and the same for the same seed', async () => {
  const run = async (): Promise<string> => {
    const timeline = new Timeline(new Chance('time'));
    const [one, two] = [0, 1].map(() => new MachineClock(timeline, new Wall(timeline))) as [MachineClock, MachineClock];
    const heard: string[] = [];
    one.after(20, () => heard.push('b'));
    one.after(10, () => heard.push('a'));
    two.after(15, () => heard.push('never'));
    one.after(12, () => two.stop());
    await timeline.pass(100);
    assert.equal(timeline.now, 100);
    assert.ok(heard.join('') === 'ab', heard.join(''));
    return `${heard} ${timeline.jitter()}`;
  };
  assert.equal(await run(), await run());
});

test('SIM2 a line carries messages whole, in order and late; what is cut does not arrive, and either side hears of it', async () => {
  const timeline = new Timeline(new Chance('lines'));
  const cable = new Cable(timeline, new Chance('cable'), { fromMs: 5, toMs: 50 });
  const heard: string[] = [];
  const { signal } = new AbortController();
  const [ana, ben] = [PEOPLE[0]!.peer, PEOPLE[1]!.peer];
  const dialled = cable.dial(
    ana,
    ben,
    signal,
    (far) => {
      far.onMessage = (bytes) => heard.push(Buffer.from(bytes).toString());
      far.onClose = (why) => heard.push(`far: ${why}`);
      return null;
    },
    () => true,
  );
  await timeline.pass(500);
  const near = await dialled;
  assert.equal(near.peer.user, 'Ben');
  near.onClose = (why) => heard.push(`near: ${why}`);
  for (const text of ['a', 'b', 'c']) near.send(Buffer.from(text));
  await timeline.pass(1000);
  cable.cut();
  near.send(Buffer.from('lost'));
  await timeline.pass(60_000);
  assert.deepEqual(heard.slice(0, 3), ['a', 'b', 'c']);
  assert.deepEqual(heard.slice(3).sort(), ['far: the connection was reset', 'near: the connection was reset']);
});

test('SIM3 a power cut leaves of a disk what was made durable', () => {
  const disk = new SimDisk();
  const bytes = new SimBytes(disk);
  bytes.makeFolder('/a');
  const file = bytes.open('/a/kept', 'create');
  file.write(Buffer.from('kept'), 0);
  file.sync();
  bytes.syncFolder('/a');
  file.write(Buffer.from('lost'), 4);
  bytes.open('/a/gone', 'create').write(Buffer.from('gone'), 0);
  disk.crash(0, () => 0);
  assert.deepEqual(bytes.list('/a'), ['kept']);
  assert.equal(disk.inode('/a/kept')?.bytes.toString(), 'kept');
});

test('SIM4 the people of the world have real certificates of one office', () => {
  assert.equal(new Set(PEOPLE.map(({ peer }) => peer.device)).size, PEOPLE.length);
  for (const { identity } of PEOPLE) assert.equal(identity.memberships[0]?.office, OFFICE);
});

for (const { name, about, story } of knownSeeds()) {
  test(`SIM5 what failed once does not fail again: ${name}, ${about}`, async () => {
    assert.deepEqual((await play(story)).violations, []);
  });
}

test('SIM6 copies and hub keep their promises in worlds of chance, and a world told twice is the same', async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const story = storyOf(String(seed));
    const outcome = await play(story);
    assert.deepEqual(outcome.violations, [], `seed ${seed}:\n${outcome.trace.slice(-60).join('\n')}`);
    if (seed <= 2) assert.equal((await play(story)).hash, outcome.hash, `seed ${seed} is not the same a second time`);
  }
});
