/**
 * The client library for programs: everything that the command line can do, typed, in Node and in browsers.
 *
 *   const tieout = connect({ url, token });   // TIEOUT_HOME/agent.json and TIEOUT_HOME/token
 *   const { safe } = await tieout.call('status', { folder });
 *   for await (const event of tieout.watch()) console.log(event.text);
 */
export { type CallOptions, type Client, type Connection, connect } from './client.ts';
export type { Context, MethodName, Params, Progress, Request, Result, Service } from './contract.ts';
export { type Failure, TieoutError } from './failure.ts';
