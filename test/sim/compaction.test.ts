/** Compaction in the seeded world's office: days pass in virtual time, and the shipping agents and hub do the rest. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { retireCopy } from '../../src/agent/compaction/retiring.ts';
import type { Copy } from '../../src/agent/copy.ts';
import { problemsOf } from '../../src/agent/copy-status.ts';
import { sha256 } from '../../src/core/bytes.ts';
import { sizeOf } from '../../src/core/floor.ts';
import { encodeHistory, piecesOf } from '../../src/core/segment.ts';
import { same } from '../../src/core/vector.ts';
import { makeSegments } from '../../src/store/packing.ts';
import { encodeChunk } from '../../src/store/stored-chunk.ts';
import { perform } from './actions.ts';
import { Chance } from './chance.ts';
import { ApplicationDatabase, closeBelow } from './open-stores.ts';
import { checkAnotherRound, checkAtRest, checkNewcomer, driven } from './oracles.ts';
import { comeToRest } from './rest.ts';
import { hubLog } from './restoring.ts';
import { storyOf } from './story.ts';
import { newPlace, type Person, World } from './world.ts';

const DAY_MS = 24 * 60 * 60_000;

/** An office of so many people, in whose file nothing has happened yet. */
async function office(copies: number, tell: (world: World) => Promise<void>): Promise<void> {
  const place = newPlace();
  const quiet = { roughSetup: false, watcherLies: false, bySync: true, actions: [], length: 1000, databases: 2 };
  const world = new World({ ...storyOf(`compaction ${copies}`), ...quiet, copies }, place.folder);
  const unheard = (error: unknown): void => world.violate(`nobody caught: ${(error as Error).stack ?? error}`);
  process.on('unhandledRejection', unheard);
  try {
    await world.run();
    await tell(world);
    assert.deepEqual(world.violations, [], world.trace.slice(-40).join('\n'));
  } finally {
    for (const { cabinet } of world.people) cabinet.close();
    closeBelow(place.folder);
    place.remove();
    process.off('unhandledRejection', unheard);
  }
}

/** Everybody's calendar is a day further. */
function nextDay(world: World): void {
  for (const { wall } of [world.hub, ...world.people.map(({ machine }) => machine)]) wall.aheadMs += DAY_MS;
}

let dice = 0;

/** Edits of rows and documents by these people, in turn. */
async function work(world: World, who: readonly number[], times: number): Promise<void> {
  for (let n = 0; n < times; n++) {
    for (const at of who) {
      const kind = n % 4 === 3 ? 'save' : 'edit';
      perform(world, { at: 0, kind, who: at, dice: 0, n: 0 }, new Chance('compaction', dice++));
    }
    await world.timeline.pass(world.timeline.now + 1500);
  }
}

function copyOf({ machine }: Person): Copy {
  return machine.copy as Copy;
}

/** Everyone who is there looks after the file, one after the other, some rounds. */
async function upkeep(world: World, rounds = 3): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const person of world.people) {
      if (person.machine.copy) await driven(world, copyOf(person).upkeep.look());
      await world.timeline.pass(world.timeline.now + 500);
    }
  }
}

/** How many changes the hub has let go of. */
function hubFloor(world: World): number {
  const { folder } = hubLog(world);
  const db = new ApplicationDatabase(`${folder}/store.db`, { readOnly: true });
  const floor = db.prepare('SELECT coalesce(sum(seq), 0) AS n FROM head').get()?.n;
  db.close();
  return Number(floor);
}

const packed = (person: Person): number => sizeOf(copyOf(person).store.log.floor);

async function judge(world: World): Promise<void> {
  await comeToRest(world);
  await checkAtRest(world);
  if (world.violations.length === 0) await checkAnotherRound(world);
  if (world.violations.length === 0) await checkNewcomer(world, world.file);
}

function underNewId(world: World, { machine }: Person, former: string): Promise<void> {
  return world.until('a new id', 60_000, () => machine.copy !== undefined && machine.copy.facts.copy !== former);
}

test('CMP1 what everybody has is packed on all copies and leaves the log of the hub, and a new copy has all of it', async () => {
  await office(3, async (world) => {
    await work(world, [0, 1, 2], 30);
    await comeToRest(world);
    const before = [...copyOf(world.people[0]!).store.vector()];
    nextDay(world);
    await upkeep(world);
    for (const person of world.people) assert.ok(packed(person) >= 64, `${packed(person)} of ${before}`);
    const floors = world.people.map((person) => copyOf(person).store.log.floor);
    assert.ok(floors.every((floor) => same(floor, floors[0]!)));
    assert.equal(hubFloor(world), packed(world.people[0]!));
    await judge(world);
  });
});

test('CMP4 a copy that is away is waited for; once its owner has retired it nobody waits, and when it comes back it goes on as a new copy with all that was done in it', async () => {
  await office(3, async (world) => {
    const [ana, ben, chloe] = world.people as [Person, Person, Person];
    await work(world, [0, 1, 2], 4);
    await comeToRest(world);
    const former = copyOf(chloe).facts.copy;
    const known = sizeOf(copyOf(chloe).store.vector());
    copyOf(chloe).setOffline(true);
    await work(world, [0, 1], 40);
    await work(world, [2], 10);
    nextDay(world);
    await upkeep(world);
    assert.ok(packed(ana) <= known, 'packed without the word of somebody who is away');

    await assert.rejects(retireCopy(copyOf(ben), former), /Only the owner/);
    await driven(world, retireCopy(copyOf(ana), former.slice(0, 6)));
    nextDay(world);
    await upkeep(world);
    assert.ok(packed(ana) >= 64 && packed(ben) === packed(ana), `${packed(ana)} ${packed(ben)}`);

    copyOf(chloe).setOffline(false);
    await underNewId(world, chloe, former);
    await judge(world);
    assert.ok(copyOf(ana).upkeep.live.retired().has(former));
    assert.ok(!copyOf(ana).upkeep.live.retired().has(copyOf(chloe).facts.copy));
  });
});

test('REN7 a retired copy whose disk has lost a piece of the packed history gets it from the hub, and goes on', async () => {
  await office(3, async (world) => {
    const [ana, , chloe] = world.people as [Person, Person, Person];
    await work(world, [0, 1, 2], 30);
    await comeToRest(world);
    nextDay(world);
    await upkeep(world);
    assert.ok(packed(chloe) >= 64, `${packed(chloe)}`);
    const former = copyOf(chloe).facts.copy;
    const pieces = [...copyOf(chloe).store.log.segments()].flatMap(({ parts }) => parts.map(({ id }) => id));
    copyOf(chloe).setOffline(true);
    await work(world, [2], 4);
    copyOf(chloe).store.chunks.forget(pieces);
    await driven(world, retireCopy(copyOf(ana), former));
    copyOf(chloe).setOffline(false);
    await underNewId(world, chloe, former);
    await judge(world);
  });
});

test('CMP5 a copy that finds another state than the maker is named on both sides, and nothing is packed or dropped', async () => {
  await office(2, async (world) => {
    const [ana, ben] = world.people as [Person, Person];
    await work(world, [0, 1], 10);
    await comeToRest(world);
    // What was safe before is packed.
    await upkeep(world);
    const before = [packed(ana), packed(ben), hubFloor(world)];
    // What Ben's machine has merged is not what it should be.
    const { process } = copyOf(ben).databases;
    const { digest } = process;
    process.digest = async (...asked) => (await digest.apply(process, asked)) && 'ff'.repeat(32);
    await work(world, [0, 1], 40);
    await comeToRest(world);
    nextDay(world);
    await upkeep(world);
    assert.deepEqual([packed(ana), packed(ben), hubFloor(world)], before);
    const told = (person: Person) => problemsOf(copyOf(person)).filter(({ code }) => code === 'state-differs');
    for (const person of [ana, ben]) assert.match(told(person)[0]?.text ?? '', /Ana.*Ben|Ben.*Ana/);

    // Mended: from the next proposal on it is as if nothing had been.
    process.digest = digest;
    nextDay(world);
    await upkeep(world);
    for (const person of [ana, ben]) {
      assert.ok(packed(person) >= 64, `${packed(person)}`);
      assert.deepEqual(told(person), []);
    }
    await judge(world);
  });
});

test('CMP6 bytes that somebody has put at the hub under the names of history to come keep nobody from it', async () => {
  await office(3, async (world) => {
    const [ana, , chloe] = world.people as [Person, Person, Person];
    await work(world, [0, 1, 2], 30);
    await comeToRest(world);
    nextDay(world);
    const { upkeep: file, store } = copyOf(ana);
    const made = [...makeSegments(store.log, file.live.restingPlace() ?? new Map())];
    const list = piecesOf(encodeHistory(made.map(({ entry }) => entry)));
    const ids = [
      ...made.flatMap(({ entry }) => entry.parts.map(({ id }) => id)),
      ...list.map((piece) => sha256(piece)),
    ];
    const { bytes, hash } = encodeChunk(Buffer.from('not what it is called'));
    await driven(world, copyOf(chloe).exchange?.chunks.hand(ids.map((id) => ({ id, hash, bytes }))) as Promise<void>);
    for (let round = 0; round < 3; round++) {
      await upkeep(world, 1);
      await world.timeline.pass(world.timeline.now + 10_000);
    }
    for (const person of world.people) assert.ok(packed(person) >= 64, `${packed(person)}`);
    await judge(world);
  });
});

test('CMP7 a hub that was brought back from a backup gets the history that was packed since, before it drops anything', async () => {
  await office(2, async (world) => {
    const [ana, ben] = world.people as [Person, Person];
    const hubDoes = async (kind: 'hubBackup' | 'hubRestore'): Promise<void> => {
      perform(world, { at: 0, kind, who: 0, dice: 0, n: 0 }, new Chance('backup', kind));
      await comeToRest(world);
    };
    await work(world, [0, 1], 3);
    await comeToRest(world);
    await hubDoes('hubBackup');
    await work(world, [0, 1], 40);
    await comeToRest(world);
    nextDay(world);
    await upkeep(world);
    const first = packed(ana);
    assert.ok(first >= 64 && packed(ben) === first, `${first} ${packed(ben)}`);
    await hubDoes('hubRestore');
    await work(world, [0, 1], 10);
    await comeToRest(world);
    nextDay(world);
    await upkeep(world);
    assert.ok(packed(ana) > first && hubFloor(world) === packed(ana), `${packed(ana)} ${hubFloor(world)}`);
    const pieces = [...copyOf(ana).store.log.segments()].flatMap(({ parts }) => parts.map(({ id }) => id));
    const db = new ApplicationDatabase(`${hubLog(world).folder}/store.db`, { readOnly: true });
    const isThere = db.prepare('SELECT 1 FROM chunk WHERE id = ?');
    const lacking = pieces.filter((id) => isThere.get(Buffer.from(id, 'hex')) === undefined);
    db.close();
    assert.deepEqual(lacking, []);
    await judge(world);
  });
});

test('CMP8 who has written nothing for a day says what is here, once, and nobody answers a change without a word', async () => {
  await office(2, async (world) => {
    await work(world, [0], 5);
    await comeToRest(world);
    const numbers = (): number[] => world.people.map((person) => sizeOf(copyOf(person).store.vector()));
    const before = numbers();
    await upkeep(world);
    assert.deepEqual(numbers(), before);
    for (let day = 0; day < 3; day++) {
      nextDay(world);
      await upkeep(world);
    }
    const [ana, ben] = world.people.map((person) => copyOf(person)) as [Copy, Copy];
    assert.deepEqual(
      numbers(),
      before.map((count) => count + 1),
    );
    assert.ok(ben.upkeep.live.hasSaidAll(ben.facts.copy) && ana.upkeep.live.hasSaidAll(ana.facts.copy));
    assert.equal(sizeOf(ana.upkeep.live.floor()), before[0]);
  });
});

for (const moment of [1, 2, 3].slice(0, Number(process.env.RUNS ?? 9) / 3)) {
  test(`CMP9 packing that ends in the middle is gone on with, and nothing is lost: ${moment}`, async () => {
    await office(3, async (world) => {
      const chance = new Chance('the middle', moment);
      await work(world, [0, 1, 2], 25);
      await comeToRest(world);
      nextDay(world);
      for (let n = 0; n < 6; n++) {
        const [one] = [chance.one(world.people)];
        if (one.machine.copy)
          void copyOf(one)
            .upkeep.look()
            .catch((error) => world.violate(String(error)));
        await world.timeline.pass(world.timeline.now + chance.within(1, 400));
        const kind = chance.one(['kill', 'crash', 'hubCrash', 'cut'] as const);
        perform(world, { at: 0, kind, who: world.people.indexOf(one), dice: 0, n: 0 }, new Chance('ends', moment, n));
        await world.timeline.pass(world.timeline.now + chance.within(10, 25_000));
      }
      await comeToRest(world);
      await upkeep(world);
      for (const person of world.people) assert.ok(packed(person) >= 64, `${packed(person)}`);
      await judge(world);
    });
  });
}
