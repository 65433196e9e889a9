/**
 * The office as its visitors see it: answers their questions and opens files for them. Everything asked is judged by
 * the identity that the TLS session has proved.
 */
import type { Clock, FileBytes, Link, PeerIdentity } from '../platform/ports.ts';
import type { Exchange } from '../protocol/exchange.ts';
import type { Answer, MessageOf, Question } from '../protocol/messages.ts';
import type { Line } from '../protocol/replica.ts';
import { Session } from '../protocol/session.ts';
import type { ParentFiles } from './files.ts';
import { ParentFile } from './parent-file.ts';
import { proveFile, type Restore } from './proof.ts';

export interface OfficeOptions {
  readonly files: ParentFiles;
  /** Where the parent files' folders lie. */
  readonly folder: string;
  /** Fingerprint of the office's certificate authority. */
  readonly office: string;
  readonly clock: Clock;
  readonly disk: FileBytes;
  readonly software: string;
  readonly log: (text: string) => void;
}

/** An open file that nobody uses any more is closed after this. */
const IDLE_MS = 30_000;
/** A machine needs one; those that it left behind when it slept or changed its network end by themselves after a while. */
const MAX_SESSIONS_OF_DEVICE = 16;
/** What a device hears that its office has turned out. */
export const REVOKED = 'this device was revoked';

export class Office {
  readonly #options: OfficeOptions;
  readonly #open = new Map<string, ParentFile>();
  readonly #sessions = new Map<Session, PeerIdentity>();

  constructor(options: OfficeOptions) {
    this.#options = options;
  }

  /** Takes a proved link on. */
  welcome(link: Link): void {
    const { clock, software, log } = this.#options;
    const { peer } = link;
    const session: Session = new Session(
      {
        carrier: link,
        software,
        nowMs: () => clock.now(),
        answer: (question) => this.#answer(question, peer),
        opened: (open, line) => this.#join(open, line, peer),
        onEnd: (reason) => {
          this.#sessions.delete(session);
          log(`${peer.user} (${peer.deviceName}) left: ${reason}`);
        },
      },
      false,
    );
    const [oldest, ...others] = [...this.#sessions].filter(([, { device }]) => device === peer.device);
    if (others.length + 1 >= MAX_SESSIONS_OF_DEVICE) oldest?.[0].end('this device has come again too often');
    this.#sessions.set(session, peer);
    log(`${peer.user} (${peer.deviceName}) is here`);
  }

  /** These devices have a session no longer, if they had one. */
  turnOut(devices: ReadonlySet<string>): void {
    if (devices.size === 0) return;
    for (const [session, { device }] of [...this.#sessions]) if (devices.has(device)) session.end(REVOKED);
  }

  /** How many files are open: an idle one costs nothing. */
  get openFiles(): number {
    return this.#open.size;
  }

  close(): void {
    for (const session of [...this.#sessions.keys()]) session.end('the hub is stopping');
    for (const file of this.#open.values()) file.close();
    this.#open.clear();
  }

  #answer(question: Question, peer: PeerIdentity): Answer {
    const { files, clock } = this.#options;
    switch (question.kind) {
      case 'files':
        return { kind: 'files', ...files.list(peer.user, question.after) };
      case 'create':
        if (files.create(question, peer, clock.now())) this.#closeDisplaced(question.file);
        return { kind: 'done' };
      case 'restore':
        this.#restore(question, peer);
        return { kind: 'done' };
      case 'snapshot':
        files.admit(question.file, peer.user);
        return { kind: 'snapshot', ...files.snapshot(question.file) };
      case 'publish':
        files.publish(question, peer.user);
        return { kind: 'done' };
      case 'change':
        files.admit(question.file, peer.user);
        return { kind: 'change', hash: this.#parentFile(question.file).hashAt(question.copy, question.seq) };
      case 'users':
        files.admit(question.file, peer.user);
        return { kind: 'users', users: this.#users(question.file) };
      case 'history':
        files.admit(question.file, peer.user);
        return { kind: 'history', ...this.#parentFile(question.file).snapshots.history() };
      case 'propose':
        files.admit(question.file, peer.user);
        this.#parentFile(question.file).snapshots.propose(question, peer.device);
        return { kind: 'done' };
      case 'countersign':
        files.admit(question.file, peer.user);
        this.#parentFile(question.file).snapshots.countersign(question, peer.device);
        return { kind: 'done' };
    }
  }

  /** A hub that was brought back from a backup is given files back that it does not know any more. */
  #restore(question: Restore, peer: PeerIdentity): void {
    const { files, clock, office, log } = this.#options;
    const proved = proveFile(question, office);
    if (files.restore(proved, question.copy, peer, clock.now())) this.#closeDisplaced(question.file);
    log(`file ${question.file} (“${proved.name}” of ${proved.owner}) was given back by ${peer.user}`);
  }

  /** Somebody else had this id and could not prove that it was theirs. */
  #closeDisplaced(file: string): void {
    this.#options.log(`file ${file} belongs to somebody else than who had made it here`);
    this.#open.get(file)?.dismiss('this file belongs to somebody else');
    this.#open.delete(file);
  }

  #users(file: string): Extract<Answer, { kind: 'users' }>['users'] {
    const open = this.#open.get(file);
    return this.#options.files.copies(file).map(({ id, user, deviceName, lastSeenMs }) => {
      const online = open?.isOnline(id) ?? false;
      // Whoever is here is seen now.
      return {
        user,
        device: deviceName,
        copy: id,
        online,
        lastSeenMs: online ? this.#options.clock.now() : lastSeenMs,
      };
    });
  }

  #join({ file, copy, channel }: MessageOf<'open'>, line: Line, peer: PeerIdentity): Exchange {
    const { files, clock } = this.#options;
    files.admit(file, peer.user);
    files.seen(file, copy, peer, clock.now());
    return this.#parentFile(file).join(copy, channel, line, () => {
      this.#left(file, copy, peer);
      this.#closeWhenIdle(file);
    });
  }

  /** Called while a connection ends: a disk that cannot note it down must not keep others from ending. */
  #left(file: string, copy: string, peer: PeerIdentity): void {
    const { files, clock, log } = this.#options;
    try {
      files.seen(file, copy, peer, clock.now());
    } catch (error) {
      log(`when copy ${copy} was last seen is not noted: ${(error as Error).message}`);
    }
  }

  #parentFile(file: string): ParentFile {
    const { folder, office, clock, disk, log, files } = this.#options;
    const known = this.#open.get(file);
    if (known) return known;
    const opened = new ParentFile({
      folder: `${folder}/${files.folderOf(file)}`,
      file,
      office,
      clock,
      files: disk,
      log,
    });
    this.#open.set(file, opened);
    this.#closeWhenIdle(file);
    return opened;
  }

  #closeWhenIdle(file: string): void {
    this.#options.clock.after(IDLE_MS, () => {
      const open = this.#open.get(file);
      if (!open?.idle) return;
      this.#open.delete(file);
      try {
        open.close();
      } catch (error) {
        this.#options.log(`file ${file} did not close well: ${(error as Error).message}`);
      }
    });
  }
}
