/** The Document Manager: documents and their versions. */
import type { Service } from '../../sdk/contract.ts';
import type { Agent } from '../agent.ts';
import { type DocumentInfo, existsAlready, type VersionInfo } from '../documents/listing.ts';
import { found } from './place.ts';
import { iso } from './time.ts';

type Documents = 'docs' | 'versions' | 'get' | 'promote';

export function documentMethods(agent: Agent): Pick<Service, Documents> {
  return {
    async docs({ folder }) {
      const copy = await agent.copyNamed(folder);
      return [...copy.documents.listing.all()].map(entryOf);
    },

    async versions({ document }) {
      const { copy, path } = await found(agent, document);
      return copy.documents.listing.versions(path).map(versionEntry);
    },

    async get({ document, version, out }, { signal, progress }) {
      const { copy, path } = await found(agent, document);
      const [folder, name] = parted(out);
      const files = agent.options.filesOf(folder);
      if (files.facts(name)) throw existsAlready(out);
      const total = copy.documents.listing.content(path, version).size;
      let done = 0;
      const { size } = await copy.documents.listing.get(
        path,
        version,
        { folder: files, name },
        {
          signal,
          onProgress: (bytes) => {
            done += bytes;
            progress({ phase: 'receiving', bytes: { done, total }, documents: { done: 0, total: 1 } });
          },
        },
      );
      return { path: out, size };
    },

    async promote({ document, version }) {
      const { copy, path } = await found(agent, document);
      const { listing } = copy.documents;
      const made = await listing.promote(path, version);
      // It is said to be here once it is: its content is being put in its place.
      await copy.documents.placed();
      return versionEntry(listing.versions(path).find(({ id }) => id === made.id) ?? made);
    },
  };
}

function parted(path: string): [folder: string, name: string] {
  const at = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'));
  return [path.slice(0, at) || path.slice(0, at + 1), path.slice(at + 1)];
}

function entryOf({ openBy, ...info }: DocumentInfo) {
  return { ...info, at: iso(info.at), openBy: [...openBy] };
}

function versionEntry({ alsoBy, ...info }: VersionInfo) {
  return { ...info, at: iso(info.at), alsoBy: [...alsoBy] };
}
