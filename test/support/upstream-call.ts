/** Makes what a transport needs without a server in front: an upstream, and a call to it. */
import { Call } from '../../core/exchange/exchange.ts';
import { Upstream, type UpstreamSettings } from '../../core/exchange/upstream.ts';
import type { ChatRequest } from '../../core/wire/chat/chat-types.ts';
import type { Payload } from '../../core/bytes/payload.ts';
import type { Provider } from '../../core/upstream/provider.ts';
import { exchangeOf, plainPlan, type ExchangeOptions } from './exchange.ts';
import { wires } from '../../core/wire/wires.ts';

export const PLAIN_PROVIDER: Provider = {
  name: 'plain',
  description: 'sends nothing by itself',
  wires: [wires.chat, wires.completions, wires.embeddings, wires.responses, wires.plain],
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
      shortestKey: 0,
      models: [],
      extra: {},
      ...settings,
    },
    key ?? undefined,
  );
}

export interface CallOptions extends ExchangeOptions {
  readonly wantsWhole?: boolean;
}

/** The call of a plain plan for `upstream`. */
export function callTo(upstream: Upstream, options: CallOptions = {}): Call {
  const exchange = exchangeOf({ identity: { id: 'anybody' }, ...options });
  const request = exchange.request as Payload<ChatRequest>;
  exchange.plan = plainPlan(upstream, request);
  exchange.home = upstream;
  const { signal } = exchange;
  return new Call({ exchange, request, role: 'answer', upstream, signal, wantsWhole: options.wantsWhole ?? false });
}
