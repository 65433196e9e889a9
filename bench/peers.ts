/** What people use instead, run beside ours on the same content: rsync (a daemon) and Syncthing, where installed. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from '../scripts/office.ts';
import type { Figure } from './figure.ts';
import { type Bench, pause, seconds, writeBack } from './stage.ts';
import { syncthing } from './syncthing.ts';
import { countBytes, type Wire } from './wire.ts';

export interface Peer {
  readonly name: string;
  readonly version: string;
  /** Gets ready to keep `target` equal to `source`; nothing is transferred yet. */
  pair(bench: Bench, source: string, target: string, counted: boolean): Promise<Pair>;
}

export interface Pair {
  readonly wire: Wire;
  /** Makes the target equal: all of it, or what changed in this one document. */
  settle(document?: string): Promise<void>;
  end(): Promise<void>;
}

/** Those installed; the others are named loudly, because a table without them proves less. */
export function peers(bench: Bench): Peer[] {
  return [rsync, syncthing].flatMap((find) => {
    const peer = find();
    if (typeof peer === 'string') bench.say(`NOT INSTALLED: ${peer}. Its figures are missing below.`);
    return typeof peer === 'string' ? [] : [peer];
  });
}

/**
 * Seconds of a first full copy, for each peer: called once a run, so that ours and theirs meet the same machine. From the
 * second run on without Syncthing, which is slow. And until it is on the disk, as ours and Syncthing's are when they are
 * done: rsync leaves that to the system.
 */
export class FirstCopies {
  readonly #seconds = new Map<string, number[]>();
  readonly #durable = new Map<string, number[]>();
  readonly #bench: Bench;
  readonly #source: string;
  readonly #peers: readonly Peer[];

  constructor(bench: Bench, source: string) {
    this.#bench = bench;
    this.#source = source;
    this.#peers = peers(bench);
  }

  async run(): Promise<void> {
    for (const peer of this.#peers) {
      const times = this.#seconds.get(peer.name) ?? [];
      if (peer.name !== 'rsync' && times.length > 0) continue;
      this.#bench.say(`first copy by ${peer.name}`);
      const pair = await peer.pair(this.#bench, this.#source, this.#bench.folder(peer.name), false);
      const settled = await seconds(() => pair.settle());
      const begun = performance.now();
      writeBack();
      const durable = settled + (performance.now() - begun) / 1000;
      this.#seconds.set(peer.name, [...times, settled]);
      this.#durable.set(peer.name, [...(this.#durable.get(peer.name) ?? []), durable]);
      await pair.end();
    }
  }

  figures(id: string, what: string): Figure[] {
    return [...this.#seconds].flatMap(([name, runs]) => [
      { id: `${id}.${name}`, what: `  ${what} by ${name}`, unit: 's', runs },
      {
        id: `${id}.${name}Durable`,
        what: '    until it is on the disk',
        unit: 's',
        runs: this.#durable.get(name) ?? [],
      },
    ]);
  }

  /** Ours by rsync's of the same run; nothing where rsync is missing. */
  ratio(figure: Pick<Figure, 'id' | 'what' | 'goal'>, ours: readonly number[]): Figure[] {
    const rsync = this.#seconds.get('rsync');
    if (rsync === undefined) return [];
    return [{ ...figure, unit: 'x', runs: ours.map((seconds, run) => seconds / rsync[run]!) }];
  }
}

/** Bytes that each peer needs, both directions, after `change` has changed one document of `source`. */
export async function bytesOfChange(
  bench: Bench,
  id: string,
  fill: (folder: string) => void,
  document: string,
  change: (path: string, run: number) => void,
): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const peer of peers(bench)) {
    const [source, target] = [bench.folder(peer.name), bench.folder(peer.name)];
    fill(source);
    const pair = await peer.pair(bench, source, target, true);
    await pair.settle();
    const runs: number[] = [];
    for (let run = 0; run < bench.runs; run++) {
      // rsync takes a document of the same size and second for unchanged.
      await pause(1100);
      const before = pair.wire.up + pair.wire.down;
      change(join(source, document), run);
      await pair.settle(document);
      if (!readFileSync(join(target, document)).equals(readFileSync(join(source, document)))) {
        throw new Error(`${peer.name} did not bring the change`);
      }
      runs.push(pair.wire.up + pair.wire.down - before);
    }
    await pair.end();
    figures.push({
      id: `${id}.${peer.name}`,
      what: `  the same by ${peer.version}, both directions`,
      unit: 'bytes',
      runs,
    });
  }
  return figures;
}

export async function listening(port: number): Promise<void> {
  for (let tries = 0; ; tries++) {
    const socket = connect({ host: '127.0.0.1', port });
    const open = await new Promise<boolean>((done) =>
      socket.on('connect', () => done(true)).on('error', () => done(false)),
    );
    socket.destroy();
    if (open) return;
    if (tries > 1000) throw new Error(`nothing listens on port ${port}`);
    await pause(20);
  }
}

function rsync(): Peer | string {
  const version = /version (\S+)/.exec(spawnSync('rsync', ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1];
  return version ? { name: 'rsync', version: `rsync ${version}`, pair: rsyncPair } : 'rsync';
}

async function rsyncPair(bench: Bench, source: string, target: string, counted: boolean): Promise<Pair> {
  mkdirSync(target, { recursive: true });
  const port = await freePort();
  const config = `${bench.folder('rsync-config')}.conf`;
  const owner = process.getuid?.() === 0 ? 'uid = root\ngid = root\n' : '';
  writeFileSync(config, `use chroot = no\n${owner}address = 127.0.0.1\n[b]\npath = ${target}\nread only = no\n`);
  const daemon = spawn('rsync', ['--daemon', '--no-detach', `--config=${config}`, `--port=${port}`], {
    stdio: 'ignore',
  });
  const ended = once(daemon, 'close');
  bench.defer(() => void daemon.kill());
  await listening(port);
  const relay = counted ? await countBytes(`127.0.0.1:${await freePort()}`, `127.0.0.1:${port}`) : undefined;
  const at = relay ? relay.port : port;
  return {
    wire: relay?.wire ?? { up: 0, down: 0 },
    async settle(document = '') {
      const [code] = await once(
        spawn('rsync', ['-a', `${source}/${document}`, `rsync://127.0.0.1:${at}/b/${document}`]),
        'close',
      );
      if (code !== 0) throw new Error(`rsync ended with ${code}`);
    },
    async end() {
      await relay?.close();
      daemon.kill();
      await ended;
    },
  };
}
