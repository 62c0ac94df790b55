/** What `apply` is given beside hooks and approaches. Compiled by `npm run typecheck`, never run. */
import { expectTypeOf } from 'vitest';
import { FetchError } from 'optigate';
import type { CheckState, Exchange, Fetched, FetchReason, Logger, PluginContext, Wish } from 'optigate';

declare const context: PluginContext<{ rules: string }>;
declare const exchange: Exchange;

// fetch: guarded, whole, with options that narrow.
expectTypeOf(context.fetch('https://example.org')).toEqualTypeOf<Promise<Fetched>>();
void context.fetch(new URL('https://example.org'), {
  maxBytes: 1_000,
  contentTypes: ['text/*'],
  timeouts: { totalMs: 1 },
});
expectTypeOf<Fetched['body']>().toEqualTypeOf<Buffer>();
expectTypeOf(new FetchError('redirect_loop', 'example.org').reason).toEqualTypeOf<FetchReason>();

// @ts-expect-error: `fetch` of the platform calls it so; here a body makes it a POST
void context.fetch('https://example.org', { method: 'POST' });

// @ts-expect-error: an answer is whole, there is nothing to wait for
void context.fetch('https://example.org').then((fetched) => fetched.json());

// keep: of the type that `create` makes.
expectTypeOf(context.keep('pool', () => new Map<string, number>())).toEqualTypeOf<Map<string, number>>();

// @ts-expect-error: a value alone would be made at every reload
context.keep('pool', new Map<string, number>());

// wishOf: what the client asks for.
expectTypeOf(context.wishOf(exchange)).toEqualTypeOf<Promise<Wish>>();

// @ts-expect-error: a wish comes later
void context.wishOf(exchange).approach;

// checks: up or down, at once or later.
context.checks.add('mine', () => 'up');
context.checks.add('mine', async (): Promise<CheckState> => 'down');
expectTypeOf<CheckState>().toEqualTypeOf<'up' | 'down'>();

// @ts-expect-error: there are two states
context.checks.add('mine', () => 'sleepy');

// @ts-expect-error: a check is a function
context.checks.add('mine', 'up');

// Routes of one's own know who asks.
context.app.get('/mine', { config: { public: true } }, (request) => ({ id: request.identity?.id }));

// @ts-expect-error: on a public route nobody is known
context.app.get('/mine', (request) => ({ id: request.identity.id }));

// The rest.
expectTypeOf(context.log).toEqualTypeOf<Logger>();
expectTypeOf(context.upstreams).toEqualTypeOf<readonly string[]>();
expectTypeOf(context.clock.now()).toEqualTypeOf<number>();

// @ts-expect-error: a plugin adds providers; core alone looks them up
context.providers.get('openai');
