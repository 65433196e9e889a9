/**
 * The schema and the settings that a database file should have by what is folded, and whether it has them. Who edits
 * tables does so rarely, who edits rows all the time: what was found out is kept until something may have altered it.
 */
import type { Vector } from '../core/vector.ts';
import type { RowState } from '../store/row-state.ts';
import { Upgrade } from './applying/upgrade.ts';
import type { OpenFile } from './file/open-file.ts';
import type { BaseFile } from './folding/base-file.ts';
import { differs } from './schema/altering.ts';
import { type Bearable, bearable } from './schema/bearable.ts';
import { mergedSchema } from './schema/merged.ts';
import { hangsOnRows } from './schema/referred.ts';
import { schemaToJson } from './schema/schema.ts';
import { Written } from './schema/written.ts';
import { choicesOf, choicesToJson } from './settings/choices.ts';

export class DueSchema {
  readonly #state: RowState;
  readonly #base: BaseFile;
  /** The schema of the file may not be the one that is shown. */
  #mayDiffer = true;
  /** The file has been given it, and that is not committed. */
  #isBringing = false;
  /** What was folded when it was last asked for. */
  #askedAt: Vector | null = null;
  #bearable: { readonly of: string; readonly found: Bearable } | null = null;

  constructor(state: RowState, base: BaseFile) {
    this.#state = state;
    this.#base = base;
  }

  /** The schema by what is folded, as SQLite can bear it. */
  shown(): Bearable {
    const merged = mergedSchema(this.#state, this.#base.schema);
    if (merged === this.#base.schema) return { schema: merged, withheld: new Map() };
    const written = new Written(this.#state);
    const of = schemaToJson(merged) + written.text;
    if (this.#bearable?.of === of) return this.#bearable.found;
    const found = bearable(merged, written);
    this.#bearable = { of, found };
    return found;
  }

  /** The file is another one, or somebody altered its schema, or a change that alters it was folded. */
  lookAgain(): void {
    this.#mayDiffer = true;
  }

  isDue(file: OpenFile): boolean {
    const { vector } = this.#state;
    // Nobody altered a table, but what keeps one that was dropped may have come or gone.
    if (this.#askedAt !== vector && this.#hangsOnRows()) this.#mayDiffer = true;
    this.#askedAt = vector;
    this.#mayDiffer &&= differs(file.schema, this.shown().schema) || this.#isChosenOtherwise(file);
    return this.#mayDiffer;
  }

  #hangsOnRows(): boolean {
    return hangsOnRows(this.#state, () => mergedSchema(this.#state, this.#base.schema));
  }

  #isChosenOtherwise({ choices }: OpenFile): boolean {
    return choicesToJson(choices) !== choicesToJson(choicesOf(this.#state));
  }

  /** Under the write lock: the settings by what is folded. */
  bringChoices(file: OpenFile): void {
    if (this.#isChosenOtherwise(file)) file.choose(choicesOf(this.#state));
  }

  /** Under the write lock. null: the file has the schema that is shown. */
  bring(file: OpenFile): Upgrade | null {
    this.#mayDiffer = false;
    this.#isBringing = true;
    const { schema } = this.shown();
    if (differs(file.schema, schema)) return new Upgrade(file.alter(schema));
    file.hasShownSchema();
    return null;
  }

  committed(): void {
    this.#isBringing = false;
  }

  /** What was brought is undone in the file. */
  undone(): void {
    if (this.#isBringing) this.#mayDiffer = true;
    this.#isBringing = false;
  }
}
