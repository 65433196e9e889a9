/** How fast something goes, from the last seconds of it. Pure: amounts and times (ms) are given. */

const WINDOW_MS = 5_000;

export class Rate {
  #samples: { readonly at: number; readonly done: number }[] = [];

  add(done: number, at: number): void {
    // Another phase counts from zero again.
    if (done < (this.#samples.at(-1)?.done ?? 0)) this.#samples = [];
    this.#samples.push({ at, done });
    while (this.#samples.length > 2 && at - this.#samples[1]!.at >= WINDOW_MS) this.#samples.shift();
  }

  /** Per second; undefined while nothing can be said. */
  get perSecond(): number | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.at - first.at < 500) return undefined;
    return ((last.done - first.done) * 1000) / (last.at - first.at);
  }

  /** Until `total` is reached; undefined while nothing can be said. */
  secondsTo(total: number): number | undefined {
    const speed = this.perSecond;
    const done = this.#samples.at(-1)?.done ?? 0;
    return speed ? Math.max(0, total - done) / speed : undefined;
  }
}
