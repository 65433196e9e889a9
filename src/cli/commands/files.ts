import { calls } from '../call.ts';
import { command } from '../command.ts';
import { table } from '../table.ts';
import { size } from '../text.ts';

export const files = command('files', 'list the parent files on the hub').action(
  calls({
    method: 'files',
    params: () => ({}),
    text: (files) =>
      table(
        ['Name', 'Documents', 'Databases', 'Size', 'Copies'],
        files.map(({ name, documents, databases, bytes, copies }) => [
          name,
          String(documents),
          String(databases),
          size(bytes),
          String(copies),
        ]),
        'There are no files on the hub yet. `tieout publish FOLDER` makes one.',
      ),
  }),
);
