/** What an `authenticate` tap returns: who is asking, and which keys pay for it. */
export interface IdentityGrant {
  /** Keeps caches and limits apart. Must not be a secret: it is logged. */
  readonly id: string;
  readonly name?: string;
  /** Patterns of the models that this caller may use (`gpt-4o*`). Absent = all. */
  readonly models?: readonly string[];
  /** The keys that pay, by the name of the upstream. */
  readonly upstreamKeys?: Readonly<Record<string, string>>;
  /** The caller's own upstream key. It pays only at the upstream that the request's model names. */
  readonly upstreamKey?: string;
  /**
   * true = `upstreamKey` came as a bearer, and goes as one to an upstream whose API knows bearers beside a header of its
   * own. Absent = the upstream's own header carries it.
   */
  readonly isBearer?: boolean;
  /** false = the server's key never pays for this caller. */
  readonly serverKey?: boolean;
  /**
   * true = has only an upstream key although access keys are configured. Such a caller may use neither plugins' own
   * routes nor upstreams that ask for no key.
   */
  readonly isGuest?: boolean;
  /**
   * `own` = where the server's key pays, this caller may address only those objects kept at the provider whose ids it
   * got in answers here. Absent = all.
   */
  readonly storedObjects?: 'own';
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

  /** For core only: plugins get this class as a type, so they cannot read the keys. */
  static grantOf(identity: Identity): IdentityGrant {
    return identity.#grant;
  }
}

/**
 * Headers that carry a credential. Only `authenticate` taps see them. They are never forwarded, and redacted in the
 * log.
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
