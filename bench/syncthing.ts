/** Syncthing as a peer: two daemons without discovery or relays, A calling B, file watching as fast as it lets. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../scripts/office.ts';
import type { Pair, Peer } from './peers.ts';
import { type Bench, pause } from './stage.ts';
import { countBytes } from './wire.ts';

/** A node of the pair: where it is configured, what it shares, where it listens. */
interface Node {
  readonly home: string;
  readonly folder: string;
  readonly port: number;
  readonly api: number;
  readonly id: string;
}

export function syncthing(): Peer | string {
  const { stdout } = spawnSync('syncthing', ['--version'], { encoding: 'utf8' });
  const version = stdout?.split(' ').slice(0, 2).join(' ');
  return version ? { name: 'syncthing', version, pair } : 'syncthing';
}

async function pair(bench: Bench, source: string, target: string, counted: boolean): Promise<Pair> {
  const a = await node(bench, source);
  const b = await node(bench, target);
  const relay = counted ? await countBytes(`127.0.0.1:${await freePort()}`, `127.0.0.1:${b.port}`) : undefined;
  configure(a, b, relay?.port ?? b.port);
  // Port 9 (discard): only A calls, so that all goes through the relay.
  configure(b, a, 9);
  const documents = documentsIn(source);
  let running: ChildProcess[] = [];
  const end = async () => {
    const ended = running.map((child) => child.exitCode === null && child.signalCode === null && once(child, 'close'));
    for (const child of running) child.kill();
    running = [];
    await Promise.all(ended);
  };
  bench.defer(end);
  return {
    wire: relay?.wire ?? { up: 0, down: 0 },
    async settle(document) {
      if (running.length === 0) running = [a, b].map(start);
      if (document === undefined) {
        while (!(await complete(a, documents)) || !(await complete(b, documents))) await pause(200);
        return;
      }
      const wanted = readFileSync(join(source, document));
      while (!readFileSync(join(target, document)).equals(wanted)) await pause(250);
      // The two go on talking about it for a while.
      await pause(4000);
    },
    async end() {
      await end();
      await relay?.close();
    },
  };
}

async function node(bench: Bench, folder: string): Promise<Node> {
  const home = bench.folder('syncthing-home');
  mkdirSync(home, { recursive: true });
  mkdirSync(folder, { recursive: true });
  const generate = ['generate', `--home=${home}`, '--no-default-folder', '--skip-port-probing'];
  spawnSync('syncthing', generate, { env: { ...process.env, HOME: home } });
  const id = spawnSync('syncthing', [`--home=${home}`, '--device-id'], { encoding: 'utf8' }).stdout.trim();
  return { home, folder, port: await freePort(), api: await freePort(), id };
}

function start({ home }: Node): ChildProcess {
  const serve = ['serve', `--home=${home}`, '--no-browser', '--no-restart', '--no-upgrade', '--no-default-folder'];
  return spawn('syncthing', serve, { stdio: 'ignore', env: { ...process.env, HOME: home, STNODEFAULTFOLDER: '1' } });
}

async function complete({ api }: Node, documents: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${api}/rest/db/status?folder=w`, { headers: { 'X-API-Key': 'k' } });
    const status = (await answer.json()) as Record<string, unknown>;
    const { state, localFiles, globalFiles, needTotalItems } = status;
    return state === 'idle' && localFiles === documents && globalFiles === documents && needTotalItems === 0;
  } catch {
    return false; // not up yet
  }
}

function configure(own: Node, other: Node, otherPort: number): void {
  const device = ({ id }: Node, address: string) =>
    `<device id="${id}" name="d" compression="metadata" introducer="false"><address>${address}</address><paused>false</paused></device>`;
  writeFileSync(
    join(own.home, 'config.xml'),
    `<configuration version="36">
<folder id="w" label="w" path="${own.folder}" type="sendreceive" rescanIntervalS="3600" fsWatcherEnabled="true" fsWatcherDelayS="1" autoNormalize="true">
<device id="${own.id}"></device><device id="${other.id}"></device></folder>
${device(own, 'dynamic')}${device(other, `tcp://127.0.0.1:${otherPort}`)}
<gui enabled="true" tls="false"><address>127.0.0.1:${own.api}</address><apikey>k</apikey></gui>
<options><listenAddress>tcp://127.0.0.1:${own.port}</listenAddress><globalAnnounceEnabled>false</globalAnnounceEnabled><localAnnounceEnabled>false</localAnnounceEnabled><relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled><reconnectionIntervalS>1</reconnectionIntervalS><startBrowser>false</startBrowser><urAccepted>-1</urAccepted><crashReportingEnabled>false</crashReportingEnabled><autoUpgradeIntervalH>0</autoUpgradeIntervalH><setLowPriority>false</setLowPriority></options>
</configuration>`,
  );
}

function documentsIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;
}
