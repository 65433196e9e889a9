import { fromHere } from '../../platform/home.ts';
import { calls } from '../call.ts';
import { command } from '../command.ts';
import { usage } from '../report.ts';
import { plain } from '../text.ts';

export const copy = command('copy', 'make a sync copy of a file, complete and ready to work in')
  .argument('<NAME>', "the file's name on the hub (`tieout files`)")
  .argument('[FOLDER]', 'where to (default: a new folder NAME in the current one)')
  .action(
    calls({
      method: 'copy',
      params: (name: string, folder: string | undefined) => ({ name, folder: fromHere(folder ?? folderFor(name)) }),
      text: ({ file, folder }) => `Your copy of "${plain(file.name)}" is in ${plain(folder)}.`,
    }),
  );

/** A file's name is a colleague's choice: it must not lead out of the current folder. */
function folderFor(name: string): string {
  if (!/[/\\:]/.test(name) && name !== '..' && name !== '.') return name;
  throw usage(
    `"${name}" cannot be the name of a folder here.`,
    'Say which folder the copy goes to: tieout copy NAME FOLDER.',
  );
}
