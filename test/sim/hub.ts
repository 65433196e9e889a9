/** The hub of the seeded world: the shipping office on a simulated machine. */
import type { DatabaseSync } from 'node:sqlite';
import { SOFTWARE } from '../../src/core/software.ts';
import { FILES_SCHEMA, ParentFiles } from '../../src/hub/files.ts';
import { Office } from '../../src/hub/office.ts';
import type { Link } from '../../src/platform/ports.ts';
import { openStore } from '../../src/store/sqlite.ts';
import type { Chance } from './chance.ts';
import { OFFICE } from './identities.ts';
import { type Kept, MachineDisk } from './machine-disk.ts';
import { MachineClock, type Timeline, Wall } from './time.ts';

export interface HubOptions {
  readonly folder: string;
  readonly backups: string;
  readonly timeline: Timeline;
  readonly chance: Chance;
  readonly tell: (text: string) => void;
}

export class SimHub {
  readonly disk: MachineDisk;
  readonly wall: Wall;
  readonly options: HubOptions;
  #running: { office: Office; db: DatabaseSync; clock: MachineClock } | null = null;
  #backup: Kept | null = null;

  constructor(options: HubOptions) {
    this.options = options;
    this.wall = new Wall(options.timeline);
    this.disk = new MachineDisk(options.folder, { now: () => BigInt(this.wall.now()) * 1_000_000n });
  }

  get isUp(): boolean {
    return this.#running !== null;
  }

  start(): void {
    const { folder, timeline, tell } = this.options;
    const clock = new MachineClock(timeline, this.wall);
    this.disk.bytes.makeFolder(`${folder}/files`);
    const db = openStore(`${folder}/hub.db`, { schema: FILES_SCHEMA, synchronous: 'FULL' });
    const office = new Office({
      files: new ParentFiles(db),
      folder: `${folder}/files`,
      office: OFFICE,
      clock,
      disk: this.disk.bytes,
      software: SOFTWARE,
      log: (text) => tell(text),
    });
    this.#running = { office, db, clock };
  }

  /** Takes a call; says why not, if not. */
  answer(link: Link): string | null {
    if (this.#running === null) return 'the hub does not answer';
    this.#running.office.welcome(link);
    return null;
  }

  /** Ends in order. */
  stop(): void {
    if (this.#running === null) return;
    const { office, db, clock } = this.#running;
    this.#running = null;
    office.close();
    clock.stop();
    db.close();
  }

  crash(): void {
    const { chance } = this.options;
    this.#running?.clock.stop();
    this.#running = null;
    this.disk.crash(chance.fraction(), () => chance.fraction());
  }

  backUp(): void {
    this.#backup = this.disk.keep(this.options.folder, this.options.backups);
  }

  forgetBackup(): void {
    this.#backup = null;
  }

  get hasBackup(): boolean {
    return this.#backup !== null;
  }

  /** What is on its disk becomes what it was at the backup. It must be down. */
  restore(): void {
    if (this.#backup) this.disk.restore(this.options.folder, this.#backup);
  }
}
