import { fromHere } from '../../platform/home.ts';
import type { Result } from '../../sdk/contract.ts';
import { calls } from '../call.ts';
import { command } from '../command.ts';
import { problemLines } from '../problem-lines.ts';
import { usage } from '../report.ts';
import { count, plain } from '../text.ts';

export const publish = command('publish', 'make a folder a parent file on the hub, and its first sync copy')
  .argument('<FOLDER>', 'the folder with everything that is to be shared')
  .option('--name <NAME>', "the file's name on the hub (default: the folder's name)")
  .option('--members <USER,…>', 'who may open it (default: everybody of the office)')
  .action(
    calls({
      method: 'publish',
      params: (folder: string, { name, members }: { name?: string; members?: string }) => ({
        folder: fromHere(folder),
        name,
        members: members === undefined ? undefined : users(members),
      }),
      text: ({ file, documents, databases, problems }) =>
        [
          `"${plain(file.name)}" is on the hub: ${count(documents, 'document')} and ${count(databases, 'database')}.`,
          ...leftOut(problems),
        ].join('\n'),
    }),
  );

/** So many are named; a folder of links would bury the rest. */
const NAMED = 10;

/** What is not in it as it should be: how many, and the first ones. */
function leftOut(problems: Result<'publish'>['problems']): string[] {
  if (problems.length === 0) return [];
  const more = problems.length - NAMED;
  return [
    `${count(problems.length, 'thing was left out, or needs', 'things were left out, or need')} attention:`,
    ...problemLines(problems.slice(0, NAMED)),
    ...(more > 0 ? [`… and ${more} more: \`tieout status\` in the folder names them all.`] : []),
  ];
}

function users(list: string): string[] {
  const names = list.split(',').map((name) => name.trim());
  if (names.includes('')) throw usage('--members needs the names of users, with commas between them.', 'Name them.');
  return names;
}
