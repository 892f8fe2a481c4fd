import { AttuneError } from '../errors.js';

/** What went wrong with the Hub, for programs; the message says it for people. */
export type HubErrorCode =
  /** There is no such repository, or it is private and the token does not open it: the Hub does not tell these apart. */
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
  constructor(readonly code: HubErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options);
  }
}
