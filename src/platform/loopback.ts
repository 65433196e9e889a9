/** An HTTP server that only this computer can reach. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';

export interface Loopback {
  readonly url: string;
  /** Answers that run get `patienceMs` to end; who keeps a connection open longer loses it. */
  close(patienceMs: number): Promise<void>;
}

/** Serves on a free port of 127.0.0.1. The request's signal is aborted when its caller goes away. */
export async function serveLoopback(answer: (request: Request) => Response | Promise<Response>): Promise<Loopback> {
  // Otherwise its own light Request and Response replace the global ones for the whole process.
  const server = createAdaptorServer({ fetch: answer, overrideGlobalObjects: false }) as Server;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close(patienceMs) {
      const timer = setTimeout(() => server.closeAllConnections(), patienceMs);
      return new Promise((resolve) => {
        server.close(() => {
          clearTimeout(timer);
          resolve();
        });
        server.closeIdleConnections();
      });
    },
  };
}
