import { resolve } from 'node:path';
import { AttuneError } from '../errors/attune-error.js';
import { described } from '../errors/wording.js';
import type { ErrorArguments } from '../errors/attune-error.js';

/** What kind of thing went wrong with the Hub; the error's code says which one. */
export type HubErrorKind =
  /**
   * There is no such repository, or it is private and the token does not open it: the Hub does not tell these
   * apart.
   */
  | 'repository-not-found'
  | 'revision-not-found'
  | 'entry-not-found'
  /** Access must be asked for on the repository's page. */
  | 'gated'
  /** The token is not valid. */
  | 'unauthorized'
  | 'forbidden'
  | 'rate-limited'
  /** The Hub answered, with an error of its own (5xx) or with something that is not its protocol. */
  | 'server'
  /** The Hub could not be reached, or the connection broke again and again. */
  | 'network'
  /** Not in the cache, and the network must not be used. */
  | 'offline'
  /** Size or hash of what came are not those that the Hub names. */
  | 'integrity'
  /** A file or revision name that would lead outside the cache folder. */
  | 'unsafe-name'
  /** The cache folder cannot be written: full, read-only. */
  | 'disk';

/** Something of the Hugging Face Hub cannot be had. */
export class HubError extends AttuneError {
  constructor(
    readonly kind: HubErrorKind,
    ...given: ErrorArguments
  ) {
    super(...given);
  }
}

/** What the Hub says of a repository that is there. */
const OF_WHAT_IS_THERE: readonly HubErrorKind[] = [
  'revision-not-found',
  'entry-not-found',
  'gated',
  'forbidden',
  'disk',
  'unsafe-name',
];

/**
 * An error of opening the repository of this name. The name may have been meant as one of this machine: then
 * it says first that nothing is there.
 *
 * @param name as the user gave it
 */
export function notHereEither(name: string, error: unknown): unknown {
  if (!(error instanceof HubError) || OF_WHAT_IS_THERE.includes(error.kind)) return error;
  return new HubError(
    error.kind,
    'hub-name-not-here',
    { name, path: resolve(name), error: described(error) },
    { cause: error },
  );
}
