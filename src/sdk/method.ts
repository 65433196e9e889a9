/** What one method of the local API is made of, and the types that follow from it. */
import type { z } from 'zod';

export interface Method {
  readonly params: z.ZodType;
  readonly result: z.ZodType;
  /** What is told while the call runs. Methods that have none answer with one JSON document. */
  readonly progress?: z.ZodType;
  /** Each piece of progress counts (events). Otherwise the newest says all, and a slow reader may miss some. */
  readonly live?: true;
}

export type Contract = Record<string, Method>;

/** What a caller gives: optional params may be left out. */
export type RequestOf<M extends Method> = z.input<M['params']>;
/** What the agent gets: checked, with defaults filled in. */
export type ParamsOf<M extends Method> = z.output<M['params']>;
export type ResultOf<M extends Method> = z.output<M['result']>;
export type ProgressOf<M extends Method> = M extends { readonly progress: infer P extends z.ZodType }
  ? z.output<P>
  : never;
