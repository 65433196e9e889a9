/**
 * The office's roster: invitations and devices. Several processes may write it at once, so every decision is one
 * transaction.
 */
import type { DatabaseSync } from 'node:sqlite';
import { fromHex, sha256, toHex } from '../core/bytes.ts';
import type { PeerIdentity } from '../platform/ports.ts';
import { makePrivateFolder } from '../platform/secret-file.ts';
import type { EnrolRefusal } from '../protocol/enrolment.ts';
import { openStore, transaction } from '../store/sqlite.ts';

export const ROSTER_SCHEMA = new URL('../store/schema/roster/', import.meta.url);

/** Where a hub keeps what makes it an office: the roster and the authority's keys. */
export const officeFolder = (dir: string) => `${dir}/office`;

export interface Device {
  readonly id: string;
  readonly user: string;
  readonly name: string;
  readonly enrolledAt: number;
  readonly seenAt: number | undefined;
  readonly revoked: boolean;
}

export interface OpenInvitation {
  readonly user: string;
  /** The certificate that this very device was given for it before. */
  readonly leaf: Uint8Array | undefined;
}

export class Roster {
  readonly #db: DatabaseSync;

  /** Opens the roster of the hub in `dir`, making it if need be. Throws `StorageError`. */
  static open(dir: string): Roster {
    makePrivateFolder(officeFolder(dir));
    return new Roster(openStore(`${officeFolder(dir)}/roster.db`, { schema: ROSTER_SCHEMA, synchronous: 'FULL' }));
  }

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  close(): void {
    this.#db.close();
  }

  /** Notes where the hub serves now and for which office; invitations made from now on say so. */
  serves(office: string, urls: readonly string[]): void {
    const set = this.#db.prepare('INSERT OR REPLACE INTO fact (name, value) VALUES (?, ?)');
    transaction(this.#db, () => {
      set.run('office', office);
      set.run('urls', JSON.stringify(urls));
    });
  }

  /** Undefined until the hub has served for the first time. */
  served(): { readonly office: string; readonly urls: readonly string[] } | undefined {
    const get = this.#db.prepare('SELECT value FROM fact WHERE name = ?');
    const office = get.get('office')?.value;
    const urls = get.get('urls')?.value;
    if (typeof office !== 'string' || typeof urls !== 'string') return undefined;
    return { office, urls: JSON.parse(urls) as string[] };
  }

  addInvitation(invitation: { id: string; secret: Uint8Array; user: string; now: number; expiresAt: number }): void {
    const { id, secret, user, now, expiresAt } = invitation;
    this.#db
      .prepare('INSERT INTO invitation (id, secret, user, made_at, expires_at) VALUES (?, ?, ?, ?, ?)')
      .run(fromHex(id), fromHex(sha256(secret)), user, now, expiresAt);
  }

  /** The hash of the secret that goes with an invitation; undefined if there is no such invitation. */
  secretHash(id: string): Uint8Array | undefined {
    return this.#db.prepare('SELECT secret FROM invitation WHERE id = ?').get(fromHex(id))?.secret as
      | Uint8Array
      | undefined;
  }

  /** What `device` may expect of an invitation whose secret it knows. */
  invitation(id: string, device: string, now: number): OpenInvitation | { readonly refused: EnrolRefusal } {
    const row = this.#db.prepare('SELECT user, expires_at, device, leaf FROM invitation WHERE id = ?').get(fromHex(id));
    if (row === undefined) return { refused: 'unknown' };
    const user = String(row.user);
    if (row.device !== null) {
      const same = toHex(row.device as Uint8Array) === device;
      return same ? { user, leaf: row.leaf as Uint8Array } : { refused: 'used' };
    }
    if (now >= Number(row.expires_at)) return { refused: 'expired' };
    const known = this.device(device);
    return known && known.user !== user ? { refused: 'other-user' } : { user, leaf: undefined };
  }

  /**
   * Uses the invitation for `device` and gives it `leaf`; what it may expect is looked at again, because another
   * machine may have come first.
   */
  enrol(
    id: string,
    device: { id: string; name: string; leaf: Uint8Array },
    now: number,
  ): OpenInvitation | { readonly refused: EnrolRefusal } {
    return transaction(this.#db, () => {
      const open = this.invitation(id, device.id, now);
      if ('refused' in open || open.leaf !== undefined) return open;
      this.#addDevice(device.id, open.user, device.name, now);
      this.#db
        .prepare('UPDATE invitation SET device = ?, leaf = ? WHERE id = ?')
        .run(fromHex(device.id), device.leaf, fromHex(id));
      return { user: open.user, leaf: device.leaf };
    });
  }

  /**
   * Notes that a device with a certificate of this office begins or ends a session. One that is not on the list was
   * enrolled before the roster was restored from an older backup: its certificate proves it, so it is listed again.
   */
  seen(peer: PeerIdentity, now: number): void {
    transaction(this.#db, () => {
      if (this.device(peer.device) === undefined) this.#addDevice(peer.device, peer.user, peer.deviceName, now);
      this.#db.prepare('UPDATE device SET seen_at = ? WHERE id = ?').run(now, fromHex(peer.device));
    });
  }

  device(id: string): Device | undefined {
    const row = this.#db.prepare('SELECT * FROM device WHERE id = ?').get(fromHex(id));
    return row && asDevice(row);
  }

  devices(): Device[] {
    return this.#db.prepare('SELECT * FROM device ORDER BY user, name, id').all().map(asDevice);
  }

  /** From now on the device gets no session. */
  revoke(device: string, now: number): void {
    this.#db.prepare('UPDATE device SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?').run(now, fromHex(device));
  }

  /** All that were ever revoked: another process may have added to them. */
  revoked(): ReadonlySet<string> {
    const rows = this.#db.prepare('SELECT id FROM device WHERE revoked_at IS NOT NULL').all();
    return new Set(rows.map(({ id }) => toHex(id as Uint8Array)));
  }

  #addDevice(id: string, user: string, name: string, now: number): void {
    this.#db
      .prepare(
        `INSERT INTO device (id, user, name, enrolled_at) VALUES (?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name`,
      )
      .run(fromHex(id), user, name, now);
  }
}

function asDevice(row: Record<string, unknown>): Device {
  return {
    id: toHex(row.id as Uint8Array),
    user: String(row.user),
    name: String(row.name),
    enrolledAt: Number(row.enrolled_at),
    seenAt: row.seen_at === null ? undefined : Number(row.seen_at),
    revoked: row.revoked_at !== null,
  };
}
