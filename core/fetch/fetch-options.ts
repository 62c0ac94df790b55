import { isIP } from 'node:net';
import { checkHeader } from '../bytes/header-list.ts';
import { readAddressRange, type AddressRange } from './address-range.ts';
import { createAddressRules, type AddressRules } from './address-rules.ts';
import type { UrlRules } from './url-rules.ts';

/** How long the parts of a fetch may take. */
export interface FetchTimeouts {
  /** Until the name is resolved and the connection is made, TLS included. Begins again with each redirect. */
  readonly connectMs: number;
  /** From there until the answer's headers are in. Begins again with each redirect. */
  readonly headersMs: number;
  /** Between two pieces of the body. */
  readonly idleMs: number;
  /** For all of it, redirects included. Also ends a body that comes in many small pieces. */
  readonly totalMs: number;
}

/** How a fetch is done, and what it may reach. */
export interface FetchOptions {
  /** Ends the fetch, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * Sent beside the fetch's own headers. After a redirect to another origin, only `accept` and `accept-language` are
   * sent, since others may carry keys. Headers of the connection, `cookie`, `referer` and `accept-encoding` cannot be
   * set.
   */
  readonly headers?: Readonly<Record<string, string>>;
  /** Makes it a POST, which is not redirected. Set `content-type` in `headers`. */
  readonly body?: string | Uint8Array;
  /**
   * Types that a 2xx answer may have: `text/html`, `text/*`. A binary body that claims to be text is refused, too.
   * Default: all.
   */
  readonly contentTypes?: readonly string[];
  /** Default: `optigate`. */
  readonly userAgent?: string;
  /** The longest body, before and after decompression. Default: 5 MiB. */
  readonly maxBytes?: number;
  /** 0 refuses every redirect. Default: 5. */
  readonly maxRedirects?: number;
  /** Default: 3 s to connect, 5 s for headers, 5 s idle, 10 s in total. */
  readonly timeouts?: Partial<FetchTimeouts>;
  /** Default: 80 and 443. */
  readonly ports?: readonly number[];
  /**
   * The only hosts that are allowed: names, `*.example.com`, or addresses. The addresses of a name must be allowed as
   * well.
   */
  readonly allowHosts?: readonly string[];
  /** Hosts that are never fetched, even if another option allows them: as in `allowHosts`, and address ranges. */
  readonly denyHosts?: readonly string[];
  /**
   * Ranges that are allowed although not public: `10.1.0.0/16`, `127.0.0.1/32:8080`. The port must be in `ports`, too.
   */
  readonly allowPrivate?: readonly string[];
  /** Certificates (PEM) that are trusted instead of the public ones. */
  readonly ca?: string;
}

/** The options of one fetch, complete and checked. */
export interface FetchSettings {
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string | Uint8Array | undefined;
  readonly contentTypes: readonly string[] | undefined;
  readonly maxBytes: number;
  readonly maxRedirects: number;
  readonly timeouts: FetchTimeouts;
  readonly urls: UrlRules;
  readonly addresses: AddressRules;
  readonly ca: string | undefined;
}

const TIMEOUTS: FetchTimeouts = { connectMs: 3_000, headersMs: 5_000, idleMs: 5_000, totalMs: 10_000 };

/**
 * Headers that a caller cannot set, since they belong to the connection, are decided here, or could carry a credential
 * unnoticed.
 */
const OWN_HEADERS = new Set(
  (
    'accept-encoding connection content-length cookie expect host keep-alive proxy-authorization proxy-connection ' +
    'referer te trailer transfer-encoding upgrade user-agent'
  ).split(' '),
);

/** Checks options and adds the defaults. Throws a `TypeError` or a `RangeError` that names a wrong option. */
export function completeOptions(options: FetchOptions): FetchSettings {
  const { body, contentTypes, allowHosts, ca } = options;
  const { ports = [80, 443], denyHosts = [], allowPrivate = [] } = options;
  const timeouts = { ...TIMEOUTS, ...options.timeouts };
  for (const name of Object.keys(TIMEOUTS) as (keyof FetchTimeouts)[])
    checkNumber(`timeouts.${name}`, timeouts[name], 1);
  const maxBytes = options.maxBytes ?? 5 * 1024 * 1024;
  const maxRedirects = options.maxRedirects ?? 5;
  checkNumber('maxBytes', maxBytes, 0);
  checkNumber('maxRedirects', maxRedirects, 0);
  return {
    headers: headersOf(options),
    body,
    contentTypes: contentTypes?.map((type) => type.toLowerCase()),
    maxBytes,
    // A body is meant only for the URL that the caller chose.
    maxRedirects: body === undefined ? maxRedirects : 0,
    timeouts,
    urls: {
      ports,
      allowHosts,
      denyHosts: denyHosts.filter((entry) => !isForAddresses(entry)),
      allowLocalNames: allowPrivate.length > 0,
    },
    addresses: createAddressRules({
      allowPrivate: allowPrivate.map((text) => rangeOf('allowPrivate', text)),
      denied: denyHosts.filter(isForAddresses).map((text) => rangeOf('denyHosts', text)),
    }),
    ca,
  };
}

function checkNumber(name: string, value: number, min: number): void {
  // A limit such as NaN would never be reached, and timers of Node support no more than 31 bits.
  if (!Number.isInteger(value) || value < min || value > 0x7fffffff)
    throw new RangeError(`fetch: '${name}' must be an integer from ${min} to 2147483647, not ${value}`);
}

/**
 * Is the entry meant as addresses? No name contains a colon or a slash, so such an entry must not be taken for a name.
 */
function isForAddresses(entry: string): boolean {
  return isIP(entry) !== 0 || /[/:]/.test(entry);
}

function rangeOf(option: string, text: string): AddressRange {
  const range = readAddressRange(text);
  if (!range) throw new TypeError(`fetch: '${option}' must hold ranges such as 10.0.0.0/8, not '${text}'`);
  return range;
}

function headersOf({ headers = {}, contentTypes, userAgent = 'optigate' }: FetchOptions): Map<string, string> {
  const list = new Map([
    ['accept', contentTypes?.join(', ') ?? '*/*'],
    ['accept-encoding', 'gzip, deflate, br'],
    ['user-agent', userAgent],
  ]);
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    if (OWN_HEADERS.has(lower)) throw new TypeError(`fetch: the header '${lower}' cannot be set`);
    list.set(lower, value);
  }
  for (const [name, value] of list) checkHeader(name, value);
  return list;
}
