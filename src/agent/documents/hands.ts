/**
 * The paths that we are working on: being read, or being replaced. Nobody else of us touches them meanwhile, and what
 * the watcher says of them is looked at afterwards.
 */
export class Hands {
  readonly #paths = new Set<string>();

  has(path: string): boolean {
    return this.#paths.has(path);
  }

  /** Takes those that are free. */
  take(paths: Iterable<string>): string[] {
    const taken: string[] = [];
    for (const path of paths) {
      if (this.#paths.has(path)) continue;
      this.#paths.add(path);
      taken.push(path);
    }
    return taken;
  }

  release(paths: Iterable<string>): void {
    for (const path of paths) this.#paths.delete(path);
  }
}
