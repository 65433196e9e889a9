/** The ten lines that `npm start` greets with: what runs where, and commands to copy. */
import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { launcher } from './office.ts';

const windows = process.platform === 'win32';

/** Puts a command for each person into `dir` (`as-ana`, `as-ben`) and says what to do with them. */
export function invitation(dir: string, file: string, people: readonly string[], example: boolean): string {
  const [ana = '', ben = ''] = people.map((name) => command(dir, name.toLowerCase(), join(dir, name, file)));
  const folders = people.map((name) => `  ${name}'s copy    ${join(dir, name, file)}`);
  const lines = example ? exampleLines(dir, file, ben) : ownLines(ana, ben);
  return [
    '',
    styleText('bold', 'Two people, one file. Open another terminal and try; what travels shows up here.'),
    ...folders,
    ...lines,
    `  ${styleText('dim', `${ana} and ${ben} are "tieout" on that machine, in that folder; try "${ana} docs" or "--help". Ctrl-C ends.`)}`,
    '',
  ].join('\n');
}

function exampleLines(dir: string, file: string, ben: string): string[] {
  const sql = sqlite(dir);
  const on = (person: string, statement: string) =>
    `${sql} "${join(dir, person, file, 'Engagement.db')}" "${statement}"`;
  return [
    '1 Ana comments on an account, Ben reads it',
    `  ${on('Ana', "UPDATE account SET comment = 'agreed with Mr Hug' WHERE no = 1105")}`,
    `  ${on('Ben', 'SELECT no, name, comment FROM account WHERE no = 1105')}`,
    '2 Save a change in "90 Completion/Closing meeting.txt" in one folder and look into the other. Word and Excel do as well.',
    `3 Ben goes offline (${ben} offline), both fill one cell, Ben comes back (${ben} online): a conflict, shown by`,
    `  ${on('Ana', "UPDATE account SET comment = 'Ana was here' WHERE no = 1160")}`,
    `  ${on('Ben', "UPDATE account SET comment = 'Ben was here' WHERE no = 1160")}`,
    `  ${ben} conflicts      and settled everywhere by      ${ben} resolve CONFLICT --take CANDIDATE`,
  ];
}

function ownLines(ana: string, ben: string): string[] {
  return [
    '1 Change a cell in a database of one copy with your own program, and look into the other.',
    '2 Save a document in one copy; rename one, delete one.',
    `3 Work offline: ${ben} offline, change the same cell or document in both copies, ${ben} online,`,
    `  then ${ben} conflicts, and ${ben} resolve CONFLICT --take CANDIDATE.`,
    `4 What happened: ${ana} history. How it stands: ${ana} status.`,
  ];
}

/** A small script that is `tieout` with this person's TIEOUT_HOME, in their copy. Gives what to type. */
function command(dir: string, person: string, folder: string): string {
  const home = join(dir, `${person}-home`);
  const script = windows
    ? `@cd /d "${folder}"\r\n@set "TIEOUT_HOME=${home}"\r\n@"${process.execPath}" "${launcher}" %*\r\n`
    : `#!/bin/sh\ncd ${sh(folder)} && TIEOUT_HOME=${sh(home)} exec ${sh(process.execPath)} ${sh(launcher)} "$@"\n`;
  // Not just `ana`: that is the folder `Ana` where capitals do not count.
  return written(join(dir, `as-${person}`), script);
}

/** `sqlite3` if this computer has it, otherwise a small script of ours in its place. */
function sqlite(dir: string): string {
  if (spawnSync('sqlite3', ['--version']).status === 0) return 'sqlite3';
  const ours = join(import.meta.dirname, 'sql.ts');
  const script = windows
    ? `@"${process.execPath}" "${ours}" %*\r\n`
    : `#!/bin/sh\nexec ${sh(process.execPath)} ${sh(ours)} "$@"\n`;
  return written(join(dir, 'sql'), script);
}

function written(path: string, script: string): string {
  const file = windows ? `${path}.cmd` : path;
  // cmd reads its scripts in the console's own code page unless told otherwise.
  writeFileSync(file, windows ? `@chcp 65001 >nul\r\n${script}` : script);
  chmodSync(file, 0o755);
  return file;
}

/** As one word of a shell, whatever is in it. */
function sh(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
