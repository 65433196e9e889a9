/** Somebody who speaks the protocol with a real hub from the test's own process, and need not keep to it. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { enrol } from '../../src/agent/enrolment.ts';
import { type MachineIdentity, openIdentity } from '../../src/agent/identity.ts';
import { inviteUser } from '../../src/hub/main.ts';
import { dial } from '../../src/platform/dial.ts';
import type { Link } from '../../src/platform/ports.ts';
import { Exchange } from '../../src/protocol/exchange.ts';
import { decodeMessage, encodeMessage, type Message } from '../../src/protocol/messages.ts';
import type { Refusal } from '../../src/protocol/replica.ts';
import { type Carrier, Session } from '../../src/protocol/session.ts';
import type { Author } from '../../src/store/file-store.ts';
import { type Made, makeStore } from '../store/stores.ts';
import { type Office, until } from './office.ts';

export class Visitor {
  readonly user: string;
  readonly identity: MachineIdentity;
  readonly copy = randomBytes(16).toString('hex');

  private constructor(user: string, identity: MachineIdentity) {
    this.user = user;
    this.identity = identity;
  }

  static async enrolled(office: Office, user: string): Promise<Visitor> {
    const identity = await openIdentity(mkdtempSync(join(office.folder, `${user}-`)));
    const { invitation } = await inviteUser({ dir: office.hub.dir, user });
    await enrol({ identity, invitation, deviceName: `${user}-pc` });
    return new Visitor(user, identity);
  }

  get membership() {
    return this.identity.memberships[0]!;
  }

  dial(): Promise<Link> {
    const { office, chain, urls } = this.membership;
    return dial({ url: urls[0]!, office: chain[1]!, credential: this.identity.credential(office) });
  }

  /** A greeted session. `alter`: what becomes of each message on its way out; null: it is not sent. */
  async session(alter: (message: Message) => Message | null = (message) => message): Promise<Visit> {
    const visit = new Visit(this, await this.dial(), alter);
    await until('the greeting', () => visit.ready || visit.ended !== undefined);
    return visit;
  }

  author(copy = this.copy): Author {
    return { copy, key: this.identity.key, chain: this.membership.chain, reserve: () => {} };
  }
}

/** One session with the hub. */
export class Visit {
  readonly session: Session;
  readonly visitor: Visitor;
  ready = false;
  /** Why the connection is over. */
  ended: string | undefined;

  constructor(visitor: Visitor, link: Link, alter: (message: Message) => Message | null) {
    this.visitor = visitor;
    this.session = new Session(
      {
        carrier: altering(link, alter),
        software: 'visitor',
        nowMs: () => Date.now(),
        onReady: () => {
          this.ready = true;
        },
        onEnd: (reason) => {
          this.ended = reason;
        },
      },
      true,
    );
  }

  /** Opens a file with a store of its own. */
  open(
    file: string,
    made = makeStore({ file, office: this.visitor.membership.office }),
    copy = this.visitor.copy,
  ): OpenFile {
    const opened: OpenFile = { made, ended: undefined, exchange: undefined as never };
    opened.exchange = this.session.open(
      file,
      copy,
      (channel, line) =>
        new Exchange({
          channel,
          line,
          replica: made.store,
          acceptsUploads: false,
          onStored: () => {},
          onEnd: (why) => {
            opened.ended = why;
          },
        }),
    );
    opened.exchange.begin();
    return opened;
  }

  append(file: OpenFile, copy: string, ...bodies: Uint8Array[]): void {
    file.made.store.append(this.visitor.author(copy), bodies);
    file.exchange.advance();
  }
}

export interface OpenFile {
  readonly made: Made;
  exchange: Exchange;
  ended: Refusal | undefined;
}

function altering(link: Link, alter: (message: Message) => Message | null): Carrier {
  const carrier: Carrier = {
    get backlog() {
      return link.backlog;
    },
    send(bytes) {
      const altered = alter(decodeMessage(bytes));
      if (altered) link.send(encodeMessage(altered));
    },
    drained: (bytes) => link.drained(bytes),
    close: (reason) => link.close(reason),
    onMessage: () => {},
    onClose: () => {},
  };
  link.onMessage = (bytes) => carrier.onMessage(bytes);
  link.onClose = (reason) => carrier.onClose(reason);
  return carrier;
}
