/** Who wrote what to the schema since the base: only what people wrote can have been broken by merging. */
import { keyOfRow } from '../../core/tables.ts';
import type { SchemaRows } from './merged.ts';
import { SCHEMA } from './reserved.ts';
import { isDropped } from './uses.ts';

interface Row {
  readonly key: readonly string[];
  readonly dropped: boolean;
  /** Whose writes stand there. */
  readonly copies: readonly string[];
}

export class Written {
  readonly #rows: ReadonlyMap<string, Row>;

  constructor(view: SchemaRows) {
    const rows = view.rows(SCHEMA).map((id): Row => {
      const row = view.row(SCHEMA, id);
      const copies = [...(row?.cells.values() ?? [])].flatMap(([write]) => (write === undefined ? [] : [write.copy]));
      return { key: keyOfRow(id).map(String), dropped: isDropped(row), copies: [...new Set(copies)].sort() };
    });
    this.#rows = new Map(rows.map((row) => [row.key.join(' '), row]));
  }

  /** Different for all that differ. */
  get text(): string {
    return JSON.stringify([...this.#rows.values()]);
  }

  /** `object`: by `objectName`. */
  has(object: string): boolean {
    return this.#rows.has(object);
  }

  /** Did several people make these two tables what they are, so that none of them may have had both in front of him? */
  isByMany(table: string, other: string): boolean {
    const copies = new Set<string>();
    for (const row of this.#rows.values()) {
      const [kind, of] = row.key;
      const isOfThem = (kind === 'table' || kind === 'column') && (of === table || of === other);
      if (kind === 'table' && of === table && row.dropped) return true;
      if (isOfThem || kind === 'index') for (const copy of row.copies) copies.add(copy);
    }
    return copies.size > 1;
  }
}
