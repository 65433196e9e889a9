/** The seeded world in small: a few seeds. `npm run soak` plays many. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlacingRows } from '../../src/database/applying/placing-rows.ts';
import { Ops } from '../../src/database/capture/ops.ts';
import { Registry } from '../../src/store/registry.ts';
import { RowState } from '../../src/store/row-state.ts';
import { Chance } from './chance.ts';
import { SimDisk } from './disk.ts';
import { SimBytes } from './disk-files.ts';
import { OFFICE, PEOPLE } from './identities.ts';
import { Cable } from './network.ts';
import { play } from './play.ts';
import { storyOf } from './story.ts';
import { MachineClock, Timeline, Wall } from './time.ts';

const SEEDS = Math.ceil(Number(process.env.RUNS ?? 24) / 3);
/** So many are played a second time. */
const TWICE = Math.ceil(SEEDS / 4);

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

test('SIM1 what goes round in a circle while next to no time passes is found', async () => {
  const timeline = new Timeline(new Chance('circle'));
  const clock = new MachineClock(timeline, new Wall(timeline));
  const again = (): void => void clock.after(0, again);
  again();
  await assert.rejects(timeline.pass(60_000), /something goes round/);
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

test('SIM6 copies and hub keep their promises in worlds of chance, and a world told twice is the same', async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const story = storyOf(String(seed));
    const outcome = await play(story);
    assert.deepEqual(outcome.violations, [], `seed ${seed}:\n${outcome.trace.slice(-60).join('\n')}`);
    if (seed <= TWICE)
      assert.equal((await play(story)).hash, outcome.hash, `seed ${seed} is not the same a second time`);
  }
});

/** Ways to break the product, each with what must be said of it. */
const BROKEN: readonly { readonly how: string; readonly breaking: () => () => void; readonly told: RegExp }[] = [
  {
    how: 'a fold that keeps one of the writes that do not know each other',
    told: /conflicts in .* not as the changes say|not as the changes say/,
    breaking: () =>
      replacing(
        RowState.prototype,
        'putRow',
        (putRow) =>
          function (this: RowState, table, row, state, before) {
            const cells = new Map([...state.cells].map(([column, writes]) => [column, writes.slice(0, 1)]));
            putRow.call(this, table, row, { ...state, cells }, before);
          },
      ),
  },
  {
    how: 'a capture that overlooks an edit',
    told: /is lost|differs from|not as the changes say|has changed something/,
    breaking: () => {
      let edits = 0;
      return replacing(
        Ops.prototype,
        'update',
        (update) =>
          function (this: Ops, ...given) {
            edits += 1;
            if (edits % 3 !== 0) update.apply(this, given);
          },
      );
    },
  },
  {
    how: 'an apply that leaves rows out',
    told: /differs from|not as the changes say/,
    breaking: () => {
      let calls = 0;
      return replacing(
        PlacingRows.prototype,
        'plan',
        (plan) =>
          function (this: PlacingRows, touched, tables) {
            calls += 1;
            plan.call(this, calls % 4 === 0 ? new Map() : touched, tables);
          },
      );
    },
  },
  {
    how: 'a registry that forgets a save',
    told: /is no version: lost|registry: .* differs|not as the changes say|is not the version/,
    breaking: () => {
      let saves = 0;
      return replacing(
        Registry.prototype,
        'fold',
        (fold) =>
          function (this: Registry, by, body) {
            const ops = body.ops.filter((op) => {
              const isSave =
                op.kind === 'set' && op.table === 'documents' && op.cells.some(({ over }) => over.length > 0);
              if (isSave) saves += 1;
              return !isSave || saves % 3 !== 0;
            });
            return fold.call(this, by, { ...body, ops });
          },
      );
    },
  },
];

for (const { how, breaking, told } of BROKEN) {
  test(`SIM7 a product that is broken on purpose is noticed: ${how}`, async () => {
    const mend = breaking();
    const found: string[] = [];
    try {
      // The fourth world meets all of them; others come after it should that change.
      for (let seed = 4; seed <= 16 && !found.some((text) => told.test(text)); seed++) {
        const hot = { ...storyOf(String(seed)), heat: 0.95 };
        found.push(...(await play(hot)).violations);
      }
    } finally {
      mend();
    }
    assert.ok(
      found.some((text) => told.test(text)),
      `nothing was noticed but ${found.join('\n')}`,
    );
  });
}

/** Puts another method in the place of one; the answer puts it back. */
function replacing<T extends object, K extends keyof T>(of: T, name: K, make: (before: T[K]) => T[K]): () => void {
  const before = of[name];
  of[name] = make(before);
  return () => {
    of[name] = before;
  };
}
