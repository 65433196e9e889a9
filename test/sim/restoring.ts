/**
 * A person's folder put back from a backup, sync folder and all, with TIEOUT_HOME or without it: what was done since and
 * had not left the machine is gone, and nobody promised otherwise. Whatever stands in a log or on a disk after that must
 * be there in the end like everything else.
 */
import { cpSync, existsSync, rmSync } from 'node:fs';
import type { Chance } from './chance.ts';
import { bodiesIn, chunksIn, contentsOf, type LogPlace, tokensOf } from './logs.ts';
import type { Kept, Restoring } from './machine-disk.ts';
import type { Person, World } from './world.ts';

export type FolderBackup = { readonly folder: Kept; readonly home: string };

export function backUpFolder(world: World, { machine }: Person): FolderBackup {
  const to = `${world.folder}/backups/${machine.name}`;
  rmSync(`${to}-home`, { recursive: true, force: true });
  cpSync(`${machine.options.folder}/home`, `${to}-home`, { recursive: true });
  return { folder: machine.disk.keep(machine.root, `${to}-file`), home: `${to}-home` };
}

/** Says what was done; undefined: nothing, for somebody would miss something for ever. The agent must be down. */
export function restoreFolder(world: World, person: Person, backup: FolderBackup, chance: Chance): string | undefined {
  const { machine, cabinet } = person;
  if (!othersHaveContents(world, person)) return undefined;
  const how: Restoring = chance.happens(0.5) ? 'files' : 'volume';
  const withHome = chance.happens(0.5);
  const onlyHome = withHome && chance.happens(0.25);
  // With both, only the hub can tell that the numbers were used; it must not have forgotten them itself.
  if (withHome && !onlyHome && world.hubWasRestored) return undefined;
  cabinet.close();
  machine.powerCuts += 1;
  machine.forgetOlder();
  if (!onlyHome) machine.disk.restore(machine.root, backup.folder, how);
  if (withHome) {
    const home = `${machine.options.folder}/home`;
    rmSync(home, { recursive: true, force: true });
    cpSync(backup.home, home, { recursive: true });
  }
  world.hub.forgetBackup();
  world.homeWasRestored ||= withHome && !onlyHome;
  reckon(world, person);
  if (onlyHome) return 'TIEOUT_HOME alone is put back';
  return `${how === 'volume' ? 'its volume' : 'its folder'} is put back${withHome ? ', and TIEOUT_HOME' : ''}`;
}

/** The promises are about what stands now. */
function reckon(world: World, { machine, desk, cabinet }: Person): void {
  const { witness } = world;
  const bodies = logsOf(world).flatMap(bodiesIn);
  const standing = new Set(bodies.flatMap(tokensOf));
  const there = cabinet.tokens();
  witness.onlyLogged(standing);
  witness.lostValues(machine.name, there);
  const values = witness.values(machine.name);
  for (const token of there) if (!standing.has(token)) values.add(token);

  const versions = new Set(bodies.flatMap(contentsOf).map(({ hash }) => hash));
  const saves = witness.saves(machine.name);
  for (const [path, hash] of [...saves]) if (!versions.has(hash) && desk.hashAt(path) !== hash) saves.delete(path);
  for (const path of desk.documents()) {
    const hash = desk.hashAt(path);
    if (hash !== undefined && witness.whole.has(hash)) saves.set(path, hash);
  }
  desk.lookAgain();
}

export function hubLog(world: World): LogPlace {
  return { folder: `${world.hub.options.folder}/files/${world.file}`, disk: world.hub.disk };
}

function machineLog({ machine }: Person): LogPlace {
  return { folder: `${machine.root}/.tieout`, disk: machine.disk };
}

function logsOf(world: World): LogPlace[] {
  return [hubLog(world), ...world.people.map(machineLog)];
}

/** Every content that somebody else knows of is to be had without this machine. */
function othersHaveContents(world: World, person: Person): boolean {
  const others = [hubLog(world), ...world.people.filter((other) => other !== person).map(machineLog)];
  if (!existsSync(`${hubLog(world).folder}/store.db`)) return false;
  const chunks = new Set(others.flatMap((place) => [...chunksIn(place)]));
  const contents = others.flatMap(bodiesIn).flatMap(contentsOf);
  return contents.every((content) => content.chunks.every(({ id }) => chunks.has(id)));
}
