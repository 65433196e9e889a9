import { fromHere } from '../../platform/home.ts';
import { calls } from '../call.ts';
import { command, DOC } from '../command.ts';
import { versionTable } from './versions.ts';

export const promote = command('promote', 'make a version of a document the current one, for everybody')
  .argument(...DOC)
  .requiredOption('--version <ID>', 'which version (`tieout versions DOC`)')
  .action(
    calls({
      method: 'promote',
      params: (document: string, { version }: { version: string }) => ({ document: fromHere(document), version }),
      text: (version) => versionTable([version]),
    }),
  );
