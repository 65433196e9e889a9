/** The copies of this machine that go on under a new id: each tried until the hub and the disk let it. */
import { ProblemError } from '../core/problem.ts';
import type { CopyId } from '../core/vector.ts';
import type { Clock, FileBytes } from '../platform/ports.ts';
import { asStorageFailure } from '../platform/storage-failure.ts';
import { notThere } from './agent-problems.ts';
import { branchCopy, type HubTips } from './branching.ts';
import type { HubConnection } from './hub-connection.ts';
import type { MachineIdentity, Membership } from './identity.ts';
import type { Ledger } from './ledger.ts';
import type { Place } from './matching.ts';
import { renewCopy } from './renewal.ts';
import { SyncFolder } from './sync-folder.ts';

export interface RenewalsOptions {
  readonly identity: MachineIdentity;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly fileBytes: FileBytes;
  readonly log: (text: string) => void;
  /** After it nothing is tried any more. */
  readonly signal: AbortSignal;
  readonly newId: () => CopyId;
  readonly membership: (office: string) => Membership;
  readonly hub: (office: string) => HubConnection;
  readonly placeOf: (root: string) => Place;
  /** The copy can be opened. */
  readonly renewed: (root: string) => Promise<void>;
}

/**
 * duplicate: another folder goes on under the old id; retires: none does. Or what the hub has, when that is another
 * history of somebody else.
 */
export type Renewing = 'duplicate' | 'retires' | HubTips;

/** The hub is asked this often. */
const AGAIN_MS = 10_000;

export class Renewals {
  readonly #options: RenewalsOptions;
  readonly #running = new Set<Promise<void>>();

  constructor(options: RenewalsOptions) {
    this.#options = options;
  }

  /**
   * The hub knows another history of the copy at `root`, or of somebody else in it, or the folder is a duplicate: once it
   * is `closed` it goes on under a new id.
   */
  after(root: string, closed: Promise<void>, how: Renewing): void {
    const renewal: Promise<void> = closed
      .then(() => this.#renew(root, how))
      .finally(() => {
        this.#running.delete(renewal);
      });
    this.#running.add(renewal);
  }

  /** Resolves when none is under way: each has its sync folder open, which is nobody else's before it lets go. */
  async ended(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  async #renew(root: string, how: Renewing): Promise<void> {
    const { log, signal, newId, renewed, ledger } = this.#options;
    const id = newId();
    while (!(await this.#try(root, id, how))) {
      await this.#stoppedWithin(AGAIN_MS);
      if (signal.aborted) return;
      if (typeof how === 'string') continue;
      // What the hub has may be something else by now: it goes on as it is, and the next meeting tells.
      ledger.leave(id);
      return renewed(root);
    }
    log(`${root} goes on under a new id`);
    if (!signal.aborted) await renewed(root);
  }

  async #try(root: string, id: CopyId, how: Renewing): Promise<boolean> {
    const { fileBytes, clock, identity, ledger, log, membership, hub, placeOf } = this.#options;
    let folder: SyncFolder | undefined;
    try {
      folder = new SyncFolder(root, fileBytes);
      const { facts } = folder;
      if (facts === undefined) throw notThere(root);
      const { chain, user, deviceName } = membership(facts.office);
      if (!ledger.entry(id)) ledger.register(id, facts.file, facts.office, placeOf(root));
      const author = { copy: id, key: identity.key, chain, reserve: (seq: number) => ledger.reserve(id, seq) };
      const member = { user, device: deviceName };
      const options = { folder, hub: hub(facts.office), clock, fileBytes, author, member };
      if (typeof how === 'string') await renewCopy({ ...options, retires: how === 'retires' });
      else return await branchCopy(options, how);
      return true;
    } catch (error) {
      const failure = asStorageFailure(error, 'Cannot write down the new id', root);
      if (!(failure instanceof ProblemError)) throw error;
      log(`${root} cannot go on under a new id yet: ${failure.message}`);
      return false;
    } finally {
      folder?.close();
    }
  }

  /** Resolves after `ms`, or when the agent is to stop. */
  #stoppedWithin(ms: number): Promise<void> {
    const { clock, signal } = this.#options;
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const over = (): void => {
        cancel();
        signal.removeEventListener('abort', over);
        resolve();
      };
      const cancel = clock.after(ms, over);
      signal.addEventListener('abort', over);
    });
  }
}
