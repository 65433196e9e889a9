/**
 * What to do about one document on this disk, from three observations: what was last seen here, what the registry
 * shows, and what lies there now. Pure; computed again whenever one of them changes, and after every crash.
 */

/** Where a document is, or should be, with which content. */
export type Place = { readonly path: string; readonly hash: string };

export type Disk = {
  /** At the path where the document was last seen. */
  readonly at: 'as-seen' | 'changed' | 'missing';
  /** At the path where it should be, when that is another one. 'document': one of ours that will move away itself. */
  readonly target: 'free' | 'document' | 'stranger' | 'blocked';
  /** Somebody has it open in an editor. */
  readonly open: boolean;
};

export type Step =
  | { readonly kind: 'nothing' }
  /** Write this content to the path, which is free (`over` false) or holds what was last seen. */
  | { readonly kind: 'write'; readonly path: string; readonly hash: string; readonly over: boolean }
  | { readonly kind: 'move'; readonly from: string; readonly to: string }
  | { readonly kind: 'remove'; readonly path: string }
  /** Something comes first: taking in what is on disk, another document's move, a program that lets go. */
  | { readonly kind: 'wait'; readonly for: Reason; readonly path: string };

export type Reason = 'capture' | 'program' | 'move' | 'person';

const NOTHING: Step = { kind: 'nothing' };

/** One step at a time: after it the observations are others. */
export function nextStep(seen: Place | null, wanted: Place | null, disk: Disk): Step {
  if (seen === null) return wanted === null ? NOTHING : arrive(wanted, disk);
  // Whatever was done here since is taken in first: only then is anything replaced, moved or removed.
  if (disk.at !== 'as-seen') return { kind: 'wait', for: 'capture', path: seen.path };
  if (wanted === null) return disk.open ? held(seen) : { kind: 'remove', path: seen.path };
  if (wanted.path !== seen.path) return move(seen, wanted, disk);
  if (wanted.hash === seen.hash) return NOTHING;
  return disk.open ? held(seen) : { kind: 'write', path: seen.path, hash: wanted.hash, over: true };
}

function arrive(wanted: Place, disk: Disk): Step {
  return obstacle(wanted.path, disk) ?? { kind: 'write', path: wanted.path, hash: wanted.hash, over: false };
}

function move(seen: Place, wanted: Place, disk: Disk): Step {
  if (disk.open) return held(seen);
  return obstacle(wanted.path, disk) ?? { kind: 'move', from: seen.path, to: wanted.path };
}

function obstacle(path: string, { target }: Disk): Step | undefined {
  switch (target) {
    case 'free':
      return undefined;
    case 'document':
      return { kind: 'wait', for: 'move', path };
    case 'stranger':
      return { kind: 'wait', for: 'capture', path };
    case 'blocked':
      return { kind: 'wait', for: 'person', path };
  }
}

function held(seen: Place): Step {
  return { kind: 'wait', for: 'program', path: seen.path };
}
