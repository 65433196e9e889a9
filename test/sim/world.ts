/**
 * The seeded world: copies of one file and their hub, the shipping code on virtual time, network and disk, people who
 * work, and whatever goes wrong in an office. A story is told twice to the letter; when all is quiet, everything that
 * the product promises is checked (oracles.ts).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { MakeDatabases } from '../../src/agent/copy-databases.ts';
import { body as bodyCodec } from '../../src/core/body.ts';
import { sha256 } from '../../src/core/bytes.ts';
import { decode } from '../../src/core/codec.ts';
import { LocalDatabases } from '../../src/database/databases.ts';
import { LogReader } from '../../src/store/log-reader.ts';
import { perform } from './actions.ts';
import { DATABASES } from './application.ts';
import { Cabinet } from './cabinet.ts';
import { Chance, randomOf } from './chance.ts';
import { Desk } from './desk.ts';
import { SimHub } from './hub.ts';
import { PEOPLE } from './identities.ts';
import { tokensOf } from './logs.ts';
import { SimMachine } from './machine.ts';
import { Cable } from './network.ts';
import type { FolderBackup } from './restoring.ts';
import type { Story } from './story.ts';
import { Timeline } from './time.ts';
import { Witness } from './witness.ts';

export type Person = {
  readonly machine: SimMachine;
  readonly cable: Cable;
  readonly desk: Desk;
  readonly cabinet: Cabinet;
  /** The newest of their folder. */
  backup: FolderBackup | null;
};

/** Something that must not be: found while the world went on, or when it was quiet. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

const QUALITIES = [
  { fromMs: 0.1, toMs: 1 },
  { fromMs: 5, toMs: 30 },
  { fromMs: 50, toMs: 800 },
];

export class World {
  readonly story: Story;
  readonly timeline: Timeline;
  readonly hub: SimHub;
  readonly people: Person[] = [];
  readonly witness = new Witness();
  readonly trace: string[] = [];
  readonly folder: string;
  #file: string | undefined;
  /** What the hub knew was forgotten, at some time; what a TIEOUT_HOME knew was. */
  hubWasRestored = false;
  homeWasRestored = false;
  /** Contents that were with a hub and a machine that were put back together; others only had them in their folders. */
  readonly mayMiss = new Set<string>();
  /** Machines that lost their power, and with it perhaps what their people had saved last. */
  readonly hadPowerCut = new Set<string>();
  /** What went wrong where nobody asked: rejections that nobody heard, things seen in passing. */
  readonly violations: string[] = [];
  #tokens = 0;

  constructor(story: Story, folder: string) {
    this.story = story;
    this.folder = folder;
    this.timeline = new Timeline(new Chance(story.seed, 'time'));
    this.hub = new SimHub({
      folder: `${folder}/hub`,
      backups: `${folder}/backups/hub`,
      timeline: this.timeline,
      chance: new Chance(story.seed, 'hub'),
      tell: (text) => this.tell('hub', text),
    });
    for (let n = 0; n < story.copies; n++) this.people.push(this.#person(n));
  }

  /** One more person, who was not there before. */
  newcomer(): Person {
    const person = this.#person(this.people.length);
    this.people.push(person);
    return person;
  }

  tell(who: string, text: string): void {
    this.trace.push(`${(this.timeline.now / 1000).toFixed(3).padStart(9)} ${who.padEnd(5)} ${text}`);
  }

  violate(text: string): void {
    this.tell('!!!', text);
    this.violations.push(text);
  }

  get traceHash(): string {
    return sha256(Buffer.from(this.trace.join('\n')));
  }

  /** Where it stands, for who wonders why it does not go on. */
  state(): string {
    const due = this.timeline.due(12).map((ms) => (ms / 1000).toFixed(3));
    return [
      `world time ${(this.timeline.now / 1000).toFixed(3)} s, ${this.timeline.events} events, next due: ${due.join(' ') || 'nothing'}`,
      ...this.trace.slice(-40),
    ].join('\n');
  }

  /** The id of the file, once its publisher has begun. */
  get file(): string {
    const file = this.#fileSoFar();
    if (file === undefined) throw new Violation('nobody has begun to publish');
    return file;
  }

  #fileSoFar(): string | undefined {
    this.#file ??= this.people[0]?.machine.copy?.facts.file;
    return this.#file;
  }

  /** Publishes and copies the file, and lets people work until the story is over. */
  async run(): Promise<void> {
    this.hub.start();
    const [first] = this.people as [Person];
    const chance = new Chance(this.story.seed, 'base');
    for (const name of DATABASES.slice(0, this.story.databases)) first.cabinet.lay(name);
    first.desk.lay(['Report.docx', 'notes/Monday.txt', 'work/Plan.txt', 'Empty.txt'], chance);
    const begin = (who: Person): Promise<void> => who.machine.start().catch((error) => this.violate(String(error)));
    for (const person of this.people) await begin(person);
    this.tell(first.machine.name, 'publishes');
    first.machine.publish();
    let roughly = this.story.roughSetup;
    if (!roughly) await this.until('publishing', 60_000, () => first.machine.isReady);
    else this.#plan(0);
    for (const { machine } of this.people.slice(1)) {
      this.timeline.at(this.timeline.now + chance.within(0, 500), () => {
        this.tell(machine.name, 'makes a copy');
        machine.makeCopy(() => this.#fileSoFar());
      });
    }
    if (!roughly) {
      await this.until('copying', 60_000, () => this.people.every(({ machine }) => machine.isReady));
      this.#plan(this.timeline.now);
      roughly = true;
    }
    await this.timeline.pass(this.timeline.now + this.story.length);
  }

  /** Lets time pass until something is so; that it never is so is a violation. */
  async until(what: string, withinMs: number, done: () => boolean): Promise<void> {
    if (await this.timeline.pass(this.timeline.now + withinMs, done)) return;
    throw new Violation(`${what} did not end within ${withinMs / 1000} s`);
  }

  nextToken(name: string): string {
    this.#tokens += 1;
    return `${name}#${this.#tokens}`;
  }

  #plan(from: number): void {
    for (const action of this.story.actions) {
      this.timeline.at(from + action.at, () =>
        perform(this, action, new Chance(this.story.seed, action.dice, action.n)),
      );
    }
  }

  #person(n: number): Person {
    const { story, timeline, witness } = this;
    const who = PEOPLE[n % PEOPLE.length]!;
    const name = n < PEOPLE.length ? who.peer.user : `${who.peer.user}${n}`;
    const chance = new Chance(story.seed, 'person', n);
    const cable = new Cable(timeline, new Chance(story.seed, 'cable', n), chance.one(QUALITIES));
    const lies = story.watcherLies;
    const machine: SimMachine = new SimMachine({
      person: who,
      folder: `${this.folder}/${name}`,
      timeline,
      seed: `${story.seed}/${n}`,
      cable,
      callHub: (link) => this.hub.answer(link),
      makeDatabases: (of) => this.#databasesOf(of),
      tell: (text) => this.tell(name, text.replaceAll(this.folder, '')),
      told: ({ what, text }) =>
        this.tell(name, `· ${what}${what === 'sent' ? '' : `: ${text.replaceAll(this.folder, '')}`}`),
      tickNs: BigInt(story.tickNs),
      ignoreCase: story.ignoreCase,
      watcher: lies ? { drops: 0.2, doubles: 0.2, lateMs: 2000 } : { drops: 0, doubles: 0, lateMs: 2 },
    });
    const cabinet = new Cabinet(machine, () => this.nextToken(name), story.heat ?? 0.5);
    const desk: Desk = new Desk(machine, () => this.nextToken(name), {
      written: (content) => witness.written(content),
      saved: (path, content) => witness.saved(name, path, content),
      gone: (path) => witness.gone(name, path),
      tell: (text) => this.tell(name, text),
    });
    return { machine, cable, desk, cabinet, backup: null };
  }

  /** The database process, in place; what it captures is remembered once it is durable. */
  #databasesOf(machine: SimMachine): MakeDatabases {
    return (copy, folder, events) =>
      new LocalDatabases({
        copy,
        rowsPath: folder.path('rows.db'),
        source: new LogReader(folder.path('store.db'), folder.path('packs'), { files: machine.disk.bytes }),
        clock: machine.clock,
        random: randomOf(new Chance(this.story.seed, 'databases', machine.name)),
        facts: (path) => machine.disk.storeIdentity(path),
        renamings: folder.renamings,
        events: {
          ...events,
          append: async (request) => {
            const made = await events.append(request);
            this.witness.captured(tokensOf(decode(bodyCodec, request.bytes)));
            return made;
          },
          applied: (event) => events.applied(event),
          problems: (database, problems) => events.problems(database, problems),
        },
      });
  }
}

/** A place for a world's SQLite files: in memory where the system has that. */
export function newPlace(): { folder: string; remove: () => void } {
  let base = tmpdir();
  try {
    const memory = mkdtempSync('/dev/shm/tieout-sim-');
    return { folder: memory, remove: () => rmSync(memory, { recursive: true, force: true }) };
  } catch {
    base = mkdtempSync(`${base}/tieout-sim-`);
  }
  return { folder: base, remove: () => rmSync(base, { recursive: true, force: true }) };
}
