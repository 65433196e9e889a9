/** The checks of the house are checked: each must fail on a violation made for it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { violations } from '../../scripts/check-arrows.ts';
import { differences, rules, titles } from '../../scripts/check-spec.ts';

const root = join(import.meta.dirname, '../..');

test('an import along the arrows passes', () => {
  const fine: Record<string, string> = {
    'src/core/rows.ts': "import { createHash } from 'node:crypto';\nimport { x } from './clock.ts';\n",
    'src/store/log.ts':
      "import { DatabaseSync } from 'node:sqlite';\nimport type { Clock } from '../platform/ports.ts';\n",
    'src/platform/real/disk.ts': "import { open } from 'node:fs/promises';\nimport { x } from '../../core/paths.ts';\n",
    'src/sdk/client.ts': "import { z } from 'zod';\nexport * from './contract.ts';\n",
    'src/cli/main.ts': "const agent = await import('../agent/main.ts');\nimport ws from 'ws';\n",
    'src/hub/files.ts': "import type { DatabaseSync } from 'node:sqlite';\n",
    'src/hub/main.ts': "// import { x } from '../agent/main.ts';\n/**\n * import { y } from 'node:fs';\n */\n",
  };
  for (const [path, text] of Object.entries(fine)) assert.deepEqual(violations(path, text), [], path);
});

test('every import against the arrows is named with its line', () => {
  const wrong: [path: string, text: string, line: number][] = [
    ['src/core/a.ts', "import { x } from '../store/log.ts';", 1],
    ['src/core/a.ts', "\nimport { x } from 'node:os';", 2],
    ['src/core/a.ts', "import { z } from 'zod';", 1],
    ['src/core/deep/a.ts', "import type {\n  x,\n} from '../../platform/ports.ts';", 3],
    ['src/protocol/a.ts', "export { x } from '../platform/ports.ts';", 1],
    ['src/store/a.ts', "const x = await import('../hub/main.ts');", 1],
    ['src/store/a.ts', "import { readFileSync } from 'node:fs';", 1],
    ['src/database/a.ts', "import { fork } from 'node:child_process';", 1],
    ['src/hub/a.ts', "import '../agent/main.ts';", 1],
    ['src/hub/a.ts', "import { DatabaseSync } from 'node:sqlite';", 1],
    ['src/agent/a.ts', "import { createServer } from 'node:net';", 1],
    ['src/agent/a.ts', "import { Worker } from 'node:worker_threads';", 1],
    ['src/agent/a.ts', "import { randomUUID } from 'node:crypto';", 1],
    ['src/agent/a.ts', "import { x } from '../../test/sim/world.ts';", 1],
    ['src/cli/a.ts', "import { x } from '../agent/session.ts';", 1],
    ['src/cli/a.ts', "import { setTimeout } from 'node:timers/promises';", 1],
    ['src/sdk/a.ts', "import { x } from '../core/value.ts';", 1],
    ['src/sdk/a.ts', "import { join } from 'node:path';", 1],
    ['src/sdk/a.ts', "import ws from 'ws';", 1],
    ['src/attic/a.ts', '', 0],
  ];
  for (const [path, text, line] of wrong) {
    const found = violations(path, text);
    assert.equal(found.length, 1, `${path}: ${text}`);
    assert.ok(found[0]?.startsWith(line === 0 ? path : `${path}:${line}: `), `${found}`);
  }
});

test('the linter refuses time and chance outside src/platform, and only there', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tieout-walls-'));
  try {
    for (const part of ['biome.json', 'scripts/time-and-chance.grit']) {
      mkdirSync(join(folder, dirname(part)), { recursive: true });
      cpSync(join(root, part), join(folder, part));
    }
    const lines = [
      'export const a = Date.now();',
      'export const b = new Date(0);',
      'export const c = Math.random();',
      'export const d = Temporal.Now.instant();',
      'export const e = performance.now();',
      'setTimeout(() => a, 5);',
      'setInterval(() => a, 5);',
      'setImmediate(() => a);',
      'export const f = crypto.randomUUID();',
      'export const g = globalThis.Date;',
    ];
    for (const room of ['src/core', 'src/agent', 'src/platform']) {
      mkdirSync(join(folder, room), { recursive: true });
      writeFileSync(join(folder, room, 'a.ts'), `${lines.join('\n')}\n`);
    }
    const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');
    const { status, stdout } = spawnSync(process.execPath, [biome, 'lint', '--reporter=github', '--colors=off', '.'], {
      cwd: folder,
      encoding: 'utf8',
    });
    assert.notEqual(status, 0);
    const found = [...stdout.matchAll(/src\/(\w+)\/a\.ts,line=(\d+)/g)].map(([, room, line]) => `${room}:${line}`);
    const expected = ['agent', 'core'].flatMap((room) => lines.map((_, at) => `${room}:${at + 1}`));
    assert.deepEqual([...new Set(found)].sort(), expected.sort());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a rule without a test, a test without a rule and a rule written twice are differences', () => {
  const ruled = rules(
    'SPEC',
    '- **CEL1** One.\n- **CEL2** Two.\ntext **CEL9** no rule\n- **ROW1** Three.\n- **ROW1** Again.',
  );
  const tested = titles(
    'T',
    "test('CEL1 x', f);\nfor (const c of cases) test(`ROW1 CEL7 x`, f);\nassert('about CEL2');",
  );
  assert.deepEqual(differences(ruled, tested), [
    "SPEC:2: no test's title begins with CEL2",
    'SPEC:4, SPEC:5: ROW1 is written more than once',
    'T:2: CEL7 is no rule of docs/SPEC.md',
  ]);
});

test('a test run in which nothing is tested fails', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tieout-walls-'));
  const run = () =>
    spawnSync(process.execPath, [join(root, 'scripts/test.ts'), folder], { encoding: 'utf8', env: outsideOfTest() });
  try {
    const none = run();
    assert.notEqual(none.status, 0);
    assert.match(none.stderr, /no test/);
    writeFileSync(join(folder, 'empty.test.ts'), 'export const a = 1;\n');
    const empty = run();
    assert.notEqual(empty.status, 0);
    assert.match(empty.stderr, /empty\.test\.ts holds no test/);
    writeFileSync(join(folder, 'empty.test.ts'), "import { test } from 'node:test';\ntest('one', () => {});\n");
    assert.equal(run().status, 0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** node:test runs nothing inside a child of its own. */
function outsideOfTest(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, ...rest } = process.env;
  return rest;
}
