/** Where this computer can be reached, and what its system allows. */
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';

/** The addresses at which whoever listens on `host` is reached: for "every address", all of them, loopback last. */
export function addressesOf(host: string): string[] {
  if (host !== '0.0.0.0' && host !== '::') return [host];
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  // Link-local IPv6 needs a zone that means something only on this machine.
  const usable = all.filter(
    ({ address, family }) => !address.startsWith('fe80') && (host === '::' || family === 'IPv4'),
  );
  const outside = usable.filter(({ internal }) => !internal).map(({ address }) => address);
  return [...outside, ...usable.filter(({ internal }) => internal).map(({ address }) => address)];
}

/** Changes when a cable is pulled, a network is joined or an address is given. */
export function networkSignature(): string {
  return addressesOf('::').sort().join(' ');
}

/** How many folders this user may watch; undefined where the system has no such limit. */
export function inotifyLimit(): number | undefined {
  try {
    return Number(readFileSync('/proc/sys/fs/inotify/max_user_watches', 'utf8'));
  } catch {
    return undefined;
  }
}
