/**
 * Copies and a hub under a random sequence of appends, connections, cuts, lost and reordered deliveries,
 * and a hub that comes back from an older backup. Whatever
 * happened: when all is quiet, all are equal, in the same causal order, and another round moves no change.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { at, includes, same } from '../../src/core/vector.ts';
import { decodeMessage } from '../../src/protocol/messages.ts';
import { incoming } from '../store/stores.ts';
import { quiet, turn } from './carrier.ts';
import { type Connection, connect, Machine } from './replicas.ts';

const LETTERS = ['a', 'b', 'c'] as const;
const PAIRS = [
  ['a', ''],
  ['b', ''],
  ['c', ''],
  ['a', 'b'],
] as const;

type Step =
  | { readonly kind: 'append'; readonly who: number; readonly large: boolean; readonly count: number }
  | { readonly kind: 'connect' | 'cut' | 'half-cut'; readonly pair: number }
  | {
      readonly kind: 'deliver';
      readonly pair: number;
      readonly from: 0 | 1;
      readonly count: number;
      readonly which: number;
    }
  | { readonly kind: 'restore'; readonly share: number }
  | { readonly kind: 'turn' };

const pair = fc.nat(PAIRS.length - 1);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('append' as const),
        who: fc.nat(LETTERS.length - 1),
        large: fc.integer({ min: 0, max: 6 }).map((n) => n === 0),
        count: fc.integer({ min: 1, max: 3 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constantFrom('connect' as const, 'cut' as const, 'half-cut' as const), pair }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant('deliver' as const),
        pair,
        from: fc.constantFrom(0 as const, 1 as const),
        which: fc.nat(2),
        count: fc.integer({ min: 1, max: 4 }),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: 'turn' as const }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('restore' as const),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
    },
  ),
  { maxLength: 40 },
);

class World {
  readonly machines = new Map<string, Machine>([
    ...LETTERS.map((letter) => [letter, new Machine(letter)] as const),
    ['', new Machine()],
  ]);
  readonly lines = new Map<number, Connection[]>();
  readonly reasons: string[][] = [];
  #written = 0;

  async run(step: Step): Promise<void> {
    switch (step.kind) {
      case 'append': {
        const machine = this.machines.get(LETTERS[step.who] as string) as Machine;
        const bodies = Array.from({ length: step.count }, () => this.#body(step.large));
        await machine.append(...bodies);
        return;
      }
      case 'connect': {
        const [from, to] = PAIRS[step.pair]!;
        const connection = await connect(this.machines.get(from)!, this.machines.get(to)!);
        this.lines.set(step.pair, [...this.#of(step.pair), connection]);
        this.reasons.push(connection.reasons);
        return;
      }
      case 'cut':
        this.#of(step.pair).at(-1)?.wire.cut();
        return;
      case 'half-cut':
        // One end has not noticed yet, and still has what it was given.
        this.#of(step.pair).at(-1)?.wire.cut([0]);
        return;
      case 'deliver':
        // The same two may have several lines: an old one that is not known to be dead, and new ones.
        for (let n = 0; n < step.count; n++)
          this.#of(step.pair)
            .at(-1 - step.which)
            ?.wire.deliver(step.from);
        return;
      case 'restore':
        this.#restoreHub(step.share);
        return;
      case 'turn':
        return turn();
    }
  }

  /** New lines to the hub, and no more faults. */
  async settle(): Promise<Connection[]> {
    for (const line of [...this.lines.values()].flat()) line.wire.cut();
    this.lines.clear();
    const hub = this.machines.get('')!;
    const lines: Connection[] = [];
    for (const letter of LETTERS) lines.push(await connect(this.machines.get(letter)!, hub));
    await quiet(...lines.map(({ wire }) => wire));
    return lines;
  }

  /** The hub comes back from an older backup; who was connected is not any more. */
  #restoreHub(share: number): void {
    for (const index of [0, 1, 2]) for (const { wire } of this.#of(index)) wire.cut();
    const before = this.machines.get('')!.store;
    const restored = new Machine();
    const all = before.after(new Map(), {});
    for (const change of all.slice(0, Math.floor(all.length * share))) {
      if (change.content.kind === 'parts') {
        restored.store.chunks.append(before.readChunks(change.content.parts.map(({ id }) => id)));
      }
      assert.equal(restored.store.receive([incoming(change)]), null);
    }
    restored.store.chunks.flush();
    this.machines.set('', restored);
  }

  #of(index: number): Connection[] {
    return this.lines.get(index) ?? [];
  }

  #body(large: boolean): string {
    const text = `change ${this.#written++} `;
    return large ? text.repeat(8000) : text;
  }
}

function assertEqual({ machines }: World): void {
  const hub = machines.get('')!;
  for (const machine of machines.values()) {
    assert(same(machine.store.vector(), hub.store.vector()));
    assert.deepEqual([...machine.store.damaged()], []);
    const had = new Map<string, number>();
    for (const { copy, seq, deps } of machine.store.after(new Map(), {})) {
      assert(includes(had, deps), 'a change before what it depends on');
      assert.equal(at(had, copy), seq - 1);
      had.set(copy, seq);
    }
  }
}

const moved = (connection: Connection): number =>
  connection.wire.ends.reduce(
    (sum, { sent }) =>
      sum + sent.filter((message) => ['changes', 'chunks'].includes(decodeMessage(message).kind)).length,
    0,
  );

test('EXC25 whatever was cut, lost and connected when: after quiet all are equal, and another round moves nothing', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const world = new World();
      for (const step of all) await world.run(step);
      const before = new Map([...world.machines].map(([letter, { store }]) => [letter, store.vector()]));
      const lines = await world.settle();
      for (const [letter, vector] of before) {
        assert(includes(world.machines.get(letter)!.store.vector(), vector), 'nothing is lost');
      }
      assertEqual(world);
      for (const reason of world.reasons.flat()) assert.equal(reason, 'cut by the test');
      for (const { code, text } of [...world.machines.values()].flatMap(({ ends }) => ends))
        assert.equal(code, 'cut', text);
      for (const { exchange, reasons } of lines) {
        assert(exchange.settled);
        assert.deepEqual(reasons, []);
      }
      for (const line of await world.settle()) assert.equal(moved(line), 0);
    }),
    { numRuns: 10 * Number(process.env.RUNS ?? 12) },
  );
});
