/** Why a fetch failed. If a rule refused it, the same URL is refused again; any other failure may pass. */
const REASONS = {
  bad_url: { isRefusal: true, text: 'it is no absolute URL with a valid host' },
  scheme: { isRefusal: true, text: 'only http and https are fetched' },
  credentials: { isRefusal: true, text: 'the URL contains a user name or a password' },
  port: { isRefusal: true, text: 'the port is not allowed' },
  host: { isRefusal: true, text: 'the host is not allowed' },
  address: { isRefusal: true, text: 'the host has an address that is not public' },
  insecure_redirect: { isRefusal: true, text: 'it redirects from https to http' },
  redirect_loop: { isRefusal: true, text: 'it redirects in a circle' },
  too_many_redirects: { isRefusal: true, text: 'it redirects too often' },
  content_type: { isRefusal: true, text: 'the content is of a type that was not asked for' },
  too_large: { isRefusal: true, text: 'the answer is too large' },
  unresolved: { isRefusal: false, text: 'the name could not be resolved' },
  connection: { isRefusal: false, text: 'the connection failed' },
  timeout: { isRefusal: false, text: 'it took too long' },
  encoding: { isRefusal: false, text: 'the answer could not be decompressed' },
} as const satisfies Record<string, { isRefusal: boolean; text: string }>;

/** Why a fetch failed. */
export type FetchReason = keyof typeof REASONS;

/**
 * What `context.fetch` rejects with, unless the caller's own signal aborted. The message may be shown to anybody. It
 * names only the URL's host, since paths and queries may hold secrets, and no address that a name resolved to.
 */
export class FetchError extends Error {
  override readonly name = 'FetchError';
  readonly reason: FetchReason;
  /** The host it is about; after a redirect, the new one. Undefined if the URL names none that could be fetched. */
  readonly host: string | undefined;
  /** A rule forbids the fetch, so that another try is refused, too. */
  readonly isRefusal: boolean;

  /** @param more  `detail` replaces the reason's own sentence; `cause` is for the log. */
  constructor(reason: FetchReason, host: string | undefined, more: { detail?: string; cause?: unknown } = {}) {
    const { isRefusal, text } = REASONS[reason];
    const what = host === undefined ? 'The fetch' : `The fetch from '${host}'`;
    super(
      `${what} ${isRefusal ? 'was refused' : 'failed'}: ${more.detail ?? text}`,
      more.cause === undefined ? undefined : { cause: more.cause },
    );
    this.reason = reason;
    this.host = host;
    this.isRefusal = isRefusal;
  }
}
