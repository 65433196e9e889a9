/** The hubs of the offices that this machine has joined, one connection to each. */

import { SOFTWARE } from '../core/software.ts';
import type { dialFirst } from '../platform/dial.ts';
import type { Clock, Random } from '../platform/ports.ts';
import { notJoined } from './agent-problems.ts';
import { HubConnection } from './hub-connection.ts';
import type { MachineIdentity, Membership } from './identity.ts';

export interface HubsOptions {
  readonly identity: MachineIdentity;
  readonly clock: Clock;
  readonly random: Random;
  /** Calls a hub. */
  readonly dial: typeof dialFirst;
}

export class Hubs {
  readonly #options: HubsOptions;
  readonly #hubs = new Map<string, HubConnection>();

  constructor(options: HubsOptions) {
    this.#options = options;
  }

  /** Calls all of them. */
  start(): void {
    for (const { office } of this.#options.identity.memberships) this.hub(office);
  }

  stop(): void {
    for (const hub of this.#hubs.values()) hub.stop();
    this.#hubs.clear();
  }

  /** The machine slept, or its network changed. */
  wake(): void {
    for (const hub of this.#hubs.values()) hub.wake();
  }

  /** The way to the hub of an office that this machine has joined. */
  hub(office: string): HubConnection {
    const known = this.#hubs.get(office);
    if (known) return known;
    const { clock, random, identity, dial } = this.#options;
    const hub = new HubConnection({
      clock,
      random,
      software: SOFTWARE,
      dial: (signal) => {
        const { urls, chain } = this.membership(office);
        const credential = identity.credential(office);
        return dial({ urls, office: chain[1] as Uint8Array, credential, signal });
      },
    });
    this.#hubs.set(office, hub);
    hub.start();
    return hub;
  }

  /** Of an office, or the one that was joined last. Throws a `ProblemError` if there is none. */
  membership(office?: string): Membership {
    const { identity } = this.#options;
    const found = office === undefined ? identity.memberships.at(-1) : identity.membership(office);
    if (found) return found;
    throw notJoined();
  }
}
