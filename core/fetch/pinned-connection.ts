/**
 * Connects only to addresses that were checked. The name is resolved once, here, and the socket uses the result. So a
 * name server cannot answer differently the second time (DNS rebinding).
 */
import { lookup } from 'node:dns/promises';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { AddressRules } from './address-rules.ts';
import { FetchError } from './fetch-error.ts';
import { hostOf, portOf } from './url-rules.ts';

const MAX_HEADER_BYTES = 16 * 1024;

/** Finds all addresses of a name. Rejects or finds none if there is no such name. */
export type Resolve = (name: string) => Promise<readonly string[]>;

/** Resolves as the machine does, its `hosts` file included. */
export const systemResolve: Resolve = async (name) => {
  const found = await lookup(name, { all: true, order: 'verbatim' });
  return found.map(({ address }) => address);
};

/**
 * The addresses of a URL's host. Throws a `FetchError` if any of them is not allowed, even if others are: a public name
 * with a private address is a mistake or an attack.
 */
export async function checkedAddresses(
  url: URL,
  { rules, resolve, signal }: { rules: AddressRules; resolve: Resolve; signal: AbortSignal },
): Promise<readonly string[]> {
  const host = hostOf(url);
  // A socket does not look up a host that is an address, so a check in its lookup would not see it.
  const addresses = isIP(host) ? [host] : await resolved(host, resolve, signal);
  if (!addresses.every((address) => rules.allows(address, portOf(url)))) throw new FetchError('address', host);
  return addresses;
}

async function resolved(host: string, resolve: Resolve, signal: AbortSignal): Promise<readonly string[]> {
  let addresses: readonly string[];
  try {
    addresses = await untilAborted(resolve(host), signal);
  } catch (cause) {
    throw new FetchError('unresolved', host, { cause });
  }
  if (addresses.length === 0) throw new FetchError('unresolved', host);
  return addresses;
}

/**
 * Rejects if the signal aborts first. A lookup of the system cannot be cancelled: it goes on, and its result is
 * ignored.
 */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** A request to addresses that were checked. */
export interface PinnedRequest {
  readonly url: URL;
  /** From `checkedAddresses`. */
  readonly addresses: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  /** Makes it a POST. */
  readonly body: string | Uint8Array | undefined;
  readonly ca: string | undefined;
  readonly signal: AbortSignal;
  readonly onConnect: () => void;
}

/** One request on its way. Close it in any case. */
export interface PinnedConnection {
  /** Resolves when the headers of the answer are there; its body is still to be read. */
  readonly answer: Promise<IncomingMessage>;
  /** Closes the socket, in whatever state it is. */
  close(): void;
}

/**
 * Sends one request on a new connection, without any proxy. The `host` header and the certificate's name are the URL's.
 */
export function openPinned(request: PinnedRequest): PinnedConnection {
  const { url, addresses, body, ca, onConnect } = request;
  const isTls = url.protocol === 'https:';
  const sent = (isTls ? https : http).request({
    protocol: url.protocol,
    hostname: hostOf(url),
    port: portOf(url),
    path: url.pathname + url.search,
    method: body === undefined ? 'GET' : 'POST',
    headers: request.headers,
    // No agent: a new socket, `connection: close`, and no proxy from the environment.
    agent: false,
    lookup: pinnedLookup(addresses),
    maxHeaderSize: MAX_HEADER_BYTES,
    signal: request.signal,
    ...(ca === undefined ? {} : { ca }),
  });
  sent.once('socket', (socket) => socket.once(isTls ? 'secureConnect' : 'connect', onConnect));
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', (message) => resolve(message.on('error', () => {})));
    sent.on('error', reject);
    sent.once('close', () => reject(new Error('closed without an answer')));
  });
  sent.end(body);
  return { answer, close: () => void sent.destroy() };
}

function pinnedLookup(addresses: readonly string[]): LookupFunction {
  const pinned = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_name, options, callback) => {
    const [first] = pinned;
    if (options.all === true) callback(null, pinned);
    else callback(null, first?.address ?? '', first?.family ?? 0);
  };
}
