/**
 * A person's folder put back from a backup, sync folder and all, with TIEOUT_HOME or without it: what was done since and
 * had not left the machine is gone, and nobody promised otherwise. Whatever stands in a log or on a disk after that must
 * be there in the end like everything else.
 */
import { cpSync, existsSync, rmSync } from 'node:fs';
import type { Copy } from '../../src/agent/copy.ts';
import { type DocumentContent, decodeContent } from '../../src/core/content.ts';
import { DOCUMENTS } from '../../src/core/registry.ts';
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
  if (!existsSync(`${hubLog(world).folder}/store.db`)) return undefined;
  const others = othersOf(world, person);
  const hub = hubLog(world);
  if (!haveAll(namedIn([hub, ...others.map(machineLog)]), others, hub)) return undefined;
  const how: Restoring = chance.happens(0.5) ? 'files' : 'volume';
  const withHome = chance.happens(0.5);
  const onlyHome = withHome && chance.happens(0.25);
  forget(person);
  if (!onlyHome) person.machine.disk.restore(person.machine.root, backup.folder, how);
  if (withHome) restoreHome(person, backup);
  world.homeWasRestored ||= withHome && !onlyHome;
  reckon(world, person);
  if (onlyHome) return 'TIEOUT_HOME alone is put back';
  return `${how === 'volume' ? 'its volume' : 'its folder'} is put back${withHome ? ', and TIEOUT_HOME' : ''}`;
}

/** As `restoreFolder`, of a whole machine, and with it the hub. */
export function restoreWhole(
  world: World,
  person: Person,
  backup: FolderBackup,
  chance: Chance,
  hub: () => void,
): string | undefined {
  const others = othersOf(world, person);
  // What is current, or comes back with an edit, lies with them. What of the past they have not kept was with those two.
  if (!others.every(({ machine }) => machine.copy && haveAll(currentIn(machine.copy), others))) return undefined;
  for (const hash of contentsOutside(world, others)) world.mayMiss.add(hash);
  forget(person);
  person.machine.disk.restore(person.machine.root, backup.folder, chance.happens(0.5) ? 'files' : 'volume');
  restoreHome(person, backup);
  hub();
  world.homeWasRestored = true;
  world.hubWasRestored = true;
  hubForgot(world);
  return 'it and the hub are put back as they were backed up';
}

function forget({ machine, cabinet }: Person): void {
  cabinet.close();
  machine.powerCuts += 1;
  machine.forgetOlder();
}

function restoreHome({ machine }: Person, backup: FolderBackup): void {
  const home = `${machine.options.folder}/home`;
  rmSync(home, { recursive: true, force: true });
  cpSync(backup.home, home, { recursive: true });
}

/** The hub's disk was put back: what it alone still had of a machine that was put back before is in no log any more. */
export function hubForgot(world: World): void {
  if (!world.homeWasRestored) return;
  for (const person of world.people) reckon(world, person);
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

/** No content is with the hub alone, as it may be once a machine was put back. */
export function machinesHaveContents(world: World): boolean {
  return !world.homeWasRestored || haveAll(namedIn(logsOf(world)), world.people);
}

function othersOf(world: World, person: Person): Person[] {
  return world.people.filter((other) => other !== person);
}

/** The contents that these people's machines have not kept, but for what lies in their folders. */
function contentsOutside(world: World, people: readonly Person[]): string[] {
  const chunks = new Set(people.flatMap((person) => [...chunksIn(machineLog(person))]));
  return namedIn(logsOf(world))
    .filter((content) => !content.chunks.every(({ id }) => chunks.has(id)))
    .map(({ hash }) => hash);
}

function namedIn(logs: readonly LogPlace[]): DocumentContent[] {
  return logs.flatMap(bodiesIn).flatMap(contentsOf);
}

/** The last contents of all documents, of deleted ones too. */
function currentIn({ registry }: Copy): DocumentContent[] {
  return [...registry.rows(DOCUMENTS)].flatMap(({ row }) =>
    (row.cells.get('content') ?? []).map(({ value }) => decodeContent(value as Uint8Array)),
  );
}

/** Are all of these to be had of these people, or of the hub? */
function haveAll(contents: readonly DocumentContent[], people: readonly Person[], hub?: LogPlace): boolean {
  const places = [...people.map(machineLog), ...(hub ? [hub] : [])];
  const chunks = new Set(places.flatMap((place) => [...chunksIn(place)]));
  const lying = new Set(people.flatMap(({ desk }) => desk.documents().map((path) => desk.hashAt(path))));
  return contents.every((content) => lying.has(content.hash) || content.chunks.every(({ id }) => chunks.has(id)));
}
