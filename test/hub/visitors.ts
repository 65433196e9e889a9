/** An office in a temporary folder, and visitors who come over connections in memory, proved as TLS would prove them. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { FILES_SCHEMA, ParentFiles } from '../../src/hub/files.ts';
import { Office } from '../../src/hub/office.ts';
import { verifyChain } from '../../src/platform/certificates.ts';
import { realFileBytes } from '../../src/platform/file-bytes.ts';
import type { PeerIdentity } from '../../src/platform/ports.ts';
import type { Exchange } from '../../src/protocol/exchange.ts';
import type { Answer, Question } from '../../src/protocol/messages.ts';
import { Session } from '../../src/protocol/session.ts';
import { openStore } from '../../src/store/sqlite.ts';
import { quiet, Wire } from '../protocol/carrier.ts';
import { Machine } from '../protocol/replicas.ts';
import { author, copyId, FILE, OFFICE, office, TestClock } from '../store/stores.ts';

export class TestHub {
  readonly clock = new TestClock();
  readonly log: string[] = [];
  readonly office: Office;
  readonly visits: Visit[] = [];
  /** Where the parent files lie. */
  readonly folder: string;

  constructor() {
    const root = mkdtempSync(join(tmpdir(), 'tieout-hub-'));
    this.folder = join(root, 'files');
    mkdirSync(this.folder);
    const db = openStore(join(root, 'hub.db'), { schema: FILES_SCHEMA, synchronous: 'FULL' });
    this.office = new Office({
      files: new ParentFiles(db),
      folder: this.folder,
      office: OFFICE,
      clock: this.clock,
      disk: realFileBytes,
      software: 'test',
      log: (line) => this.log.push(line),
    });
    after(() => {
      this.office.close();
      db.close();
      rmSync(root, { recursive: true, force: true, maxRetries: 5 });
    });
  }

  /** A machine of `user`, whose copy goes by a letter, comes in. */
  async visit(user: string, letter: string, deviceName = 'laptop'): Promise<Visit> {
    const peer = await peerOf(user, deviceName);
    const visit = new Visit(this, peer, letter);
    this.visits.push(visit);
    await this.quiet();
    return visit;
  }

  async quiet(): Promise<void> {
    await quiet(...this.visits.map(({ wire }) => wire));
  }
}

const peers = new Map<string, PeerIdentity>();

async function peerOf(user: string, deviceName: string): Promise<PeerIdentity> {
  const name = `${user} ${deviceName}`;
  const known = peers.get(name);
  if (known) return known;
  const { chain } = await office.device(user, deviceName);
  const identity = verifyChain(chain, OFFICE);
  if ('distrust' in identity) throw new Error(identity.distrust);
  peers.set(name, identity);
  return identity;
}

export class Visit {
  readonly wire = new Wire();
  readonly machine: Machine;
  readonly session: Session;
  readonly reasons: string[] = [];
  readonly #hub: TestHub;

  constructor(hub: TestHub, peer: PeerIdentity, letter: string) {
    this.#hub = hub;
    this.machine = new Machine(letter);
    hub.office.welcome(Object.assign(this.wire.ends[1], { peer }));
    const onEnd = (reason: string): void => void this.reasons.push(reason);
    this.session = new Session({ carrier: this.wire.ends[0], software: 'test', nowMs: hub.clock.now, onEnd }, true);
  }

  /** The answer, or the code of the problem. */
  async ask(question: Question): Promise<Answer | string> {
    const answer = this.session.ask(question).catch((error) => error.problem.code as string);
    await this.#hub.quiet();
    return answer;
  }

  /** Each file has a copy of its own on this machine. */
  create(name: string, members: string[] | null = null, file = FILE): Promise<Answer | string> {
    const copy = file === FILE ? copyId(this.machine.letter) : file;
    return this.ask({ kind: 'create', file, name, copy, members });
  }

  publish(file = FILE): Promise<Answer | string> {
    const record = Buffer.from('a snapshot');
    return this.ask({ kind: 'publish', file, record, documents: 3, databases: 1, bytes: 1000 });
  }

  async names(): Promise<string[]> {
    const answer = await this.ask({ kind: 'files', after: null });
    return typeof answer !== 'string' && answer.kind === 'files' ? answer.files.map(({ name }) => name) : [];
  }

  async open(file = FILE, letter = this.machine.letter): Promise<Exchange> {
    const { copy } = await author(letter);
    const exchange = this.session.open(file, copy, (channel, line) => this.machine.exchange(channel, line, copy));
    exchange.begin();
    await this.#hub.quiet();
    return exchange;
  }
}
