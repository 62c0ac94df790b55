import { Readable } from 'node:stream';
import type { HeaderList } from '../bytes/header-list.ts';
import type { Clock } from '../clock.ts';
import { gatewayError } from '../errors.ts';
import type { Call } from '../exchange/exchange.ts';
import { Upstream } from '../exchange/upstream.ts';
import type { Kept } from '../kept.ts';
import { credentialFor, type Credential } from '../upstream/credentials.ts';
import type { Transport, UpstreamRequest, CredentialHeader } from '../upstream/provider.ts';
import { Attempt } from './attempt.ts';
import { readWhole } from './own-get.ts';
import { createPools, type Pools } from './pools.ts';
import { Secrets } from './secrets.ts';

/** What the transport needs. */
export interface TransportDeps {
  /** Keeps the connections over a reload. */
  readonly kept: Kept;
  readonly clock: Clock;
}

/** Creates the transport of one pipeline. Its connections are shared with the pipelines before and after it. */
export function createTransport({ kept, clock }: TransportDeps): Transport {
  const pools = kept.keep<Pools>('upstream pools', createPools);
  return {
    async send(call, request) {
      const { upstream, signal, exchange } = call;
      signal.throwIfAborted();
      const credential = credentialFor(exchange, upstream);
      const { pool, prefix } = pools.for(upstream);
      const proof = proofOf(upstream, request, credential);
      const headers = headersOf(call, request, proof instanceof Promise ? await proof : proof);
      signal.throwIfAborted();
      call.spend();
      const attempt = new Attempt({
        call,
        wire: request.wire,
        method: request.method,
        secrets: secretsOf(upstream, credential.key),
        clock,
      });
      pool.dispatch(
        {
          method: request.method,
          path: prefix + request.path,
          headers,
          body: toBody(request.body),
          // The attempt's own timeout covers the wait for headers.
          headersTimeout: 0,
          bodyTimeout: upstream.settings.idleTimeoutMs,
        },
        attempt,
      );
      return attempt.reply;
    },
    async get(upstream, { path, headers = [], credential, call, signal }) {
      const payment = call ? credentialFor(call.exchange, upstream) : { key: Upstream.serverKeyOf(upstream) };
      const { pool, prefix } = pools.for(upstream);
      const sent = ['accept', 'application/json', ...headers];
      return readWhole(pool, {
        path: prefix + path,
        headers: [
          ...sent,
          ...(await proofOf(upstream, { method: 'GET', path, headers: sent, body: undefined, credential }, payment)),
        ],
        signal,
        timeoutMs: upstream.settings.timeoutMs,
      });
    },
  };
}

function headersOf(call: Call, request: UpstreamRequest, proof: HeaderList): string[] {
  const headers = [...request.headers, ...proof];
  const { upload } = call.exchange;
  if (upload?.contentLength !== undefined && request.body === upload.body)
    headers.push('content-length', String(upload.contentLength));
  return headers;
}

/** The headers that carry the key or prove it. */
function proofOf(
  upstream: Upstream,
  { credential, method, path, headers, body }: Omit<UpstreamRequest, 'wire'>,
  { key, isBearer = false }: Pick<Credential, 'key' | 'isBearer'>,
): HeaderList | Promise<HeaderList> {
  if ('header' in credential) return keyHeader(isBearer && credential.knowsBearer === true ? BEARER : credential, key);
  const url = new URL(upstream.baseUrl + path);
  return credential.sign({ method, url, headers, body: Buffer.isBuffer(body) ? body : undefined }, key);
}

const BEARER: CredentialHeader = { header: 'authorization', scheme: 'Bearer' };

function keyHeader({ header, scheme }: CredentialHeader, key: string | undefined): string[] {
  if (key === undefined) return [];
  // A line break in a key would begin another header.
  if (/[^\x21-\x7e]/.test(key))
    throw gatewayError('invalid_api_key', { detail: 'The upstream key has characters that no header can carry' });
  return [header, scheme === undefined ? key : `${scheme} ${key}`];
}

function toBody(body: UpstreamRequest['body']): Buffer | Readable | null {
  if (body === undefined) return null;
  return Buffer.isBuffer(body) ? body : Readable.from(lazily(body), { objectMode: false });
}

/** Reads `body` only when it is read itself. If a request is dropped before, its body can still be sent by another. */
async function* lazily(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield* body;
}

/** Those of calls that the server's key pays, or nobody: most are, so that they are made once. */
const ofServer = new WeakMap<Upstream, Secrets>();

function secretsOf(upstream: Upstream, key: string | undefined): Secrets {
  const serverKey = Upstream.serverKeyOf(upstream);
  if (key !== undefined && key !== serverKey) return new Secrets([serverKey, key]);
  let secrets = ofServer.get(upstream);
  if (!secrets) ofServer.set(upstream, (secrets = new Secrets([serverKey])));
  return secrets;
}
