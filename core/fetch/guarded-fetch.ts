/**
 * Fetches URLs that somebody else chose: a user in a prompt, a model, a page that redirects. Such a URL may point into
 * the operator's network (server-side request forgery), or to an answer that never ends. So each host is checked before
 * a connection is made, and everything is limited: redirects, headers, bytes, time.
 */
import type { IncomingMessage } from 'node:http';
import type { HeaderList } from '../bytes/header-list.ts';
import type { Clock } from '../clock.ts';
import { isDisguised, matchesType, readContentType, type ContentType } from './content-type.ts';
import { FetchError } from './fetch-error.ts';
import { completeOptions, type FetchOptions, type FetchSettings } from './fetch-options.ts';
import { checkedAddresses, openPinned, systemResolve, type Resolve } from './pinned-connection.ts';
import { readBody } from './read-body.ts';
import { TimeLimits } from './time-limits.ts';
import { checkRedirect, checkUrl, hostOf } from './url-rules.ts';

/** A fetched answer, read whole. */
export interface Fetched {
  /** The URL that answered, after redirects, without a fragment. */
  readonly url: string;
  /** Any status: a 404 is an answer, not an error. */
  readonly status: number;
  readonly headers: HeaderList;
  /** Undefined if the server does not say. */
  readonly contentType: ContentType | undefined;
  /** Decompressed. */
  readonly body: Buffer;
}

/**
 * Gets a URL that need not be trusted, or posts to it. Rejects with a `FetchError`; if the caller's signal aborts, with
 * its reason; and if an option makes no sense, with a `TypeError` or `RangeError`.
 */
export type GuardedFetch = (url: string | URL, options?: FetchOptions) => Promise<Fetched>;

/** Creates the `context.fetch` of plugins. */
export function createFetch({ clock, resolve = systemResolve }: { clock: Clock; resolve?: Resolve }): GuardedFetch {
  return async (url, options = {}) => {
    options.signal?.throwIfAborted();
    const settings = completeOptions(options);
    const limits = new TimeLimits({ clock, timeouts: settings.timeouts, signal: options.signal });
    try {
      return await follow(checkUrl(url, settings.urls), { settings, limits, resolve });
    } finally {
      limits.end();
    }
  };
}

/** What all requests of one fetch share. */
interface Trip {
  readonly settings: FetchSettings;
  readonly limits: TimeLimits;
  readonly resolve: Resolve;
}

/** Sends a request, and follows redirects until there is an answer. */
async function follow(first: URL, trip: Trip): Promise<Fetched> {
  const { maxRedirects, urls } = trip.settings;
  const visited = new Set<string>();
  let url = first;
  let isFirstOrigin = true;
  for (;;) {
    visited.add(url.href);
    // Another origin may redirect back to the first one. That URL is not the caller's choice, so it gets no keys
    // either.
    isFirstOrigin &&= url.origin === first.origin;
    const result = await hop(url, { ...trip, isFirstOrigin });
    if (typeof result !== 'string') return result;
    if (visited.size > maxRedirects) throw new FetchError('too_many_redirects', hostOf(url));
    url = checkRedirect(result, url, urls);
    if (visited.has(url.href)) throw new FetchError('redirect_loop', hostOf(url));
  }
}

/** One request: its answer, or where it redirects to. The socket is closed when it returns or throws. */
async function hop(url: URL, trip: Trip & { readonly isFirstOrigin: boolean }): Promise<Fetched | string> {
  const { settings, limits, resolve, isFirstOrigin } = trip;
  const { signal } = limits;
  const host = hostOf(url);
  limits.enter('connect', host);
  try {
    const addresses = await checkedAddresses(url, { rules: settings.addresses, resolve, signal });
    const connection = openPinned({
      url,
      addresses,
      headers: headersFor(settings, isFirstOrigin),
      body: settings.body,
      ca: settings.ca,
      signal,
      onConnect: () => limits.enter('headers', host),
    });
    try {
      const answer = await connection.answer;
      limits.enter('idle', host);
      return redirectOf(answer) ?? (await read(answer, url, trip));
    } finally {
      connection.close();
    }
  } catch (error) {
    // If the signal has aborted, it is the cause of the error.
    if (signal.aborted) throw signal.reason as Error;
    throw error instanceof FetchError ? error : brokenConnection(error, host);
  }
}

/** Headers that go to every origin. The caller's other headers go only to the first one. */
const FOR_EVERY_ORIGIN = new Set(['accept', 'accept-encoding', 'accept-language', 'user-agent']);

function headersFor({ headers }: FetchSettings, isFirstOrigin: boolean): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => isFirstOrigin || FOR_EVERY_ORIGIN.has(name)));
}

function redirectOf({ statusCode, headers: { location } }: IncomingMessage): string | undefined {
  return [301, 302, 303, 307, 308].includes(statusCode ?? 0) ? location : undefined;
}

async function read(answer: IncomingMessage, url: URL, { settings, limits }: Trip): Promise<Fetched> {
  const { maxBytes } = settings;
  const host = hostOf(url);
  const status = answer.statusCode ?? 0;
  const contentType = readContentType(answer.headers['content-type']);
  // An error page may have another type, but the caller needs its status.
  const wanted = status >= 200 && status < 300 ? settings.contentTypes : undefined;
  if (wanted && !(contentType && matchesType(contentType.type, wanted))) throw new FetchError('content_type', host);
  if (Number(answer.headers['content-length'] ?? 0) > maxBytes) {
    throw new FetchError('too_large', host, { detail: `the answer is larger than ${maxBytes} bytes` });
  }
  const body = await readBody(answer, {
    host,
    encoding: answer.headers['content-encoding'],
    maxBytes,
    onData: () => limits.enter('idle', host),
  });
  if (wanted && contentType && isDisguised(contentType, body)) {
    throw new FetchError('content_type', host, { detail: `the content is not the ${contentType.type} it says it is` });
  }
  return { url: url.href, status, headers: headerListOf(answer), contentType, body };
}

function headerListOf({ rawHeaders }: IncomingMessage): HeaderList {
  return rawHeaders.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text));
}

function brokenConnection(cause: unknown, host: string): FetchError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
  if (code === 'HPE_HEADER_OVERFLOW') return new FetchError('too_large', host, { detail: 'its headers are too large' });
  return new FetchError('connection', host, {
    ...(code === undefined ? {} : { detail: `the connection failed (${code})` }),
    cause,
  });
}
