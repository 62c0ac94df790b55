/** What a request is made of: who asks, its body, and what it spends. Compiled by `npm run typecheck`, never run. */
import { expectTypeOf } from 'vitest';
import { Payload, type ChatRequest, type Exchange, type Identity, type IdentityGrant, type Ledger } from 'optigate';

declare const exchange: Exchange;
declare const other: Identity;

// An identity is known by its id; the keys that pay stay with core.
expectTypeOf(exchange.identity).toEqualTypeOf<Identity>();
expectTypeOf<keyof Identity>().toEqualTypeOf<'id' | 'name' | 'models'>();

// @ts-expect-error: the caller's key is not to be read
void exchange.identity.upstreamKey;

// @ts-expect-error: nor are those of its upstreams
void exchange.identity.upstreamKeys;

// @ts-expect-error: what `authenticate` grants becomes an identity, but is none
void ({ id: 'caller', upstreamKey: 'sk-1' } satisfies IdentityGrant satisfies Identity);

// @ts-expect-error: who asks does not change
exchange.identity = other;

// A body is changed by `with`, whose members are those of the body; undefined removes one.
const payload = Payload.fromValue<ChatRequest>({ model: 'gpt-4o', messages: [] });
expectTypeOf(payload.with({ temperature: 0.2, stop: undefined })).toEqualTypeOf<Payload<ChatRequest>>();
expectTypeOf(payload.bytes).toEqualTypeOf<Buffer>();
expectTypeOf(payload.value.messages).toEqualTypeOf<ChatRequest['messages']>();

// @ts-expect-error: a temperature is a number
payload.with({ temperature: 'hot' });

// @ts-expect-error: a value is read-only
payload.value.model = 'gpt-4o-mini';

// @ts-expect-error: so is the list of its messages
payload.value.messages.push({ role: 'user', content: 'Hello' });

// @ts-expect-error: bytes and value belong together, so a payload is made by `fromBytes` or `fromValue`
void new Payload();

// What was spent so far can be read by everybody.
expectTypeOf(exchange.ledger).toEqualTypeOf<Ledger>();
expectTypeOf(exchange.signal).toEqualTypeOf<AbortSignal>();
