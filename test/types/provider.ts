/** Providers: what speaks an upstream's API. Compiled by `npm run typecheck`, never run. */
import { expectTypeOf } from 'vitest';
import {
  definePlugin,
  modelsOf,
  wires,
  type Call,
  type Model,
  type Provider,
  type Upstream,
  type Wire,
} from 'optigate';

const provider: Provider = {
  name: 'mine',
  description: 'Speaks its own dialect.',
  wires: [wires.chat, wires.plain],
  isRemote: true,
  defaultBaseUrl: 'https://api.example.org/v1',
  send(call, transport) {
    expectTypeOf(call).toEqualTypeOf<Call>();
    return transport.send(call, {
      method: 'POST',
      path: '/chat/completions',
      headers: ['content-type', 'application/json'],
      body: call.request.bytes,
      credential: { header: 'authorization', scheme: 'Bearer' },
      wire: wires.chat,
    });
  },
  async models(upstream, { transport, call, signal }) {
    expectTypeOf(upstream).toEqualTypeOf<Upstream>();
    const credential = { header: 'x-api-key' };
    return modelsOf(await transport.get(upstream, { path: '/models', credential, call, signal }));
  },
};
expectTypeOf<Provider['models']>().returns.resolves.toEqualTypeOf<readonly Model[]>();
expectTypeOf<Provider['wires']>().toEqualTypeOf<readonly Wire[]>();

definePlugin({ name: 'mine', description: 'A provider.', apply: ({ providers }) => providers.add(provider) });

const { wires: _, ...silent } = provider;
// @ts-expect-error: a provider says which wires it speaks
void (silent satisfies Provider);

// @ts-expect-error: wires are objects, so that a new one needs no change elsewhere
void ({ ...provider, wires: ['chat'] } satisfies Provider);

// @ts-expect-error: there is no such wire
void wires.gemini;

// A key may sign a request instead of going with it; only the transport gives it out.
void ({
  ...provider,
  send: (call, transport) =>
    transport.send(call, {
      method: 'POST',
      path: '/invoke',
      headers: [],
      body: call.request.bytes,
      credential: { sign: ({ url }, key) => ['x-signature', `${url.host} ${key ?? ''}`] },
      wire: wires.chat,
    }),
} satisfies Provider);

// @ts-expect-error: the body of a refusal is bytes, and the status is needed to tell
modelsOf('[]');

declare const upstream: Upstream;
expectTypeOf(upstream.hasServerKey).toEqualTypeOf<boolean>();
// @ts-expect-error: a plugin cannot read the server's key
void upstream.serverKey;
