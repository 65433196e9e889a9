/**
 * Chunks that were made here and that the parent is not known to have. They are offered whenever there is a session,
 * and crossed off at the parent's word; so an upload goes on where it was cut.
 */
import type { DatabaseSync } from 'node:sqlite';
import { fromHex } from '../core/bytes.ts';
import type { DocumentContent } from '../core/content.ts';
import { type Problem, ProblemError } from '../core/problem.ts';
import type { Exchange } from '../protocol/exchange.ts';
import { transaction } from '../store/sqlite.ts';
import type { StoredChunk } from '../store/stored-chunk.ts';

/** Offered together. */
const BATCH = 1024;

export interface UnsentEvents {
  sent(bytes: number): void;
  /** These cannot be read, and are not offered before `settled` says so. */
  lost(ids: readonly string[]): void;
  /** The disk did not give them now: `send` tries it again. */
  failed(problem: Problem): void;
}

export class Unsent {
  readonly #db: DatabaseSync;
  readonly #readChunk: (id: string) => StoredChunk | undefined;
  readonly #tell: UnsentEvents;
  readonly #inFlight = new Set<string>();
  /** The disk does not have them as they were: looked for elsewhere. */
  readonly #lost = new Set<string>();
  #exchange: Exchange | null = null;

  constructor(db: DatabaseSync, readChunk: (id: string) => StoredChunk | undefined, tell: UnsentEvents) {
    this.#db = db;
    this.#readChunk = readChunk;
    this.#tell = tell;
  }

  /** Notes chunks as made here. Inside the caller's transaction, if there is one. */
  add(chunks: readonly { readonly id: string; readonly size: number }[]): void {
    const insert = this.#db.prepare('INSERT OR IGNORE INTO unsent (id, size) VALUES (?, ?)');
    const act = (): void => {
      for (const { id, size } of chunks) insert.run(fromHex(id), size);
    };
    if (this.#db.isTransaction) act();
    else transaction(this.#db, act);
  }

  /** Of these contents, what is kept here is offered again. */
  offerAgain(contents: Iterable<DocumentContent>): void {
    const ids = new Set<string>();
    for (const { chunks } of contents) for (const { id } of chunks) ids.add(id);
    this.offerChunks(ids);
  }

  /** Of these chunks, what is kept here is offered again. */
  offerChunks(ids: Iterable<string>): void {
    const kept = this.#db.prepare('INSERT OR IGNORE INTO unsent (id, size) SELECT id, length FROM chunk WHERE id = ?');
    transaction(this.#db, () => {
      for (const id of ids) kept.run(fromHex(id));
    });
    this.send();
  }

  totals(): { chunks: number; bytes: number } {
    const row = this.#db.prepare('SELECT count(*) AS chunks, coalesce(sum(size), 0) AS bytes FROM unsent').get();
    return { chunks: Number(row?.chunks), bytes: Number(row?.bytes) };
  }

  /** From now on chunks go over this exchange; null: nowhere. */
  use(exchange: Exchange | null): void {
    this.#exchange = exchange;
    this.#inFlight.clear();
    this.send();
  }

  /** Hands over what is not on its way yet. What fits is on the line before this returns. */
  send(): void {
    const exchange = this.#exchange;
    if (!exchange?.ready) return;
    while (this.#inFlight.size < BATCH) {
      const batch = this.#next(BATCH - this.#inFlight.size);
      if (batch.length === 0) return;
      for (const { id } of batch) this.#inFlight.add(id);
      const lost: string[] = [];
      const read = (id: string): StoredChunk | undefined => {
        const chunk = this.#readChunk(id);
        if (chunk === undefined) lost.push(id);
        return chunk;
      };
      const uploads = batch.map(({ id, size }) => ({ id, bytes: size, read: () => read(id) }));
      exchange.upload(uploads).then(
        () => this.#sent(exchange, batch, lost),
        (error: unknown) => this.#notSent(exchange, batch, error),
      );
    }
  }

  /** What was lost is here again, or nowhere, and then need not be sent. */
  settled({ found, gone }: { readonly found: readonly string[]; readonly gone: readonly string[] }): void {
    for (const id of [...found, ...gone]) this.#lost.delete(id);
    this.#remove(gone);
    this.send();
  }

  #next(limit: number): { id: string; size: number }[] {
    const rows = this.#db
      .prepare('SELECT lower(hex(id)) AS id, size FROM unsent LIMIT ?')
      .all(limit + this.#inFlight.size + this.#lost.size);
    return rows
      .map((row) => ({ id: String(row.id), size: Number(row.size) }))
      .filter(({ id }) => !this.#inFlight.has(id) && !this.#lost.has(id))
      .slice(0, limit);
  }

  #sent(exchange: Exchange, batch: readonly { id: string; size: number }[], lost: readonly string[]): void {
    if (exchange !== this.#exchange) return;
    for (const { id } of batch) this.#inFlight.delete(id);
    for (const id of lost) this.#lost.add(id);
    const sent = batch.filter(({ id }) => !this.#lost.has(id));
    this.#remove(sent.map(({ id }) => id));
    this.#tell.sent(sent.reduce((sum, { size }) => sum + size, 0));
    if (lost.length > 0) this.#tell.lost(lost);
    this.send();
  }

  #notSent(exchange: Exchange, batch: readonly { id: string }[], error: unknown): void {
    // When the line has ended, the next session starts from the table again.
    if (exchange !== this.#exchange) return;
    for (const { id } of batch) this.#inFlight.delete(id);
    if (error instanceof ProblemError) this.#tell.failed(error.problem);
  }

  #remove(ids: readonly string[]): void {
    transaction(this.#db, () => {
      const remove = this.#db.prepare('DELETE FROM unsent WHERE id = ?');
      for (const id of ids) remove.run(fromHex(id));
    });
  }
}
