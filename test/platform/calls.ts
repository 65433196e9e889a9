/** A listener and its callers on loopback, for tests: everything that happens is collected and can be waited for. */
import { type DialOptions, dial } from '../../src/platform/dial.ts';
import { type ListenOptions, listen } from '../../src/platform/listen.ts';
import type { Link } from '../../src/platform/ports.ts';
import type { Office } from './offices.ts';

export interface End {
  readonly link: Link;
  readonly received: Uint8Array[];
  /** Resolves with the reason. */
  readonly closed: Promise<string>;
  /** Resolves when so many messages have come. */
  got(count: number): Promise<Uint8Array[]>;
}

export function watch(link: Link): End {
  const received: Uint8Array[] = [];
  let look = () => {};
  link.onMessage = (message) => {
    received.push(message);
    look();
  };
  const closed = new Promise<string>((resolve) => {
    link.onClose = resolve;
  });
  const got = (count: number) =>
    new Promise<Uint8Array[]>((resolve) => {
      look = () => {
        if (received.length >= count) resolve(received);
      };
      look();
    });
  return { link, received, closed, got };
}

export async function serve(office: Office, more: Partial<ListenOptions> = {}) {
  const ends: End[] = [];
  const refusals: string[] = [];
  let look = () => {};
  const until = (ready: () => boolean) =>
    new Promise<void>((resolve) => {
      look = () => {
        if (ready()) resolve();
      };
      look();
    });
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    credential: office.hub,
    office: office.certificate,
    onLink(link) {
      ends.push(watch(link));
      look();
    },
    onRefused({ why }) {
      refusals.push(why);
      look();
    },
    ...more,
  });
  const url = `https://127.0.0.1:${listener.port}`;
  return {
    url,
    port: listener.port,
    ends,
    refusals,
    close: () => listener.close('the test is over'),
    /** The listener's end of the n-th link. */
    end: async (n: number) => {
      await until(() => ends.length > n);
      return ends[n]!;
    },
    refused: async (n = 1) => {
      await until(() => refusals.length >= n);
      return refusals;
    },
    call: async (user: string, more: Partial<DialOptions> = {}) => {
      const credential = more.credential ?? (await office.device(user));
      return watch(await dial({ url, office: office.certificate, credential, ...more }));
    },
  };
}
