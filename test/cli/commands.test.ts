import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { ensureAgent, findAgent } from '../../src/platform/process.ts';
import { TieoutError } from '../../src/sdk/failure.ts';
import { fakeService, untilAborted } from '../agent/fake-service.ts';
import { environment, main, type Outcome, office, outcome } from './office.ts';

/** What a command asks of the agent, given the folder that it runs in. */
type Asked = (at: (path: string) => string) => unknown;

const asked: readonly [args: string, method: string, params: Asked][] = [
  ['join abc --device pc', 'join', () => ({ invitation: 'abc', device: 'pc' })],
  ['publish tb', 'publish', (at) => ({ folder: at('tb') })],
  [
    'publish . --name Müller --members Ben,Chloe',
    'publish',
    (at) => ({ folder: at('.'), name: 'Müller', members: ['Ben', 'Chloe'] }),
  ],
  ['files', 'files', () => ({})],
  ['copy Müller', 'copy', (at) => ({ name: 'Müller', folder: at('Müller') })],
  ['copy Müller tb', 'copy', (at) => ({ name: 'Müller', folder: at('tb') })],
  ['copies', 'copies', () => ({})],
  ['copies retire c2', 'retire', (at) => ({ copy: 'c2', folder: at('.') })],
  ['copies retire c2 tb', 'retire', (at) => ({ copy: 'c2', folder: at('tb') })],
  ['status', 'status', (at) => ({ folder: at('.') })],
  ['status tb', 'status', (at) => ({ folder: at('tb') })],
  ['sync', 'sync', (at) => ({ folder: at('.'), documents: [] })],
  ['sync tb --delete-gone', 'sync', (at) => ({ folder: at('tb'), documents: [], deleteGone: true })],
  ['sync tb --documents', 'sync', (at) => ({ folder: at('tb'), documents: 'all' })],
  ['sync tb a.docx b.docx', 'sync', (at) => ({ folder: at('tb'), documents: [at('a.docx'), at('b.docx')] })],
  ['sync tb/a.docx b.docx', 'sync', (at) => ({ folder: at('tb'), documents: [at('tb/a.docx'), at('b.docx')] })],
  ['detach tb', 'detach', (at) => ({ folder: at('tb'), unsent: false })],
  ['detach tb --unsent', 'detach', (at) => ({ folder: at('tb'), unsent: true })],
  ['offline', 'offline', (at) => ({ folder: at('.') })],
  ['online tb', 'online', (at) => ({ folder: at('tb') })],
  ['users', 'users', (at) => ({ folder: at('.') })],
  ['docs tb', 'docs', (at) => ({ folder: at('tb') })],
  ['versions a.docx', 'versions', (at) => ({ document: at('a.docx') })],
  [
    'get a.docx --version v1 --out old.docx',
    'get',
    (at) => ({ document: at('a.docx'), version: 'v1', out: at('old.docx') }),
  ],
  ['promote a.docx --version v1', 'promote', (at) => ({ document: at('a.docx'), version: 'v1' })],
  ['conflicts', 'conflicts', (at) => ({ folder: at('.') })],
  [
    'conflicts accept tb --database tb.db --table account',
    'accept',
    (at) => ({ folder: at('tb'), database: 'tb.db', table: 'account' }),
  ],
  ['resolve x1 --take w2', 'resolve', (at) => ({ conflict: 'x1', candidate: 'w2', folder: at('.') })],
  ['history a.docx --limit 5', 'history', (at) => ({ path: at('a.docx'), limit: 5 })],
  [
    'history --database tb.db --table account --key {"no":4010} --column balance',
    'history',
    (at) => ({
      path: at('.'),
      row: { database: 'tb.db', table: 'account', key: { no: 4010 }, column: 'balance' },
    }),
  ],
  [
    'history --database tb.db --table account --kind delete',
    'history',
    (at) => ({ path: at('.'), row: { database: 'tb.db', table: 'account', kind: 'delete' } }),
  ],
  ['undo c1:7', 'undo', (at) => ({ change: 'c1:7', folder: at('.') })],
  [
    'undo c1:7 tb --table account --key {"no":4010}',
    'undo',
    (at) => ({ change: 'c1:7', folder: at('tb'), table: 'account', key: { no: 4010 } }),
  ],
  ['settings', 'settings', (at) => ({ folder: at('.') })],
  [
    'settings tb tb.db --refers line.account=account,line.old= --leave-out cache,line.seen --deletion-wins draft',
    'settings',
    (at) => ({
      folder: at('tb'),
      database: 'tb.db',
      changes: [
        { place: 'cache', set: 'left-out', value: true },
        { place: 'line.seen', set: 'left-out', value: true },
        { place: 'line.account', set: 'refers', value: 'account' },
        { place: 'line.old', set: 'refers', value: null },
        { place: 'draft', set: 'deletion-wins', value: true },
      ],
    }),
  ],
  [
    'settings --take-in cache --number entry,line.no --name line.year --edit-wins draft',
    'settings',
    (at) => ({
      folder: at('.'),
      changes: [
        { place: 'cache', set: 'left-out', value: false },
        { place: 'entry', set: 'number', value: true },
        { place: 'line.no', set: 'number', value: true },
        { place: 'line.year', set: 'number', value: false },
        { place: 'draft', set: 'deletion-wins', value: false },
      ],
    }),
  ],
  ['doctor', 'doctor', () => ({})],
  ['doctor tb', 'doctor', (at) => ({ folder: at('tb') })],
];

test('CLI1 CLI2 every command asks the agent for what its arguments say, and prints the answer as one JSON document', async (t) => {
  const { runNext, calls, folder } = await office(t);
  mkdirSync(join(folder, 'tb'));
  const service = fakeService() as unknown as Record<string, (params: unknown, context: unknown) => Promise<unknown>>;
  for (const [args, method, params] of asked) {
    calls.length = 0;
    const { exit, out, err } = await runNext(...args.split(' '), '--json');
    assert.deepEqual([exit, err], [0, ''], args);
    const [[called, given] = []] = calls;
    assert.equal(called, method);
    // As JSON: what was left out does not travel.
    assert.deepEqual(
      JSON.parse(JSON.stringify(given)),
      params((path) => join(folder, path)),
      args,
    );
    assert.match(out, /^[^\n]+\n$/);
    assert.deepEqual(JSON.parse(out), await service[method]!(given, { progress() {} }), args);
  }
});

test('CLI1 without --json there is text for people, without colours where there is no terminal', async (t) => {
  const { run } = await office(t);
  assert.equal(
    (await run('docs')).out,
    'Document         State    Behaviour  Size     By   At                Open by\n' +
      'notes/memo.docx  current  automatic  20.5 KB  Ben  2026-11-22 10:30\n',
  );
  assert.equal(
    (await run('status')).out,
    'Müller 2026  /files/Müller 2026\nState      online\nTo send    nothing\nTo receive nothing\n' +
      'The hub has everything that was done here.\n',
  );
  assert.equal(
    (await run('sync')).out,
    'Sent 2 changes, 700 B; received nothing.\nnotes: Much has gone. Say that you meant it. (since 2026-11-22 10:30)\n',
  );
  assert.match(
    (await run('conflicts')).out,
    /^tb\.db › account › no=4010 › balance {2}x1\n {2}● 12\.5 {2}Ana, .*shown/,
  );
});

test('CLI3 a refusal ends with 1 and says what, why and what to do, also with --json', async (t) => {
  const failure = { code: 'no-such-file', text: 'There is no file "X".', why: 'The hub has none.', remedy: 'Look.' };
  const refuse = async () => {
    throw new TieoutError(failure);
  };
  const { run } = await office(t, { copy: refuse, files: refuse });
  const said = 'There is no file "X".\nThe hub has none.\nLook.\n';
  assert.deepEqual(await run('copy', 'X'), { exit: 1, out: '', err: said });
  const { exit, out, err } = await run('files', '--json');
  assert.deepEqual([exit, JSON.parse(out), err], [1, { error: failure }, said]);
});

test('CLI15 publish says how much it left out, and names the first; programs are given it all', async (t) => {
  const result = { file: { id: 'f1', name: 'tb' }, copy: 'c1', documents: 12, databases: 1 };
  const since = '2026-10-07T12:00:00.000Z';
  const link = (n: number) => ({
    path: `link${n}`,
    text: `link${n} is a symbolic link. Put the document there.`,
    since,
  });
  let left = 0;
  const publish = async () => ({ ...result, problems: Array.from({ length: left }, (_, n) => link(n + 1)) });
  const { runNext } = await office(t, { publish });
  const told = async () => (await runNext('publish', '.')).out.trimEnd().split('\n').slice(1);
  assert.deepEqual(await told(), []);
  left = 1;
  assert.deepEqual(await told(), [
    '1 thing was left out, or needs attention:',
    'link1: link1 is a symbolic link. Put the document there. (since 2026-10-07 14:00)',
  ]);
  left = 12;
  const lines = await told();
  assert.equal(lines.length, 12);
  assert.equal(lines[0], '12 things were left out, or need attention:');
  assert.match(lines[10]!, /^link10: /);
  assert.equal(lines[11], '… and 2 more: `tieout status` in the folder names them all.');
  const { exit, out } = await runNext('publish', '.', '--json');
  assert.deepEqual([exit, JSON.parse(out).problems.length], [0, 12]);
});

test('CLI3 doctor ends with 1 when something is wrong', async (t) => {
  const checks = [{ name: 'clock', state: 'failed' as const, text: 'It is off.', remedy: 'Set it.' }];
  const { run } = await office(t, { doctor: async () => ({ ok: false, checks }) });
  assert.deepEqual(await run('doctor'), { exit: 1, out: '✗ clock  It is off.\n    Set it.\n', err: '' });
});

test('CLI4 wrong usage ends with 2, and nothing is asked of the agent', async (t) => {
  const { run, runNext, calls } = await office(t);
  const wrong = [
    [],
    ['nope'],
    ['constructor'],
    ['status', 'a', 'b'],
    ['status', '--nope'],
    ['publish'],
    ['detach'],
    ['publish', '.', '--members', 'Ben,,Chloe'],
    ['get', 'a.docx'],
    ['get', 'a.docx', '--version', 'v1'],
    ['resolve', 'x1'],
    ['copy', '../evil'],
    ['history', '--key', '{}'],
    ['history', '--database', 'd', '--table', 't', '--key', '[1]'],
    ['history', '--limit', '-1'],
    ['history', '--kind', 'delete'],
    ['history', '--database', 'd', '--kind', 'nonsense'],
    ['conflicts', 'accept', '--table', 't'],
    ['settings', '--leave-out', ''],
    ['settings', '--number', 'entry,'],
    ['settings', '--deletion-wins', 'draft', '--edit-wins', 'draft'],
    ['settings', '--refers', 'line.a=account,line.a='],
    ['undo'],
    ['undo', 'c1:7', '--key', '{}'],
    ['hub', 'start'],
    ['hub', 'start', '--dir', 'd', '--listen', 'nowhere'],
    ['hub', 'start', '--dir', 'd', '--listen', '127.0.0.1:99999'],
    ['hub', 'invite', '--dir', 'd'],
  ];
  for (const args of wrong) {
    const { exit, out, err } = await runNext(...args);
    assert.deepEqual([exit, out], [2, ''], args.join(' '));
    assert.notEqual(err, '', args.join(' '));
  }
  const { exit, out } = await run('status', '--nope', '--json');
  assert.deepEqual([exit, JSON.parse(out).error.code], [2, 'usage']);
  assert.deepEqual(calls, []);
});

test('CLI4 what the contract refuses is wrong usage as well, and is told in plain words', async (t) => {
  const { runNext, calls } = await office(t);
  const long = 'x'.repeat(300);
  const refused: readonly [args: string[], ...told: RegExp[]][] = [
    [['publish', '.', '--name', ''], /^"publish" cannot be done/, /^The name is empty:/m, /`tieout publish --help`/],
    [['publish', '.', '--name', '   '], /^The name is empty:/m],
    [['publish', '.', '--name', long], /^The name is too long: .* at most 255 characters/m],
    [['publish', '.', '--name', 'a\tb'], /^The name holds a tab, a line end or another control character/m],
    [['publish', '.', '--name', 'a\nb'], /^The name holds a tab, a line end/m],
    [['publish', '.', '--members', `Ben,${long}`], /^One of the members is too long/m],
    [['copy', ''], /^The name is empty/m, /`tieout copy --help`/],
    [['copy', long, 'tb'], /^The name is too long/m],
    [['join', 'abc', '--device', ' '], /^The device is empty/m, /`tieout join --help`/],
    [['join', ''], /^The invitation must not be empty\.$/m],
    [['join', 'x'.repeat(5000)], /^The invitation must not have more than 4096 characters\.$/m],
    [['copies', 'retire', ''], /^The copy must not be empty/m, /`tieout copies retire --help`/],
    [['resolve', '', '--take', ''], /^The conflict must not be empty\.\nThe candidate must not be empty\.$/m],
  ];
  for (const [args, ...told] of refused) {
    const { exit, out, err } = await runNext(...args);
    assert.deepEqual([exit, out], [2, ''], args.join(' '));
    for (const words of told) assert.match(err, words);
    assert.doesNotMatch(err, /[✖→]|expected|string/);
  }
  assert.deepEqual(calls, []);
});

test('CLI5 help and version need no agent and leave nothing behind', async (t) => {
  const home = join(temporaryFolder(t), 'home');
  const run = (...args: string[]) => tieout(home, args);
  assert.match((await run('--version')).out, /^\d+\.\d+\.\d+\n$/);
  const { exit, out } = await run('--help');
  assert.equal(exit, 0);
  for (const name of ['hub', 'join', 'publish', 'copy', 'status', 'sync', 'doctor', 'agent', 'stop']) {
    assert.match(out, new RegExp(`^ {2}${name} `, 'm'));
  }
  assert.match((await run('get', '--help')).out, /--version <ID>/);
  assert.match((await run('hub', 'start', '--help')).out, /--listen <HOST:PORT>/);
  assert.equal(existsSync(home), false);
});

test('CLI6 Ctrl-C ends the call at the agent, says that the same command goes on, and ends with 130', {
  skip: process.platform === 'win32' && 'a process cannot send Ctrl-C to another there',
}, async (t) => {
  const started = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<void>();
  const { start } = await office(t, {
    publish: (_, { signal }) => {
      signal.addEventListener('abort', () => aborted.resolve());
      started.resolve();
      return untilAborted(signal);
    },
  });
  const child = start(['publish', '.']);
  const ending = outcome(child);
  await started.promise;
  // Twice: from a terminal it comes directly and by the launcher.
  child.kill('SIGINT');
  child.kill('SIGINT');
  const { exit, out, err } = await ending;
  assert.deepEqual([exit, out], [130, '']);
  assert.match(err, /Run the same command again: it goes on where it stopped\./);
  await aborted.promise;
});

test('CLI7 text of colleagues does not steer the terminal', async (t) => {
  const name = 'A\u001B]0;owned\u0007\u202Egnp.exe';
  const { run } = await office(t, {
    files: async () => [{ id: 'f', name, documents: 0, databases: 0, bytes: 0, copies: 0 }],
  });
  const { out } = await run('files');
  assert.match(out, /A\\u001b\]0;owned\\u0007\\u202egnp\.exe/);
  assert.equal(JSON.parse((await run('files', '--json')).out)[0].name, name);
});

test('CLI8 stop ends the agent and says whether one ran', async (t) => {
  const home = temporaryFolder(t);
  const agent = join(import.meta.dirname, '..', 'agent', 'fake-agent.ts');
  await ensureAgent({ home, entry: agent });
  assert.deepEqual(await tieout(home, ['stop', '--json']), { exit: 0, out: '{"stopped":true}\n', err: '' });
  assert.equal(await findAgent(home), undefined);
  assert.deepEqual(await tieout(home, ['stop', '--json']), { exit: 0, out: '{"stopped":false}\n', err: '' });
});

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tieout-cli-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

function tieout(home: string, args: readonly string[]): Promise<Outcome> {
  return outcome(
    spawn(process.execPath, [main, ...args], { env: environment(home), stdio: ['ignore', 'pipe', 'pipe'] }),
  );
}
