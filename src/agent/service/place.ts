/** From a place on the disk, as callers name it, to a copy and a path within its file. */
import type { Agent } from '../agent.ts';
import type { Copy } from '../copy.ts';

export async function found(agent: Agent, absolute: string): Promise<{ copy: Copy; path: string }> {
  const copy = await agent.copyNamed(absolute);
  return { copy, path: pathIn(copy, absolute) };
}

/** '/'-separated, '' for the file's folder itself. */
export function pathIn(copy: Copy, absolute: string): string {
  return absolute
    .slice(copy.folder.root.length)
    .replaceAll('\\', '/')
    .replace(/^\/+|\/+$/g, '');
}
