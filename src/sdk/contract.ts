/**
 * The local API: every method that the agent offers to the command line, the page and other programs, declared once.
 * Types, checking on both sides and the agent's duty (`Service`) follow from here. To add a method, add it to the
 * noun it belongs to in contract/.
 */
import { conflicts } from './contract/conflicts.ts';
import { documents } from './contract/documents.ts';
import { files } from './contract/files.ts';
import { machine } from './contract/machine.ts';
import { settings } from './contract/settings.ts';
import type { Contract, ParamsOf, ProgressOf, RequestOf, ResultOf } from './method.ts';

export const contract = { ...machine, ...files, ...documents, ...conflicts, ...settings } satisfies Contract;

type Methods = typeof contract;
export type MethodName = keyof Methods;

export type Request<M extends MethodName> = RequestOf<Methods[M]>;
export type Params<M extends MethodName> = ParamsOf<Methods[M]>;
export type Result<M extends MethodName> = ResultOf<Methods[M]>;
export type Progress<M extends MethodName> = ProgressOf<Methods[M]>;

/** What runs during one call. */
export interface Context<P = never> {
  /** Tells the caller how far it is. Cheap, may be called often. */
  progress(progress: P): void;
  /** Aborted when the caller went away or the agent ends. The call then stops, and leaves what can be gone on with. */
  readonly signal: AbortSignal;
}

/** What the agent implements. Refuses by throwing `TieoutError` (failure.ts) or core's `ProblemError`. */
export type Service = {
  readonly [M in MethodName]: (params: Params<M>, context: Context<Progress<M>>) => Promise<Result<M>>;
};

export function isMethod(name: string): name is MethodName {
  return Object.hasOwn(contract, name);
}
