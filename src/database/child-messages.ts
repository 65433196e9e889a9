/** What the agent and the database process say to each other. Both are of one build, so there are no versions. */
import type { ChangeId } from '../core/change.ts';
import type { Problem } from '../core/problem.ts';
import type { Renewed } from '../core/reissue.ts';
import type { Appended, AppendRequest, Applied, DatabaseProblem, Databases } from './host.ts';

/** Everything that is asked and answered. */
export type Method = Exclude<keyof Databases, 'poke' | 'forward' | 'stop'>;

export interface CopyStart {
  readonly copy: string;
  readonly rowsPath: string;
  readonly storePath: string;
  readonly packs: string;
  readonly renamings: readonly Renewed[];
}

/** `at`: which copy, by the number that the agent gave it. */
export type ToChild =
  | { readonly kind: 'start'; readonly at: number; readonly start: CopyStart }
  | { readonly kind: 'stop'; readonly at: number; readonly id: number }
  | {
      readonly kind: 'call';
      readonly at: number;
      readonly id: number;
      readonly method: Method;
      readonly args: readonly unknown[];
    }
  | { readonly kind: 'poke'; readonly at: number; readonly database: string }
  | { readonly kind: 'forward'; readonly at: number }
  /** Asks for the next piece of the body that is being appended under this number. */
  | { readonly kind: 'more'; readonly id: number }
  | { readonly kind: 'appended'; readonly id: number; readonly answer: Answer<Appended> };

export type FromChild =
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer<unknown> }
  | {
      readonly kind: 'append';
      readonly at: number;
      readonly id: number;
      readonly request: Omit<AppendRequest, 'rest'>;
      /** The body has more than the bytes of the request: it is asked for piece by piece. */
      readonly hasRest: boolean;
    }
  /** null: that was all of the body. */
  | { readonly kind: 'piece'; readonly id: number; readonly answer: Answer<Uint8Array | null> }
  | { readonly kind: 'applied'; readonly at: number; readonly event: Applied }
  | { readonly kind: 'conflicts'; readonly at: number; readonly database: string }
  | { readonly kind: 'damaged'; readonly at: number; readonly id: ChangeId }
  | {
      readonly kind: 'problems';
      readonly at: number;
      readonly database: string;
      readonly problems: readonly DatabaseProblem[];
    };

export type Answer<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'problem'; readonly problem: Problem }
  | { readonly kind: 'failed'; readonly message: string; readonly stack: string | undefined };
