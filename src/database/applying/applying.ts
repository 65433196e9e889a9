/** What the database lacks is put into it, a step at a time: what step comes next, and what it is to write. */
import type { ReadBody } from '../../core/body.ts';
import { covers } from '../../core/vector.ts';
import type { RowState } from '../../store/row-state.ts';
import { missingRows } from '../capture/taking-in.ts';
import type { OpenFile } from '../file/open-file.ts';
import { type Behind, bodiesOf, foldInto, leftIn } from '../folding/behind.ts';
import { lackingAt, readBody } from '../folding/containing.ts';
import { Folding, isReserved } from '../folding/folding.ts';
import { Shown } from '../folding/shown.ts';
import type { SourceChange } from '../folding/source.ts';
import { referringTo } from '../schema/referred.ts';
import { tablesWithUses } from '../schema/schema-folding.ts';
import type { Standing } from '../standing.ts';
import { foldEdited } from './own-edits.ts';
import type { Upgrade } from './upgrade.ts';
import { type ApplyStep, type Plan, planOf, writePlanned } from './writing.ts';

/** What one transaction takes in at most, so that the application is not kept from its database for long. */
const MAX_ROWS = 10_000;
const MAX_BYTES = 8 * 1024 * 1024;
const MAX_CHANGES = 5_000;

export class Applying {
  readonly #standing: Standing;

  constructor(standing: Standing) {
    this.#standing = standing;
  }

  get #state(): RowState {
    return this.#standing.state;
  }

  #shown(): Shown {
    return new Shown(this.#state, this.#standing.base, this.#standing.tables);
  }

  /** Writes what the database lacks: one transaction of it. */
  step(): ApplyStep {
    const file = this.#standing.ready();
    const { options, id } = this.#standing;
    if (this.#standing.position === null) return { kind: 'capture' };
    if (foldEdited(this.#standing) === 'must apply') return this.#applyEdited(file);
    if (this.#standing.behind !== null) return this.#bringForward(file, this.#standing.behind);
    if (this.#standing.schema.isDue(file)) return this.#bringSchema(file);
    if (this.#standing.missing.untried.length > 0) return this.#tryMissing(file);
    if (file.takenIn.size > 0 && file.unmarked.size === 0) return this.#placeMissing(file);
    const changes = options.source.after(this.#state.vector, { subject: id, limit: MAX_CHANGES });
    if (changes.length === 0) return { kind: 'nothing' };
    const { contained } = this.#standing;
    if (contained !== null && changes.some(({ copy, seq }) => covers(contained, copy, seq))) {
      this.#standing.foldContained(file);
      return { kind: 'capture' };
    }
    const [first] = changes as [SourceChange];
    const body = readBody(options.source, first);
    if (this.#mayAlter(body)) return this.#applyUpgrade(file, first, body);
    return writePlanned(this.#standing, file, () => this.#foldNext(changes));
  }

  /** Does it touch schema or settings, or a table that somebody dropped, which it may keep? */
  #mayAlter({ uses }: ReadBody): boolean {
    const dropped = tablesWithUses(this.#state);
    return uses.some(({ table }) => isReserved(table) || dropped.has(table));
  }

  /** An upgrade arrives whole: the schema and the rows of its change in one transaction. */
  #applyUpgrade(file: OpenFile, change: SourceChange, body: ReadBody): ApplyStep {
    const schema = (): void => {
      const folding = this.#folding();
      folding.fold(change, body, 'schema');
      folding.settle(this.#state.vector);
    };
    const rows = (upgrade: Upgrade | null): Plan => {
      const folding = this.#folding();
      folding.fold(change, body, 'rows');
      for (const table of [...(upgrade?.emptied ?? []), ...this.#referring(file, upgrade)]) folding.reindex(table);
      for (const table of [...(upgrade?.emptied ?? []), ...(upgrade?.gone ?? [])]) folding.altered(table);
      folding.settle();
      return planOf(folding, folding.views.before(), folding.touched);
    };
    return writePlanned(this.#standing, file, rows, schema);
  }

  /** What is folded already, and not in the file's schema. */
  #bringSchema(file: OpenFile): ApplyStep {
    const rows = (upgrade: Upgrade | null): Plan => {
      const folding = this.#folding();
      this.#lookAnew(folding, file, upgrade);
      folding.settle();
      return { ...planOf(folding, folding.views.before(), folding.touched), changes: 0 };
    };
    return writePlanned(this.#standing, file, rows, () => {});
  }

  /** Of tables that were just brought to a schema that is folded already. */
  #lookAnew(folding: Folding, file: OpenFile, upgrade: Upgrade | null): void {
    for (const table of [...(upgrade?.tables ?? []), ...this.#referring(file, upgrade)]) folding.reindex(table);
    for (const table of [...(upgrade?.emptied ?? []), ...(upgrade?.gone ?? [])]) folding.altered(table);
  }

  /** A table that comes back is referred to again. */
  #referring({ schema }: OpenFile, upgrade: Upgrade | null): string[] {
    return referringTo(upgrade?.emptied ?? new Set(), schema);
  }

  #foldNext(changes: readonly SourceChange[]): Plan {
    const folding = this.#folding();
    let bytes = 0;
    for (const change of changes) {
      const body = readBody(this.#standing.options.source, change);
      if (this.#mayAlter(body)) break;
      folding.fold(change, body);
      bytes += change.size;
      if (bytes > MAX_BYTES || folding.rows > MAX_ROWS) break;
    }
    folding.settle();
    return planOf(folding, folding.views.before(), folding.touched);
  }

  /** What own edits did to other rows: numbers that moved, rows for which there is room now. */
  #applyEdited(file: OpenFile): ApplyStep {
    const step = writePlanned(this.#standing, file, () => {
      const folding = this.#folding();
      for (const { change, body } of this.#standing.edited) folding.fold(change, body);
      folding.settle();
      return planOf(folding, folding.views.edited(), folding.consequences);
    });
    if (step.kind === 'applied') this.#standing.edited = [];
    return step;
  }

  /** Writes what is folded but not in the file: all rows of the changes that it lacks, and of what follows from its own. */
  #bringForward(file: OpenFile, behind: Behind): ApplyStep {
    const { options, id } = this.#standing;
    const { contained, edited, state, store } = behind;
    let done = false;
    try {
      const step = writePlanned(
        this.#standing,
        file,
        (upgrade) => {
          const by = this.#standing.foldingBy(file);
          const left = leftIn(behind, by);
          const lacking = lackingAt(options.source, id, this.#state.vector, contained, []);
          const from = foldInto(state, by, bodiesOf(options.source, lacking));
          // What is folded may be mended by other settings than those of this file, and own changes that it lost were
          // folded while it had no such tables, columns and indexes.
          const folded = this.#folding();
          this.#lookAnew(folded, file, upgrade);
          folded.foldedBefore(upgrade?.emptied ?? new Set());
          folded.settle();
          folded.close();
          const plan = planOf(from, from.views.before(left), from.touched);
          return { ...plan, changes: from.changes - edited.length, after: this.#shown() };
        },
        () => {},
      );
      done = step.kind === 'applied';
      return step;
    } finally {
      // The state that we were behind by has been folded forward: it is of no use for a second try.
      store.close();
      this.#standing.behind = null;
      if (!done) this.#standing.lookAgain();
    }
  }

  /** Which of the rows that are missing a constraint keeps out is found by trying. */
  #tryMissing(file: OpenFile): ApplyStep {
    const tables = [...new Set(this.#standing.missing.untried.map(({ table }) => table))];
    const step = writePlanned(this.#standing, file, () => {
      const shown = this.#shown();
      return { changes: 0, before: shown, after: shown, touched: new Map(), tables, moved: [], close: () => {} };
    });
    if (step.kind === 'applied') this.#standing.missing.untried = [];
    return step;
  }

  /** What the file lacks of tables that are followed again. */
  #placeMissing(file: OpenFile): ApplyStep {
    const tables = [...file.takenIn];
    let done = false;
    try {
      const step = writePlanned(this.#standing, file, () => {
        file.takenIn.clear();
        const shown = this.#shown();
        for (const place of missingRows(file, tables, shown)) this.#state.unplace(place, 'not placed yet');
        return { changes: 0, before: shown, after: shown, touched: new Map(), tables, moved: [], close: () => {} };
      });
      done = step.kind === 'applied';
      return step;
    } finally {
      if (!done) for (const id of tables) file.takenIn.add(id);
    }
  }

  #folding(): Folding {
    return new Folding(this.#state, this.#standing.foldingBy(this.#standing));
  }
}
