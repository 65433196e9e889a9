/** Tables in which a deletion wins: an edit made without knowledge of it keeps no row. It is in the history. */
import { isWrittenAlive, UNMENDED } from '../../core/rows.ts';
import type { MendedRows } from './mended-rows.ts';

export class Ruling {
  readonly #rows: MendedRows;

  constructor(rows: MendedRows) {
    this.#rows = rows;
  }

  settle(): void {
    for (const [id, touched] of this.#rows.touched) {
      const table = this.#rows.tables.get(id);
      if (table === undefined) continue;
      for (const { row, now } of table.deletionWins ? touched.values() : touched.mended()) {
        const overruled = table.deletionWins === true && now.deletions.length > 0 && isWrittenAlive(now);
        if (overruled === (now.mend?.overruled ?? false)) continue;
        this.#rows.mend(id, row, { ...(now.mend ?? UNMENDED), overruled });
      }
    }
  }
}
