/** One person's machine in the seeded world: the shipping agent on simulated time, disk and network. */
import { Agent, type AgentEvent } from '../../src/agent/agent.ts';
import type { Copy } from '../../src/agent/copy.ts';
import type { MakeDatabases } from '../../src/agent/copy-databases.ts';
import { fillCopy } from '../../src/agent/copying.ts';
import { Ledger } from '../../src/agent/ledger.ts';
import { publishCopy } from '../../src/agent/publishing.ts';
import { ProblemError, StorageError } from '../../src/core/problem.ts';
import type { Link } from '../../src/platform/ports.ts';
import { chunkTasksInPlace } from '../../src/store/chunk-tasks.ts';
import { Chance, randomOf } from './chance.ts';
import { HUB, OFFICE, type Person } from './identities.ts';
import { MachineDisk, putBack, type StoreState, storeState } from './machine-disk.ts';
import type { Cable } from './network.ts';
import { closeBelow } from './open-stores.ts';
import { MachineClock, type Timeline, Wall } from './time.ts';
import { simulatedWatcher, type WatcherFaults } from './watcher.ts';

export interface MachineOptions {
  readonly person: Person;
  readonly folder: string;
  readonly timeline: Timeline;
  readonly seed: string;
  readonly cable: Cable;
  readonly callHub: (link: Link) => string | null;
  readonly makeDatabases: (machine: SimMachine) => MakeDatabases;
  readonly tell: (text: string) => void;
  readonly told: (event: AgentEvent) => void;
  readonly tickNs: bigint;
  readonly ignoreCase: boolean;
  readonly watcher: WatcherFaults;
}

/** What the person has asked for: until it is done, they ask again. */
/** A file that is not published yet has no id. */
type Wish = { readonly kind: 'publish' } | { readonly kind: 'copy'; readonly file: () => string | undefined };
const ASK_AGAIN_MS = 3_000;
/** The table by which a followed database is known. */
const POSITION = '_tieout_position';

export class SimMachine {
  readonly options: MachineOptions;
  readonly disk: MachineDisk;
  readonly wall: Wall;
  readonly name: string;
  readonly root: string;
  readonly chance: Chance;
  agent: Agent | null = null;
  hasPower = true;
  /** How often the power went: what ran before a cut does not run after it. */
  powerCuts = 0;
  clock: MachineClock;
  #boots = 0;
  #hasFile = false;
  #wish: Wish | null = null;
  #ledger: Ledger | null = null;
  /** SQLite files as they may be found after a power cut: their last commits were not made durable. */
  readonly #older = new Map<string, StoreState[]>();

  constructor(options: MachineOptions) {
    this.options = options;
    this.name = options.person.peer.user;
    this.root = `${options.folder}/file`;
    this.chance = new Chance(options.seed, 'machine', this.name);
    this.wall = new Wall(options.timeline);
    this.clock = new MachineClock(options.timeline, this.wall);
    const now = (): bigint => BigInt(this.wall.now()) * 1_000_000n;
    this.disk = new MachineDisk(options.folder, { now, tickNs: options.tickNs, ignoreCase: options.ignoreCase });
    this.disk.bytes.makeFolder(this.root);
    this.disk.disk.syncAll();
  }

  get isUp(): boolean {
    return this.agent !== null;
  }

  get copy(): Copy | undefined {
    const listed = this.agent?.copies()[0];
    return listed?.kind === 'open' ? listed.copy : undefined;
  }

  /** Why the copy cannot be opened, if so. One that only waits for a new id opens by itself. */
  get closedBecause(): string | undefined {
    const listed = this.agent?.copies()[0];
    if (listed?.kind !== 'closed' || listed.why.problem.code === 'copied-folder') return undefined;
    return listed.why.message;
  }

  get isReady(): boolean {
    return this.copy?.facts.phase === 'complete';
  }

  /** The person has seen the file's documents in their folder: before that nobody works there. */
  get hasFile(): boolean {
    this.#hasFile ||= this.isReady;
    return this.#hasFile;
  }

  native(path: string): string {
    return `${this.root}/${path}`;
  }

  /** Switches it on. The person asks again for what was not done. */
  async start(): Promise<void> {
    const { options } = this;
    this.hasPower = true;
    const { timeline, seed, cable, person } = options;
    this.#boots += 1;
    const random = randomOf(new Chance(seed, 'random', this.name, this.#boots));
    const clock = new MachineClock(timeline, this.wall);
    this.clock = clock;
    const home = `${options.folder}/home`;
    this.#ledger = Ledger.open(home);
    const agent = new Agent({
      home,
      identity: person.identity,
      ledger: this.#ledger,
      clock,
      random,
      dial: ({ signal }) => {
        const never = new AbortController().signal;
        return cable.dial(person.peer, HUB, signal ?? never, options.callHub, () => clock.runs);
      },
      fileBytes: this.disk.bytes,
      filesOf: (root) => this.disk.files(root),
      watcher: simulatedWatcher(
        this.disk.disk,
        clock,
        new Chance(seed, 'watcher', this.name, this.#boots),
        options.watcher,
      ),
      tasks: chunkTasksInPlace(this.disk.bytes),
      makeDatabases: options.makeDatabases(this),
      host: person.peer.deviceName,
      log: options.tell,
      packFrom: 6,
    });
    this.agent = agent;
    agent.watch(options.told);
    await agent.start();
    this.#carryOut();
  }

  publish(): void {
    this.#wish = { kind: 'publish' };
    this.#carryOut();
  }

  makeCopy(file: () => string | undefined): void {
    this.#wish = { kind: 'copy', file };
    this.#carryOut();
  }

  /** A power cut. */
  crash(): void {
    this.hasPower = false;
    this.powerCuts += 1;
    this.clock.stop();
    this.agent = null;
    this.options.cable.lost('near', this.chance.within(0, 30_000));
    this.disk.crash(this.chance.fraction(), () => this.chance.fraction());
    for (const states of this.#older.values()) {
      if (this.chance.happens(0.5)) putBack(this.chance.one(states));
    }
    this.#older.clear();
  }

  /** The agent alone ends, as by kill -9: the system keeps what was written. */
  kill(): void {
    this.clock.stop();
    this.agent = null;
    this.options.cable.lost('near', this.chance.within(0, 300));
    closeBelow(this.options.folder);
  }

  /** Ends in order. */
  async stop(): Promise<void> {
    const { agent } = this;
    this.agent = null;
    await agent?.stop();
    this.clock.stop();
    // What only reads is left open by whoever ends in order, too.
    closeBelow(this.options.folder);
  }

  /**
   * Remembers how these files are now: what is committed later may be lost with the power. That a database is followed
   * was made durable: it does not come back as it was before.
   */
  mayLose(paths: readonly string[]): void {
    for (const path of paths) {
      const state = storeState(path);
      const isOurs = path.endsWith('/rows.db') || [state?.main, state?.wal].some((bytes) => bytes?.includes(POSITION));
      if (state && isOurs) this.#older.set(path, [...(this.#older.get(path) ?? []), state].slice(-3));
    }
  }

  /** They were of a folder that is not there any more. */
  forgetOlder(): void {
    this.#older.clear();
  }

  #carryOut(): void {
    const { agent, clock } = this;
    const wish = this.#wish;
    if (wish === null || agent === null) return;
    const again = (): void => {
      if (this.agent === agent)
        void this.#try(agent, wish).then((done) => done || void clock.after(ASK_AGAIN_MS, again));
    };
    again();
  }

  async #try(agent: Agent, wish: Wish): Promise<boolean> {
    const { kind } = wish;
    const going = { progress: () => {}, signal: new AbortController().signal };
    const { chain, user, deviceName: device } = agent.membership();
    const { key } = agent.options.identity;
    const hub = agent.hub(OFFICE);
    try {
      const phase = kind === 'publish' ? ('publishing' as const) : ('fetching' as const);
      const file = wish.kind === 'publish' ? null : wish.file();
      if (file === undefined) return false;
      const copy = agent.begin(this.root, { file, name: 'Miller 2026', office: OFFICE, phase, members: null });
      if (kind === 'publish') await publishCopy(copy, hub, { user, device, key, chain }, going);
      else {
        copy.attach();
        await fillCopy(copy, hub, { user, device }, going);
      }
    } catch (error) {
      if (error instanceof ProblemError && error.problem.code === 'already-a-copy') {
        this.#wish = null;
        return true;
      }
      if (!(error instanceof ProblemError) && !(error instanceof StorageError)) throw error;
      this.options.tell(`${kind}: ${error.message}`);
      return false;
    }
    this.#wish = null;
    this.options.tell(`${kind}: done`);
    return true;
  }
}
