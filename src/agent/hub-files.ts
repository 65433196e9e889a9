/** The files on a hub that are open to this machine's user: asked for answer by answer. */
import { MalformedError } from '../core/codec.ts';
import type { Answer } from '../protocol/messages.ts';
import type { HubConnection } from './hub-connection.ts';

export type HubFile = Extract<Answer, { kind: 'files' }>['files'][number];

export async function hubFiles(hub: Pick<HubConnection, 'ask'>): Promise<HubFile[]> {
  const all: HubFile[] = [];
  for (;;) {
    const answer = await hub.ask({ kind: 'files', after: all.at(-1)?.file ?? null });
    if (answer.kind !== 'files') throw new MalformedError('another answer than asked for');
    all.push(...answer.files);
    if (!answer.more || answer.files.length === 0) return all;
  }
}
