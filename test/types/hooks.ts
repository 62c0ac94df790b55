/** The hooks: what each tap is given, and what it may return. Compiled by `npm run typecheck`, never run. */
import { expectTypeOf } from 'vitest';
import { STAGE, streamReply, ByteStream } from 'optigate';
import type {
  Arrival,
  AroundHook,
  Call,
  Chunk,
  Exchange,
  Handler,
  HookName,
  Hooks,
  IdentityGrant,
  Layer,
  LooseReply,
  Outcome,
  Plan,
  Reply,
  Wish,
} from 'optigate';

declare const hooks: Hooks;
declare const plan: Plan;

expectTypeOf<HookName>().toEqualTypeOf<
  'authenticate' | 'request' | 'plan' | 'answer' | 'upstream' | 'chunk' | 'response' | 'finished' | 'shutdown'
>();

// authenticate: an identity with what pays for it, or nothing.
hooks.authenticate.tap('mine', (arrival) => {
  expectTypeOf(arrival).toEqualTypeOf<Arrival>();
  expectTypeOf(arrival.client.headers['x-team']).toEqualTypeOf<string | readonly string[] | undefined>();
  return arrival.client.address === '127.0.0.1' ? { id: 'local', models: ['gpt-4o*'], serverKey: false } : undefined;
});
hooks.authenticate.tapPromise('mine', () => Promise.resolve({ id: 'caller', upstreamKeys: { main: 'sk-1' } }));
expectTypeOf<IdentityGrant['id']>().toEqualTypeOf<string>();

// @ts-expect-error: callers without an id would share caches and limits
hooks.authenticate.tap('mine', () => ({ name: 'caller' }));

// @ts-expect-error: there is no body yet, nor an identity
hooks.authenticate.tap('mine', ({ request }) => void request);

// request: changes the exchange's request, or throws.
hooks.request.tap('mine', (exchange) => {
  expectTypeOf(exchange).toEqualTypeOf<Exchange>();
  // Which members a body has is known by its operation.
  if (exchange.operation === 'chat') exchange.request = exchange.request.with({ temperature: 0 });
  // @ts-expect-error: not every body has messages
  else void exchange.request.value.messages.length;
});
hooks.request.tapPromise('mine', async () => {});

// @ts-expect-error: a request is replaced by a payload, not by a value
hooks.request.tap('mine', (exchange) => void (exchange.request = { model: 'gpt-4o' }));

// plan: a whole plan, a wish, or nothing.
hooks.plan.tap('mine', () => plan);
hooks.plan.tap('mine', (exchange): Wish | undefined =>
  exchange.operation === 'chat' ? { approach: 're2&bon', model: 'gpt-4o' } : undefined,
);
hooks.plan.tapPromise('mine', () => Promise.resolve({ approach: 'none' }));
expectTypeOf<Required<Wish>>().toEqualTypeOf<{ readonly approach: string; readonly model: string }>();

// @ts-expect-error: an expression is a text
hooks.plan.tap('mine', () => ({ approach: ['re2', 'bon'] }));

// @ts-expect-error: a name alone is no wish
hooks.plan.tap('mine', () => 'bon');

// answer, upstream: layers.
expectTypeOf<Hooks['answer']>().toEqualTypeOf<AroundHook>();
expectTypeOf<Layer>().toEqualTypeOf<(call: Call, next: Handler) => Promise<LooseReply>>();
hooks.upstream.tap({ name: 'mine', stage: STAGE.upstream.attempt }, async (call, next) => {
  expectTypeOf(call).toEqualTypeOf<Call>();
  const reply = await next(call.with({}, { signal: AbortSignal.timeout(1_000) }));
  expectTypeOf(reply).toEqualTypeOf<Reply>();
  if (reply.kind === 'complete') expectTypeOf(reply.body.value.choices).toExtend<readonly unknown[]>();
  // @ts-expect-error: a stream has no value
  else void reply.body.value;
  return reply;
});
hooks.answer.tap('mine', (call, next) => next(call));

// The body of a stream may be any async iterable of bytes.
async function* bytes() {
  yield Buffer.from('data: [DONE]\n\n');
}
hooks.answer.tap('mine', () =>
  Promise.resolve({ kind: 'stream', status: 200, headers: ['content-type', 'text/event-stream'], body: bytes() }),
);
hooks.answer.tap('mine', () => Promise.resolve(streamReply(ByteStream.from(bytes()))));

// @ts-expect-error: a layer brings a reply
hooks.answer.tap('mine', (call, next) => void next(call));

// @ts-expect-error: headers are a flat list, so that their order and repetitions last
hooks.answer.tap('mine', () => Promise.resolve({ kind: 'stream', status: 200, headers: {}, body: bytes() }));

// @ts-expect-error: only `answer` and `upstream` have stages
void STAGE.response;

// chunk: sync, once per token; returns the chunk.
hooks.chunk.tap('mine', (chunk, exchange) => {
  expectTypeOf(chunk).toEqualTypeOf<Chunk>();
  expectTypeOf(exchange).toEqualTypeOf<Exchange>();
  return { ...chunk, model: 'mine' };
});

// @ts-expect-error: not async, since it runs once per token
hooks.chunk.tap('mine', async (chunk) => chunk);

// response: the reply, or another one.
hooks.response.tap('mine', (reply, exchange) => {
  expectTypeOf(reply).toEqualTypeOf<LooseReply>();
  exchange.headers.set('x-mine', String(reply.status));
  return reply;
});
hooks.response.tapPromise('mine', (reply) => Promise.resolve({ ...reply, status: 202 }));

// @ts-expect-error: a text is no reply
hooks.response.tap('mine', () => 'Hello');

// finished: looks on.
hooks.finished.tap('mine', (exchange, outcome) => {
  expectTypeOf(exchange).toEqualTypeOf<Exchange>();
  expectTypeOf(outcome).toEqualTypeOf<Outcome>();
  exchange.log.info({ status: outcome.status, ms: outcome.durationMs, code: outcome.error?.code }, 'seen');
});

// @ts-expect-error: the answer is sent
hooks.finished.tap('mine', (_, outcome) => void (outcome.status = 200));

// shutdown: closes what `apply` opened, and may wait for it.
hooks.shutdown.tapPromise('mine', async () => {});

// @ts-expect-error: the hooks are these
hooks.requests.tap('mine', () => {});
