/** What an `authenticate` tap returns: who is asking, and which keys pay for it. */
export interface IdentityGrant {
  /** Keeps caches and limits apart. Must not be a secret: it is logged. */
  readonly id: string;
  readonly name?: string;
  /** Patterns of models this caller may use (`gpt-4o*`); absent = all. */
  readonly models?: readonly string[];
  /** Upstream name → the key that pays there. */
  readonly upstreamKeys?: Readonly<Record<string, string>>;
  /** The caller's own key; it pays at the one upstream that the request's model names. */
  readonly upstreamKey?: string;
  /** false = the server's key never pays for this caller. */
  readonly serverKey?: boolean;
  /** false = may not use plugins' own routes (a caller with nothing but an upstream key, where access keys are configured). */
  readonly routes?: boolean;
}

/** Who is asking, without keys: what every hook after `authenticate` sees. */
export class Identity {
  readonly id: string;
  readonly name?: string;
  readonly models?: readonly string[];
  readonly #grant: IdentityGrant;

  constructor(grant: IdentityGrant) {
    this.id = grant.id;
    if (grant.name !== undefined) this.name = grant.name;
    if (grant.models !== undefined) this.models = grant.models;
    this.#grant = grant;
  }

  /** For core/upstream only: not exported to plugins. */
  static grantOf(identity: Identity): IdentityGrant {
    return identity.#grant;
  }
}

/**
 * Headers that carry a credential. Only `authenticate` taps see them; they are never forwarded, and struck out where they
 * would be logged.
 */
export const CREDENTIAL_HEADERS: readonly string[] = [
  'authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'x-upstream-key',
  'proxy-authorization',
  'cookie',
];
