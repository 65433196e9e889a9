/** What people do and what goes wrong: each action of a story, carried out. */
import { retireCopy } from '../../src/agent/compaction/retiring.ts';
import { ProblemError, StorageError } from '../../src/core/problem.ts';
import { DATABASE_EDITS, type Edited } from './application.ts';
import { DATABASE_MOVES } from './cabinet.ts';
import type { Chance } from './chance.ts';
import { DOCUMENT_EDITS } from './desk.ts';
import { lookAtDocuments } from './oracles.ts';
import { readDatabase } from './reading-databases.ts';
import { backUpFolder, hubForgot, machinesHaveContents, restoreFolder, restoreWhole } from './restoring.ts';
import type { Action, Kind } from './story.ts';
import { UPGRADES } from './upgrades.ts';
import type { Person, World } from './world.ts';

const DAY_MS = 24 * 60 * 60_000;

type Act = (world: World, person: Person, chance: Chance) => void;

export function perform(world: World, action: Action, chance: Chance): void {
  ACTS[action.kind](world, world.people[action.who]!, chance);
}

/** Runs once after `ms`. */
function later(world: World, ms: number, run: () => void): void {
  world.timeline.at(world.timeline.now + ms, run);
}

function say(world: World, person: Person, text: string): void {
  world.tell(person.machine.name, text);
}

function told(world: World, person: Person, path: string, { text, added, gone }: Edited): void {
  world.witness.edited(person.machine.name, added, gone);
  say(world, person, `${path}: ${text}`);
}

/** Whoever watches the disk may see it. */
function heard({ machine }: Person, path: string): void {
  machine.disk.disk.tell(machine.native(path));
  machine.disk.disk.tell(`${machine.native(path)}-wal`);
}

const ACTS: Readonly<Record<Kind, Act>> = {
  edit(world, person, chance) {
    const { machine, cabinet } = person;
    if (!machine.hasPower) return;
    const paths = cabinet.paths();
    if (paths.length === 0) return ACTS.save(world, person, chance);
    const path = chance.one(paths);
    const edits = chance.happens(0.15) ? chance.whole(2, 6) : 1;
    for (let n = 0; n < edits; n++) {
      const done = cabinet.at(path).edit(chance.weighed(DATABASE_EDITS), chance, chance.happens(0.3));
      if (done === undefined) return say(world, person, `cannot edit ${path} now`);
      told(world, person, path, done);
    }
    heard(person, path);
  },

  upgrade(world, person, chance) {
    const { machine, cabinet } = person;
    if (!machine.hasPower) return;
    const paths = cabinet.paths();
    if (paths.length === 0) return;
    const path = chance.one(paths);
    const done = cabinet.at(path).upgrade(chance.weighed(UPGRADES), chance, chance.happens(0.3));
    if (done === undefined) return say(world, person, `cannot upgrade ${path} now`);
    told(world, person, path, done);
    heard(person, path);
  },

  save(_world, person, chance) {
    if (!person.machine.hasPower || !person.machine.hasFile) return;
    person.machine.disk.withoutFaults(() => person.desk.do(chance.weighed(DOCUMENT_EDITS), chance));
  },

  /** Databases are made, renamed, deleted, backed up and put back by their programs. */
  moveDatabase(world, person, chance) {
    const { machine, cabinet } = person;
    if (!machine.hasPower || !machine.hasFile) return;
    const done = cabinet.do(chance.weighed(DATABASE_MOVES), chance);
    if (done === undefined) return;
    // What nobody had looked at, and what now lies nowhere.
    const there = cabinet.tokens();
    world.witness.lostValues(machine.name, there);
    for (const token of there) if (!world.witness.logged.has(token)) world.witness.values(machine.name).add(token);
    say(world, person, done);
  },

  look(world, person) {
    look(world, person);
  },

  /** A night passes: the machines that are on look after the file. */
  day(world) {
    world.tell('---', 'a day later');
    for (const { wall } of [world.hub, ...world.people.map(({ machine }) => machine)]) wall.aheadMs += DAY_MS;
    for (const person of world.people) {
      const { copy } = person.machine;
      copy?.upkeep.look().catch((error) => world.violate(`${person.machine.name}: upkeep: ${error?.stack ?? error}`));
    }
  },

  retire(world, person) {
    const [owner] = world.people;
    const [copy, other] = [owner?.machine.copy, person.machine.copy];
    if (!copy || !other || copy === other || !owner?.machine.isReady || !person.machine.isReady) return;
    retireCopy(copy, other.facts.copy).then(
      () => say(world, owner, `retires the copy of ${person.machine.name}`),
      (error) => {
        if (!(error instanceof ProblemError || error instanceof StorageError)) world.violate(`retiring: ${error}`);
      },
    );
  },

  /** What is committed from here on may be lost in a power cut. */
  lose(_world, { machine, cabinet }) {
    if (!machine.hasFile) return;
    const copies = machine.copy ? [`${machine.root}/.tieout/rows.db`] : [];
    machine.mayLose([...copies, ...cabinet.paths().map((path) => machine.native(path))]);
  },

  offline(world, person, chance) {
    const copy = person.machine.copy;
    if (!copy || !person.machine.isReady) return;
    say(world, person, 'works offline');
    copy.setOffline(true);
    later(world, chance.within(100, 40_000), () => {
      if (!person.machine.copy?.facts.offline) return;
      say(world, person, 'is online again');
      person.machine.copy.setOffline(false);
    });
  },

  cut(world, person) {
    say(world, person, '~ the connection is cut');
    person.cable.cut();
  },

  pull(world, person, chance) {
    if (person.cable.pulled) return;
    say(world, person, '~ the cable is pulled');
    person.cable.pull();
    later(world, chance.within(100, 60_000), () => {
      if (!person.cable.pulled) return;
      say(world, person, '~ the cable is back');
      person.cable.plug();
      person.machine.agent?.wake();
    });
  },

  kill(world, person, chance) {
    const { machine } = person;
    if (!machine.isUp) return;
    say(world, person, '~ the agent is killed');
    machine.kill();
    startLater(world, person, chance.within(10, 15_000));
  },

  stop(world, person, chance) {
    const { machine } = person;
    if (!machine.isUp) return;
    say(world, person, '~ the agent is stopped');
    void machine.stop().then(() => startLater(world, person, chance.within(10, 15_000)));
  },

  crash(world, person, chance) {
    if (!person.machine.hasPower) return;
    say(world, person, '~ the power goes');
    powerCut(world, person);
    startLater(world, person, chance.within(1000, 30_000));
  },

  hubStop(world, _person, chance) {
    if (!world.hub.isUp) return;
    world.tell('hub', '~ is stopped');
    world.hub.stop();
    later(world, chance.within(100, 20_000), () => startHub(world));
  },

  hubCrash(world, _person, chance) {
    crashHub(world, chance);
    later(world, chance.within(100, 20_000), () => startHub(world));
  },

  hubBackup(world) {
    world.tell('hub', 'is backed up');
    world.hub.backUp();
  },

  hubRestore(world, _person, chance) {
    if (!world.hub.hasBackup || !machinesHaveContents(world)) return;
    world.hubWasRestored = true;
    crashHub(world, chance);
    world.tell('hub', '~ its disk is put back from the backup');
    world.hub.restore();
    hubForgot(world);
    later(world, chance.within(100, 20_000), () => startHub(world));
  },

  folderBackup(world, person) {
    if (!person.machine.hasPower || !person.machine.isReady) return;
    person.backup = backUpFolder(world, person);
    say(world, person, 'is backed up');
  },

  folderRestore(world, person, chance) {
    const { machine, backup } = person;
    if (!machine.hasPower || backup === null) return;
    if (machine.isUp) machine.kill();
    const done = restoreFolder(world, person, backup, chance);
    say(world, person, `~ ${done ?? 'the agent is killed'}`);
    startLater(world, person, chance.within(10, 5000));
  },

  wholeBackup(world, person) {
    if (!person.machine.hasPower || !person.machine.isReady) return;
    person.backup = backUpFolder(world, person);
    world.hub.backUp();
    say(world, person, 'is backed up, and so is the hub');
  },

  wholeRestore(world, person, chance) {
    const { machine, backup } = person;
    if (!machine.hasPower || backup === null || !world.hub.hasBackup) return;
    if (machine.isUp) machine.kill();
    const done = restoreWhole(world, person, backup, chance, () => {
      crashHub(world, chance);
      world.hub.restore();
    });
    say(world, person, `~ ${done ?? 'the agent is killed'}`);
    startLater(world, person, chance.within(10, 2000));
    if (!world.hub.isUp) later(world, chance.within(100, 5000), () => startHub(world));
  },

  clock(world, person, chance) {
    const year = 365 * 86_400_000;
    const aheadMs = chance.one([0, -3_600_000, 200_000, 400_000, year, -year, chance.whole(-5000, 5000)]);
    say(world, person, `~ the clock is set to ${aheadMs / 1000} s ahead`);
    person.machine.wall.aheadMs = aheadMs;
  },

  hold(world, person, chance) {
    const { cabinet, machine } = person;
    const paths = machine.hasPower ? cabinet.paths() : [];
    if (paths.length === 0) return;
    const path = chance.one(paths);
    const application = cabinet.at(path);
    if (!application.hold(chance)) return;
    say(world, person, `holds ${path}`);
    later(world, chance.within(10, 8000), () => {
      application.close();
      say(world, person, `lets go of ${path}`);
    });
  },

  diskFull(world, person, chance) {
    const { disk } = person.machine.disk;
    say(world, person, '~ the disk is full');
    disk.fault = (call) => (call === 'write' || call === 'mkdir' ? 'ENOSPC' : undefined);
    later(world, chance.within(100, 20_000), () => {
      say(world, person, '~ the disk has room again');
      disk.fault = () => undefined;
    });
  },

  diskFault(world, person, chance) {
    const { disk } = person.machine.disk;
    let left = chance.whole(1, 40);
    const code = chance.one(['EIO', 'EACCES', 'ENOSPC']);
    disk.fault = (call) => {
      if (call === 'facts' || call === 'list' || --left > 0) return undefined;
      disk.fault = () => undefined;
      say(world, person, `~ the disk fails: ${call} ${code}`);
      return code;
    };
  },
};

export function startHub(world: World): void {
  if (world.hub.isUp) return;
  world.tell('hub', 'starts');
  world.hub.start();
}

function crashHub(world: World, chance: Chance): void {
  world.tell('hub', '~ its power goes');
  world.hub.crash();
  for (const { cable } of world.people) cable.lost('far', chance.within(0, 30_000));
}

export function startMachine(world: World, person: Person): void {
  if (person.machine.isUp) return;
  say(world, person, 'starts');
  person.machine.start().catch((error) => world.violate(`${person.machine.name} does not start: ${error}`));
}

function startLater(world: World, person: Person, ms: number): void {
  later(world, ms, () => startMachine(world, person));
}

/** The machine goes dark. What was promised and what was not is told apart by what is found on its disk. */
function powerCut(world: World, person: Person): void {
  const { machine, cabinet, desk } = person;
  const { name } = machine;
  const saves = world.witness.saves(name);
  const stood = new Set([...saves].filter(([path, hash]) => desk.hashAt(path) === hash).map(([path]) => path));
  cabinet.close();
  machine.crash();
  world.hadPowerCut.add(name);
  world.witness.lostValues(name, cabinet.tokens());
  // A save that nobody had made durable may be gone; one that was replaced by us had to be taken in first.
  for (const [path, hash] of [...saves]) if (stood.has(path) && desk.hashAt(path) !== hash) saves.delete(path);
  for (const { path, content, own } of desk.unknown((hash) => world.witness.mayBe(hash))) {
    if (own) world.witness.written(content);
    else world.violate(`${name}: the power cut left half of what the agent had placed at ${path}`);
  }
}

/** What must hold at every moment. */
export function look(world: World, person: Person): void {
  const { machine, cabinet } = person;
  lookAtDocuments(world, person);
  for (const path of cabinet.paths()) {
    try {
      const { faults } = readDatabase(machine.native(path));
      for (const fault of faults) world.violate(`${machine.name}: ${path}: ${fault}`);
    } catch (error) {
      if (!/locked|busy/.test(String(error))) throw error;
    }
  }
}
