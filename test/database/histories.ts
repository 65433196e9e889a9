/** Random histories of several copies: what people run, when it is captured, travels and is applied, and what goes wrong. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, renameSync } from 'node:fs';
import fc from 'fast-check';
import type { Copy, Office } from './copies.ts';

/** `crash`, `stumble`: the next commit of rows.db fails, and the process dies or goes on. `forget`: rows.db is lost. `backup`, `restore`: the application keeps a copy of its file, and takes it back. */
const ACCIDENTS = [
  'tidy',
  'restart',
  'forget',
  'disconnect',
  'backup',
  'restore',
  'crash',
  'stumble',
  'vacuum',
] as const;

export type Step =
  | { kind: 'run'; copy: number; sql: string[] }
  | { kind: 'capture' | 'apply' | (typeof ACCIDENTS)[number]; copy: number }
  | { kind: 'pull'; copy: number; from: number; count: number };

export function steps(statement: fc.Arbitrary<string>, copies: number, most: number): fc.Arbitrary<Step[]> {
  const copy = fc.integer({ min: 0, max: copies - 1 });
  const sql = fc.array(statement, { minLength: 1, maxLength: 3 });
  const count = fc.integer({ min: 1, max: 4 });
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('run' as const), copy, sql }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('capture' as const, 'apply' as const), copy }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom(...ACCIDENTS), copy }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('pull' as const), copy, from: copy, count }) },
  );
  return fc.array(step, { minLength: 5, maxLength: most, size: 'max' });
}

/** `run`: how the application commits these statements. */
export function take(office: Office, step: Step, run: (copy: Copy, sql: readonly string[]) => void): void {
  if (step.kind === 'run') run(office.copies[step.copy] as Copy, step.sql);
  else happen(office, step);
}

/** A step that is not the application's. */
export function happen(office: Office, step: Exclude<Step, { kind: 'run' }>): void {
  const at = office.copies[step.copy] as Copy;
  switch (step.kind) {
    case 'capture':
      return void at.capture();
    case 'apply':
      return void at.engine.apply();
    case 'tidy':
      return void at.engine.tidy();
    case 'restart':
    case 'forget':
      return at.restart(step.kind === 'forget');
    case 'disconnect':
      return at.engine.disconnect();
    case 'vacuum':
      return at.run('VACUUM');
    case 'crash':
    case 'stumble':
      at.failNextCommit();
      try {
        at.work();
      } catch (error) {
        assert.match(String(error), /injected/);
      }
      return step.kind === 'crash' ? at.restart() : at.stopFailing();
    case 'backup':
      return copyFileSync(at.path, `${at.path}.kept`);
    case 'restore':
      if (!existsSync(`${at.path}.kept`)) return;
      copyFileSync(`${at.path}.kept`, `${at.path}.new`);
      return renameSync(`${at.path}.new`, at.path);
    case 'pull':
      return at.log.pull((office.copies[step.from] as Copy).log, step.count);
    default:
      step satisfies never;
  }
}

/** All copies are equal, another round does nothing, and folding the log from zero, by those `anew`, gives the same. */
export function assertAtRest(office: Office, content: (copy: Copy) => unknown, anew = office.copies): void {
  const [first] = office.copies as [Copy, ...Copy[]];
  const expected = content(first);
  for (const other of office.copies) {
    assert.deepEqual(content(other), expected);
    assert.deepEqual(other.conflicts(), first.conflicts());
  }
  for (const at of office.copies) {
    assert.equal(at.capture(), false);
    assert.deepEqual(at.query('PRAGMA integrity_check'), [['ok']]);
    if (!anew.includes(at)) continue;
    at.restart(true);
    at.work();
    assert.equal(at.capture(), false);
    assert.deepEqual(content(at), expected);
    assert.deepEqual(at.conflicts(), first.conflicts());
  }
}
