/** How many rows a step may hold in memory at a time; what it needs of more lies on the disk meanwhile. */

/** Some 50 MB of rows as they are usual, in each of the places where rows are held. */
const ROWS = 20_000;

export class Room {
  readonly rows: number;
  #most = 0;

  constructor(rows = ROWS) {
    this.rows = rows;
  }

  /** So many are held now in one place. */
  note(rows: number): void {
    if (rows > this.#most) this.#most = rows;
  }

  /** The most that were held in one place until now. */
  get most(): number {
    return this.#most;
  }
}
