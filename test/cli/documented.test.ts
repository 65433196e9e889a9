/** docs/CLI.md against the commands themselves: every command, argument and option, both ways. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Command } from 'commander';
import { commands } from '../../src/cli/commands.ts';

interface Usage {
  readonly args: ReadonlySet<string>;
  readonly options: ReadonlySet<string>;
  readonly json: boolean;
}

/** `| command | what it does | JSON |`: the first column holds usages, and options that belong to the usage before. */
function documented(page: string): Map<string, Usage> {
  const found = new Map<string, Usage>();
  for (const line of page.split('\n').filter((each) => each.startsWith('| `'))) {
    // A stroke inside of backticks does not part columns.
    const [, usages = '', , json = ''] = line.split(/\|(?=(?:[^`]*`[^`]*`)*[^`]*$)/);
    let last = '';
    for (const [, usage = ''] of usages.matchAll(/`([^`]+)`/g)) {
      if (!usage.startsWith('[-')) last = nameIn(usage);
      const before = found.get(last);
      found.set(last, {
        args: new Set([...(before?.args ?? []), ...argsIn(usage)]),
        options: new Set([...(before?.options ?? []), ...(usage.match(/--[a-z][a-z-]*/g) ?? [])]),
        json: json.trim() !== '',
      });
    }
  }
  return found;
}

function nameIn(usage: string): string {
  return /^[a-z]+(?: [a-z]+)*/.exec(usage)?.[0] ?? assert.fail(`no command in \`${usage}\``);
}

/** Words in capitals that are no option's value. */
function argsIn(usage: string): string[] {
  return usage.replace(/--[a-z-]+ [^\s\]]+/g, '').match(/[A-Z]{2,}/g) ?? [];
}

function real(command: Command, above = ''): [string, Usage][] {
  const name = `${above}${command.name()}`;
  const below = command.commands.flatMap((child) => real(child, `${name} `));
  // One that does nothing itself only leads to others.
  if (below.length > 0 && !('_actionHandler' in command && command._actionHandler)) return below;
  const options = command.options.map(({ long }) => String(long));
  const args = command.registeredArguments.flatMap((argument) => argument.name().split(/\W+/).filter(Boolean));
  const isJson = (option: string): boolean => option === '--json';
  return [
    ...below,
    [name, { args: new Set(args), options: new Set(options.filter((o) => !isJson(o))), json: options.some(isJson) }],
  ];
}

test('CLI13 docs/CLI.md names every command with its arguments and options, and no others', async () => {
  const page = readFileSync(new URL('../../docs/CLI.md', import.meta.url), 'utf8');
  const written = documented(page);
  const loaded = await Promise.all(Object.values(commands).map((load) => load()));
  const there = new Map(loaded.flatMap((command) => real(command)));
  assert.deepEqual([...written.keys()].sort(), [...there.keys()].sort());
  for (const [name, usage] of there) {
    // What runs in the foreground takes --json for its failures only.
    const { json, ...rest } = written.get(name)!;
    assert.deepEqual(rest, { args: usage.args, options: usage.options }, name);
    assert.ok(usage.json || !json, `${name} --json`);
  }
});
