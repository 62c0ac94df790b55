/** Makes what a transport needs without a server in front: an upstream, an exchange, a call. */
import { pino } from 'pino';
import { Call, type Exchange, type Operation, type Upload } from '../../core/exchange.ts';
import { ResponseHeaders } from '../../core/header-list.ts';
import { Ledger } from '../../core/ledger.ts';
import type { ChatRequest } from '../../core/openai/types.ts';
import { Payload } from '../../core/payload.ts';
import { SILENT } from '../../core/progress.ts';
import { NO_TRACE, type Trace } from '../../core/trace.ts';
import { Identity, type IdentityGrant } from '../../core/upstream/credentials.ts';
import type { Provider } from '../../core/upstream/provider.ts';
import { Upstream, type UpstreamSettings } from '../../core/upstream/upstream.ts';

const PLAIN_PROVIDER: Provider = {
  name: 'plain',
  description: 'sends nothing by itself',
  wire: 'openai',
  isRemote: true,
  send: () => Promise.reject(new Error('not used')),
  models: () => Promise.reject(new Error('not used')),
};

export function upstreamAt(
  baseUrl: string,
  { key = 'sk-server', ...settings }: Partial<UpstreamSettings> & { readonly key?: string | null } = {},
): Upstream {
  return new Upstream(
    {
      name: 'main',
      baseUrl,
      provider: PLAIN_PROVIDER,
      timeoutMs: 60_000,
      connectTimeoutMs: 5_000,
      idleTimeoutMs: 60_000,
      forwardHeaders: [],
      tls: { verify: true },
      needsKey: true,
      models: [],
      extra: {},
      ...settings,
    },
    key ?? undefined,
  );
}

export interface CallOptions {
  readonly operation?: Operation;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Exchange['client']['headers'];
  /** Exact bytes, or a value. Default: a chat of one message. */
  readonly body?: Buffer | object;
  readonly upload?: Upload;
  readonly identity?: IdentityGrant;
  readonly signal?: AbortSignal;
  readonly trace?: Trace;
  readonly wantsWhole?: boolean;
}

export function callTo(upstream: Upstream, options: CallOptions = {}): Call {
  const { operation = 'chat', body = { model: 'm', messages: [{ role: 'user', content: 'hi' }] } } = options;
  const signal = options.signal ?? new AbortController().signal;
  const request = Buffer.isBuffer(body) ? Payload.fromBytes<ChatRequest>(body) : Payload.fromValue(body as ChatRequest);
  const exchange = {
    id: 'req-1',
    operation,
    client: {
      method: options.method ?? 'POST',
      path: options.path ?? '/v1/chat/completions',
      headers: options.headers ?? {},
      address: '127.0.0.1',
    },
    headers: new ResponseHeaders(),
    identity: new Identity(options.identity ?? { id: 'anybody' }),
    signal,
    ledger: new Ledger(),
    progress: SILENT,
    trace: options.trace ?? NO_TRACE,
    log: pino({ level: 'silent' }),
    plan: { upstream },
    ordinals: new Map<string, number>(),
    startedAt: performance.now(),
    request,
    ...(options.upload ? { upload: options.upload } : {}),
  } as unknown as Exchange;
  return new Call({ exchange, request, role: 'answer', upstream, signal, wantsWhole: options.wantsWhole ?? false });
}
