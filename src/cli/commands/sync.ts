import { folderOf, fromHere, isFolder } from '../../platform/home.ts';
import { calls } from '../call.ts';
import { command } from '../command.ts';
import { problemLines } from '../problem-lines.ts';
import { amount } from '../text.ts';

export const sync = command('sync', 'exchange everything with the hub now, and return when nothing is pending')
  .argument('[FOLDER]', "a file's folder or any folder inside it (default: that of the first DOC, or the current one)")
  .argument('[DOC...]', 'on-demand documents to send as well')
  .option('--documents', 'send all on-demand documents')
  .option('--delete-gone', 'delete for everybody what has gone from the folder, however much that is')
  .action(
    calls({
      method: 'sync',
      params: (first: string | undefined, others: string[], options: { documents?: true; deleteGone?: true }) => {
        const { folder, documents } = given(first, others);
        return { folder, documents: options.documents ? ('all' as const) : documents, deleteGone: options.deleteGone };
      },
      text: ({ sent, received, problems }) =>
        [`Sent ${amount(sent)}; received ${amount(received)}.`, ...problemLines(problems)].join('\n'),
    }),
  );

/** FOLDER may be left out before documents: what is no folder is a document, and its folder lies in the file. */
function given(first: string | undefined, others: readonly string[]): { folder: string; documents: string[] } {
  const documents = others.map(fromHere);
  const place = fromHere(first);
  if (isFolder(place)) return { folder: place, documents };
  return { folder: folderOf(place), documents: [place, ...documents] };
}
