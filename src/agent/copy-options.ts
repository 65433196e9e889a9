/** What one sync copy takes from outside, and what it tells. The seeded world gives the same on virtual time and disk. */
import type { KeyObject } from 'node:crypto';
import type { CopyId } from '../core/vector.ts';
import type { Clock } from '../platform/ports.ts';
import type { TaskRunner } from '../platform/tasks.ts';
import type { ChunkTasks } from '../store/chunk-tasks.ts';
import type { HubTips } from './branching.ts';
import type { MakeDatabases } from './copy-databases.ts';
import type { DocumentsDeps } from './documents/ports.ts';
import type { HubConnection } from './hub-connection.ts';
import type { SyncFolder } from './sync-folder.ts';

/** Something that a person may like to see pass by. */
export type CopyEvent = {
  readonly what: 'sent' | 'received' | 'captured' | 'placed' | 'conflict' | 'problem' | 'online' | 'offline';
  readonly text: string;
  readonly path?: string;
  readonly bytes?: number;
};

export interface CopyOptions {
  readonly folder: SyncFolder;
  readonly clock: Clock;
  readonly hub: HubConnection;
  readonly key: KeyObject;
  readonly chain: readonly Uint8Array[];
  /** Writes down durably in TIEOUT_HOME that the number is being used. */
  readonly reserve: (copy: CopyId, seq: number) => void;
  /** The log has this own change durably. */
  readonly note: (copy: CopyId, seq: number, hash: string) => void;
  readonly makeDatabases: MakeDatabases;
  /** What documents need from the outside. */
  readonly outside: Pick<DocumentsDeps, 'files' | 'watcher' | 'random' | 'host'>;
  /** The work on bytes: worker threads, or this one. */
  readonly tasks: TaskRunner<ChunkTasks>;
  /** Changes that everybody has are packed from this many on. */
  readonly packFrom: number | undefined;
  readonly tell: (event: CopyEvent) => void;
  /**
   * It must go on under another id: the parent knows another history of this copy, or it was away for so long that what
   * it lacks is packed, or that the owner has given it up, or the parent (which has `theirs`) knows another history of
   * somebody else.
   */
  readonly forked: (why: 'forked' | 'away' | 'branched', theirs?: HubTips) => void;
}
