/**
 * Fetches what somebody else names: a user in a prompt, a model, a page that redirects. Such a URL may point into the
 * operator's network (server-side request forgery) or at something that never ends. So every hop is checked before it is
 * connected to, and everything is bounded: redirects, headers, bytes, time.
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

/** An answer, whole. */
export interface Fetched {
  /** The last one of a chain of redirects, without a fragment. */
  readonly url: string;
  /** Whatever the server says: 404 is an answer, not an error. */
  readonly status: number;
  readonly headers: HeaderList;
  /** Undefined when the server does not say. */
  readonly contentType: ContentType | undefined;
  /** Decompressed. */
  readonly body: Buffer;
}

/**
 * Gets a URL that need not be trusted, or posts to it. Rejects with a `FetchError`, with the reason of the caller's
 * signal, or, for options that make no sense, with a `TypeError` or `RangeError`.
 */
export type GuardedFetch = (url: string | URL, options?: FetchOptions) => Promise<Fetched>;

export function createFetch({ clock, resolve = systemResolve }: { clock: Clock; resolve?: Resolve }): GuardedFetch {
  return async (url, options = {}) => {
    options.signal?.throwIfAborted();
    const settings = completeOptions(options);
    const limits = new TimeLimits({ clock, timeouts: settings.timeouts, signal: options.signal });
    try {
      return await followed(checkUrl(url, settings.urls), { settings, limits, resolve });
    } finally {
      limits.end();
    }
  };
}

/** What all hops of one fetch share. */
interface Trip {
  readonly settings: FetchSettings;
  readonly limits: TimeLimits;
  readonly resolve: Resolve;
}

async function followed(first: URL, trip: Trip): Promise<Fetched> {
  const { maxRedirects, urls } = trip.settings;
  const visited = new Set<string>();
  let url = first;
  let isFirstOrigin = true;
  for (;;) {
    visited.add(url.href);
    // Another origin may lead back to the first one; what is asked there is then its choice, not the caller's.
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
    // Whatever broke because the signal aborted: the signal knows why.
    if (signal.aborted) throw signal.reason as Error;
    throw error instanceof FetchError ? error : brokenConnection(error, host);
  }
}

/** Headers that say what is wanted. They go to every origin, all others of the caller to the first one alone. */
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
  // Pages about an error have types of their own, and the caller wants the status.
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
