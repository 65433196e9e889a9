import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HubConnection } from '../../src/agent/hub-connection.ts';
import { lookForWaking } from '../../src/agent/waking.ts';
import { LinkError } from '../../src/platform/link-failure.ts';
import type { Clock, Link } from '../../src/platform/ports.ts';
import { VERSIONS } from '../../src/protocol/limits.ts';
import { encodeMessage } from '../../src/protocol/messages.ts';

/** Time that goes on only when told to. */
class HandClock implements Clock {
  #now = 0;
  #timers: { at: number; run: () => void }[] = [];
  now = (): number => this.#now;
  monotonic = (): number => this.#now;
  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** The next timer's distance, ms; Infinity when there is none. */
  get next(): number {
    return Math.min(...this.#timers.map(({ at }) => at)) - this.#now;
  }

  async go(ms: number): Promise<void> {
    this.#now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#now);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { run } of due) run();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function link(): Link & { ended: string | null } {
  const made = {
    peer: { device: '', user: 'hub', deviceName: '', chain: [] },
    backlog: 0,
    ended: null as string | null,
    send: () => {},
    drained: async () => {},
    onMessage: (_: Uint8Array) => {},
    onClose: (_: string) => {},
    close(reason: string) {
      made.ended = reason;
    },
  };
  return made;
}

const chance = (fraction: number) => ({ bytes: (count: number) => new Uint8Array(count), fraction: () => fraction });
const welcome = encodeMessage({ kind: 'welcome', version: VERSIONS[0], software: 'hub/1', nowMs: 0 });

describe('the way to the hub', () => {
  test('AGT10 a hub that is out of reach is called again, ever more patiently, up to half a minute', async () => {
    const clock = new HandClock();
    let dials = 0;
    const dial = async (): Promise<Link> => {
      dials += 1;
      throw new Error('no route');
    };
    const hub = new HubConnection({ dial, clock, random: chance(1), software: 'test' });
    hub.start();
    await clock.go(0);
    const waits: number[] = [];
    for (let tries = 0; tries < 12; tries++) {
      waits.push(clock.next);
      await clock.go(clock.next);
    }
    assert.equal(dials, 13);
    assert.deepEqual(waits.slice(0, 4), [200, 400, 800, 1600]);
    assert.equal(waits.at(-1), 30_000);
    const asked = assert.rejects(hub.ask({ kind: 'files', after: null }, 100), /no route/);
    await clock.go(100);
    await asked;
    hub.stop();
  });

  test('AGT10 why a hub is out of reach is said once, with what to do about just that', async () => {
    const reasons = [
      [new LinkError('unreachable', 'https://hub cannot be reached (refused).'), /Check the network and that the hub/],
      [new LinkError('untrusted', 'https://hub does not prove it.'), /^Ask for a new invitation/],
    ] as const;
    for (const [why, remedy] of reasons) {
      const clock = new HandClock();
      const hub = new HubConnection({ dial: () => Promise.reject(why), clock, random: chance(1), software: 'test' });
      hub.start();
      await clock.go(0);
      const asked = hub.ask({ kind: 'files', after: null }, 100).catch((error) => error.problem);
      await clock.go(100);
      const told = await asked;
      assert.equal(told.text, `The hub cannot be reached: ${why.problem.text}`);
      assert.match(told.remedy, remedy);
      hub.stop();
    }
  });

  test('AGT11 after a cut the next session is told to all who are attached, and the wait is short again', async () => {
    const clock = new HandClock();
    const links: ReturnType<typeof link>[] = [];
    const dial = async (): Promise<Link> => {
      links.push(link());
      return links.at(-1) as Link;
    };
    const hub = new HubConnection({ dial, clock, random: chance(0), software: 'test' });
    const told: string[] = [];
    hub.attach({ connected: () => told.push('connected'), disconnected: (reason) => told.push(reason) });
    hub.start();
    await clock.go(0);
    links[0]?.onMessage(welcome);
    links[0]?.onClose('cable pulled');
    assert.deepEqual(told, ['connected', 'cable pulled']);
    assert.equal(clock.next, 100);
    await clock.go(100);
    links[1]?.onMessage(welcome);
    assert.deepEqual(told, ['connected', 'cable pulled', 'connected']);
    hub.stop();
    assert.equal(links[1]?.ended, 'this machine is stopping');
  });

  test('AGT12 a machine that wakes up calls at once', async () => {
    const clock = new HandClock();
    let dials = 0;
    const dial = async (): Promise<Link> => {
      dials += 1;
      throw new Error('asleep');
    };
    const hub = new HubConnection({ dial, clock, random: chance(1), software: 'test' });
    hub.start();
    await clock.go(0);
    assert.equal(dials, 1);
    hub.wake();
    await clock.go(0);
    assert.equal(dials, 2);
    hub.stop();
  });

  test('AGT12 a machine whose addresses changed, or that slept, calls at once; one as it was keeps to its waits', async () => {
    const clock = new HandClock();
    let dials = 0;
    const dial = async (): Promise<Link> => {
      dials += 1;
      throw new Error('no network');
    };
    const hub = new HubConnection({ dial, clock, random: chance(1), software: 'test' });
    let addresses = '10.0.0.5 127.0.0.1';
    let woken = 0;
    const woke = (): void => {
      woken += 1;
      const before = dials;
      hub.wake();
      assert.equal(dials, before + 1, 'at once');
    };
    const end = lookForWaking({ clock, network: () => addresses, woke });
    hub.start();
    const wokenWithin = async (seconds: number): Promise<number> => {
      const before = woken;
      for (let gone = 0; gone < seconds; gone++) await clock.go(1000);
      return woken - before;
    };
    assert.equal(await wokenWithin(120), 0, 'nothing has changed');
    addresses = '127.0.0.1';
    assert.equal(await wokenWithin(5), 1, 'a cable was pulled');
    assert.equal(await wokenWithin(120), 0, 'told once');
    addresses = '127.0.0.1 192.168.1.7';
    assert.equal(await wokenWithin(5), 1, 'another network');
    const before = woken;
    await clock.go(3_600_000);
    assert.equal(woken, before + 1, 'it slept');
    end();
    hub.stop();
    assert.equal(clock.next, Number.POSITIVE_INFINITY);
  });

  test('AGT13 a hub that ends connections because of what it was sent is called ever more rarely', async () => {
    const clock = new HandClock();
    const links: ReturnType<typeof link>[] = [];
    const dial = async (): Promise<Link> => {
      links.push(link());
      return links.at(-1) as Link;
    };
    const hub = new HubConnection({ dial, clock, random: chance(1), software: 'test' });
    hub.start();
    await clock.go(0);
    const waits: number[] = [];
    for (let times = 0; times < 4; times++) {
      links.at(-1)?.onMessage(welcome);
      hub.refused();
      links.at(-1)?.onClose('Change 3 is not signed by its maker.');
      waits.push(clock.next);
      await clock.go(clock.next);
    }
    assert.deepEqual(waits, [200, 400, 800, 1600]);
    // One that lasts shows that it is over.
    links.at(-1)?.onMessage(welcome);
    await clock.go(60_000);
    links.at(-1)?.onClose('cable pulled');
    await clock.go(clock.next);
    links.at(-1)?.onMessage(welcome);
    links.at(-1)?.onClose('cable pulled');
    assert.equal(clock.next, 200);
    hub.stop();
  });
});
