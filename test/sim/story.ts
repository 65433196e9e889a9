/** What happens in a world: a list of actions that a seed decides, from which any can be left out. */
import { Chance } from './chance.ts';

/** Faults by name; those that are off are not survived yet, and `soak` says so. */
export const FAULTS = {
  offline: true,
  cut: true,
  pull: true,
  kill: true,
  stop: true,
  crash: true,
  hubStop: true,
  hubCrash: true,
  hubRestore: true,
  clock: true,
  hold: true,
  diskFull: true,
  diskFault: true,
  watcher: true,
  setup: true,
  /** A copy's folder is put back from an older backup: it must go on under another id. */
  folderRestore: true,
  moveDatabase: true,
  /** The owner gives up a copy, whose person comes back all the same. */
  retire: true,
} as const satisfies Record<string, boolean>;
export type Fault = keyof typeof FAULTS;

const WEIGHTS = {
  edit: 40,
  save: 28,
  look: 6,
  lose: 5,
  offline: 8,
  cut: 3,
  pull: 3,
  kill: 3,
  stop: 2,
  crash: 3,
  hubStop: 1,
  hubCrash: 2,
  hubBackup: 2,
  hubRestore: 1.5,
  folderBackup: 5,
  folderRestore: 3,
  moveDatabase: 7,
  clock: 2,
  hold: 2,
  diskFull: 1,
  diskFault: 2,
  day: 6,
  retire: 1,
  /** The hub and one machine, by turns of one backup: only in `restoredStory`. */
  wholeBackup: 0,
  wholeRestore: 0,
  /** Of the schema of a database: only in `upgradedStory`. */
  upgrade: 0,
};
export type Kind = keyof typeof WEIGHTS;

export type Action = {
  /** Milliseconds since the file was there for everyone. */
  readonly at: number;
  readonly kind: Kind;
  /** Which machine, for what happens to one. */
  readonly who: number;
  /** What else chance decides about it, also when others are left out. */
  readonly dice: number;
  readonly n: number;
};

export type Story = {
  readonly seed: string;
  readonly copies: number;
  /** How long people work, ms. */
  readonly length: number;
  /** Databases in the file. */
  readonly databases: number;
  /** How often people meet on the same few rows, 0 to 1. */
  readonly heat?: number;
  /** Faults also while the file is published and copied. */
  readonly roughSetup: boolean;
  readonly watcherLies: boolean;
  /** Rest is found by `sync`, or by letting time pass. */
  readonly bySync: boolean;
  readonly tickNs: string;
  /** Disks take 'a' and 'A' for one name. */
  readonly ignoreCase: boolean;
  readonly actions: readonly Action[];
};

export function storyOf(seed: string, faults: Readonly<Record<Fault, boolean>> = FAULTS): Story {
  const chance = new Chance(seed, 'story');
  const copies = chance.weighed({ 2: 5, 3: 5, 4: 2, 5: 1, 6: 1 });
  const length = chance.whole(5_000, 60_000);
  const count = chance.whole(8, 60);
  // Most worlds know only some of the faults, so that each is met alone as well.
  const names = Object.keys(WEIGHTS) as Kind[];
  const share = chance.fraction();
  const known = Object.fromEntries(
    names.map((name) => {
      const isFault = name in FAULTS;
      const on = !isFault || (faults[name as Fault] && chance.happens(share));
      return [name, on ? WEIGHTS[name] : 0];
    }),
  ) as Record<Kind, number>;
  const actions = Array.from({ length: count }, () => ({
    at: chance.whole(0, length),
    kind: chance.weighed(known),
    who: chance.whole(0, Number(copies) - 1),
    dice: chance.whole(0, 1e9),
  }));
  return {
    seed,
    copies: Number(copies),
    length,
    databases: Number(chance.weighed({ 0: 1, 1: 3, 2: 4 })),
    heat: chance.one([0.2, 0.5, 0.95]),
    roughSetup: faults.setup && chance.happens(0.15),
    watcherLies: faults.watcher && chance.happens(0.4),
    bySync: chance.happens(0.5),
    ignoreCase: chance.happens(0.5),
    tickNs: chance.one(['1', '4000000', '2000000000']),
    actions: actions.sort((a, b) => a.at - b.at).map((action, n) => ({ ...action, n })),
  };
}

/**
 * The seed's story, in which hub and one whole machine are backed up together and put back together. People work on in
 * between and afterwards, and some of them are away while it happens.
 */
export function restoredStory(seed: string): Story {
  const story = storyOf(seed);
  const chance = new Chance(seed, 'restored');
  const { copies, length } = story;
  const who = chance.whole(0, copies - 1);
  const anybody = (): number => chance.whole(0, copies - 1);
  const dice = (): number => chance.whole(0, 1e9);
  const [backup, restore] = [chance.whole(0, length * 0.4), chance.whole(length * 0.6, length * 0.8)];
  const work = (from: number, to: number, by: () => number): Omit<Action, 'n'> => {
    return { at: chance.whole(from, to), kind: chance.one(['edit', 'save'] as const), who: by(), dice: dice() };
  };
  const others = Array.from({ length: copies }, (_, n) => n).filter((n) => n !== who);
  const away = others.filter(() => chance.happens(0.6));
  const actions: Omit<Action, 'n'>[] = [
    ...story.actions,
    { at: backup, kind: 'wholeBackup', who, dice: dice() },
    ...Array.from({ length: 5 }, () => work(backup, restore, () => who)),
    ...Array.from({ length: 8 }, () => work(backup, restore, anybody)),
    ...away.map((one) => ({ at: restore - 100, kind: 'offline' as const, who: one, dice: dice() })),
    { at: restore, kind: 'wholeRestore', who, dice: dice() },
    ...Array.from({ length: 5 }, () => work(restore, length, () => who)),
    ...Array.from({ length: 5 }, () => work(restore, length, anybody)),
  ];
  return { ...story, actions: actions.sort((a, b) => a.at - b.at).map((action, n) => ({ ...action, n })) };
}

/** The seed's story, in which people's programs alter the schemas of their databases, too. */
export function upgradedStory(seed: string): Story {
  const story = storyOf(seed);
  const chance = new Chance(seed, 'upgraded');
  const { copies, length } = story;
  const databases = Math.max(1, story.databases);
  const some = (kind: 'upgrade' | 'edit', count: number): Omit<Action, 'n'>[] =>
    Array.from({ length: count }, () => ({
      at: chance.whole(0, length),
      kind,
      who: chance.whole(0, copies - 1),
      dice: chance.whole(0, 1e9),
    }));
  const actions: Omit<Action, 'n'>[] = [
    ...story.actions,
    ...some('upgrade', chance.whole(2, 12)),
    ...some('edit', chance.whole(0, 10)),
  ];
  return { ...story, databases, actions: actions.sort((a, b) => a.at - b.at).map((action, n) => ({ ...action, n })) };
}
