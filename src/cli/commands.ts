/** The commands by name. Each is loaded when it is used: a short command shall start fast. */
import type { Command } from 'commander';

export const commands: Readonly<Record<string, () => Promise<Command>>> = {
  hub: async () => (await import('./commands/hub.ts')).hub,
  join: async () => (await import('./commands/join.ts')).join,
  publish: async () => (await import('./commands/publish.ts')).publish,
  files: async () => (await import('./commands/files.ts')).files,
  copy: async () => (await import('./commands/copy.ts')).copy,
  copies: async () => (await import('./commands/copies.ts')).copies,
  detach: async () => (await import('./commands/detach.ts')).detach,
  status: async () => (await import('./commands/status.ts')).status,
  sync: async () => (await import('./commands/sync.ts')).sync,
  offline: async () => (await import('./commands/offline.ts')).offline,
  online: async () => (await import('./commands/online.ts')).online,
  docs: async () => (await import('./commands/docs.ts')).docs,
  versions: async () => (await import('./commands/versions.ts')).versions,
  get: async () => (await import('./commands/get.ts')).get,
  promote: async () => (await import('./commands/promote.ts')).promote,
  conflicts: async () => (await import('./commands/conflicts.ts')).conflicts,
  resolve: async () => (await import('./commands/resolve.ts')).resolve,
  history: async () => (await import('./commands/history.ts')).history,
  undo: async () => (await import('./commands/undo.ts')).undo,
  settings: async () => (await import('./commands/settings.ts')).settings,
  users: async () => (await import('./commands/users.ts')).users,
  doctor: async () => (await import('./commands/doctor.ts')).doctor,
  agent: async () => (await import('./commands/agent.ts')).agent,
  stop: async () => (await import('./commands/stop.ts')).stop,
};
