import { fromHere } from '../../platform/home.ts';
import { calls } from '../call.ts';
import { command, DOC } from '../command.ts';
import { plain, size } from '../text.ts';

export const get = command('get', 'save a version of a document under another name')
  .argument(...DOC)
  .requiredOption('--version <ID>', 'which version (`tieout versions DOC`)')
  .requiredOption('--out <PATH>', 'where to save it; must not exist yet')
  .action(
    calls({
      method: 'get',
      params: (document: string, options: { version: string; out: string }) => ({
        document: fromHere(document),
        version: options.version,
        out: fromHere(options.out),
      }),
      text: ({ path, size: bytes }) => `Saved ${plain(path)} (${size(bytes)}).`,
    }),
  );
