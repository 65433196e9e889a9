/** The hub as a program: opens its folder, serves, and closes. Wires the rooms together and decides nothing. */
import { ProblemError } from '../core/problem.ts';
import { SOFTWARE } from '../core/software.ts';
import { addressesOf } from '../platform/computer.ts';
import { realFileBytes } from '../platform/file-bytes.ts';
import { type Listener, listen as listenAt } from '../platform/listen.ts';
import { type Lock, takeLock } from '../platform/lock.ts';
import { collectInProportion } from '../platform/memory.ts';
import type { PeerIdentity } from '../platform/ports.ts';
import { systemClock, systemRandom } from '../platform/system.ts';
import { openStore } from '../store/sqlite.ts';
import { openAuthority } from './authority.ts';
import { enrolment } from './enrolment.ts';
import { FILES_SCHEMA, ParentFiles } from './files.ts';
import { invite } from './invite.ts';
import { Office, REVOKED } from './office.ts';
import { Roster } from './roster.ts';

export interface HubStart {
  readonly dir: string;
  /** HOST:PORT; port 0: any free one. */
  readonly listen: string;
  readonly log: (line: string) => void;
}

export interface RunningHub {
  readonly url: string;
  close(): Promise<void>;
}

/** How long a revoked device may go on with the session that it has. */
const LOOK_MS = 3_000;

export async function startHub({ dir, listen, log }: HubStart): Promise<RunningHub> {
  collectInProportion();
  const { host, port } = place(listen);
  realFileBytes.makeFolder(`${dir}/files`);
  const lock = lockOrRefuse(dir);
  const stamped = (line: string): void =>
    log(`${new Temporal.Instant(BigInt(systemClock.now()) * 1_000_000n)} ${line}`);
  const authority = await openAuthority(dir);
  const roster = Roster.open(dir);
  const db = openStore(`${dir}/hub.db`, { schema: FILES_SCHEMA, synchronous: 'FULL' });
  const office = new Office({
    files: new ParentFiles(db),
    folder: `${dir}/files`,
    office: authority.office,
    clock: systemClock,
    disk: realFileBytes,
    software: SOFTWARE,
    log: stamped,
  });
  const hosts = addressesOf(host);
  const note = (peer: PeerIdentity): void => {
    try {
      roster.seen(peer, systemClock.now());
    } catch (error) {
      // A full disk keeps nobody from reading what is here.
      stamped(`when ${peer.user} (${peer.deviceName}) was here is not noted: ${(error as Error).message}`);
    }
  };
  const listener: Listener = await listenAt({
    host,
    port,
    credential: await authority.hubCredential(hosts.map((each) => url(each, port))),
    office: authority.certificate,
    admit: (peer) => (roster.device(peer.device)?.revoked ? REVOKED : undefined),
    onLink: (link) => {
      note(link.peer);
      office.welcome(link);
    },
    onRequest: enrolment({ authority, roster, clock: systemClock, log: stamped }),
    onRefused: ({ from, why }) => stamped(`refused ${from}: ${why}`),
  });
  roster.serves(
    authority.office,
    hosts.map((each) => url(each, listener.port)),
  );
  const stopLooking = lookForRevoked(() => {
    try {
      office.turnOut(roster.revoked());
    } catch (error) {
      stamped(`who was revoked cannot be read: ${(error as Error).message}`);
    }
  });
  return {
    url: url(host, listener.port),
    async close() {
      stopLooking();
      office.close();
      await listener.close('the hub is stopping');
      db.close();
      roster.close();
      lock.release();
    },
  };
}

/** The roster is written by other processes, too: whoever was revoked there keeps no open session. */
function lookForRevoked(look: () => void): () => void {
  let cancel = systemClock.after(LOOK_MS, again);
  function again(): void {
    look();
    cancel = systemClock.after(LOOK_MS, again);
  }
  return () => cancel();
}

export async function inviteUser({ dir, user }: { dir: string; user: string }): Promise<{ invitation: string }> {
  return { invitation: invite({ dir, user, clock: systemClock, random: systemRandom }) };
}

function place(listen: string): { host: string; port: number } {
  const { hostname, port } = new URL(`https://${listen}`);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 443 : Number(port) };
}

function url(host: string, port: number): string {
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function lockOrRefuse(dir: string): Lock {
  const lock = takeLock(`${dir}/lock`);
  if (lock) return lock;
  throw new ProblemError({
    code: 'hub-runs-already',
    text: `A hub runs in ${dir} already.`,
    remedy: 'Use that one, or give another folder with --dir.',
    path: dir,
  });
}
