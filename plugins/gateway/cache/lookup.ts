/** From a call to its answer: memory, a flight under way, Redis, another process at it, at last the call itself. */
import {
  BudgetExhausted,
  ByteStream,
  completeReply,
  delay,
  Payload,
  streamReply,
  withHeader,
  type Call,
  type Clock,
  type Handler,
  type LooseReply,
  type Reply,
  type Wire,
} from '../../../core/index.ts';
import type { Directives } from './directives.ts';
import { headersToKeep, type Entry, type Form } from './entry.ts';
import { Flight, type Landing } from './flights.ts';
import type { MemoryStore } from './memory.ts';
import { Patiences } from './patience.ts';
import type { Found, Lease, RedisStore } from './redis.ts';
import { changeFor, render, withoutObfuscation } from './replay.ts';

export interface Parts {
  readonly memory: MemoryStore;
  /** The store behind the memory, where there is one. */
  readonly redis: RedisStore | undefined;
  /** Those that can still be boarded, by key. */
  readonly flights: Map<string, Flight>;
  readonly clock: Clock;
  readonly ttlMs: number;
  /** How long the memory keeps what Redis has. */
  readonly memoryTtlMs: number;
  readonly maxEntryBytes: number;
}

export type CacheState = 'hit' | 'miss' | 'bypass';

/** One question to the cache. */
export interface Question {
  readonly call: Call;
  readonly next: Handler;
  readonly key: string;
  readonly form: Form;
  readonly directives: Directives;
  /** May others have the answer while it comes? */
  readonly isLive: boolean;
  /** Asked when the answer is whole: is it less than another try might bring? Then it is shared, and not kept. */
  isPartial?(): boolean;
  /** Told before the answer, and before the call that is made for it. */
  mark(state: CacheState): void;
}

/** Waits between looks at what another process brings. */
const FIRST_LOOK_MS = 20;
const SLOWEST_LOOK_MS = 200;
/** A reader who does not read may hold up the other process. */
const LONGEST_WAIT_MS = 120_000;

export function createLookup(parts: Parts): (question: Question) => Promise<LooseReply> {
  const { memory, redis, flights, clock } = parts;
  const patiences = new Patiences();

  return function ask(question: Question): Promise<LooseReply> {
    const { key, form, directives, call } = question;
    if (!directives.skipsLookup) {
      const entry = memory.get(key);
      const reply = entry && isYoung(entry, directives) ? fromMemory(key, entry, form, call.exchange.wire) : undefined;
      if (reply) {
        question.mark('hit');
        return Promise.resolve(reply);
      }
      const flight = flights.get(key);
      if (flight) return join(flight, question);
    }
    return lead(question);
  };

  /** What was made of an entry for one form is kept with it, and weighs. */
  function fromMemory(key: string, entry: Entry, form: Form, wire: Wire): Reply | undefined {
    const body = render(entry, form, wire);
    if (!body) return undefined;
    if (body !== entry.body && entry.made?.[form] !== body)
      memory.set(key, { ...entry, made: { ...entry.made, [form]: body } });
    return replyFrom(entry, form, body);
  }

  function isYoung(entry: Entry, { maxAgeMs }: Directives): boolean {
    return maxAgeMs === Infinity || clock.now() - entry.storedAt <= maxAgeMs;
  }

  /** Those whom one flight did not serve share the next; then each goes alone, lest somebody waits for ever. */
  async function join(flight: Flight, question: Question, { isLast = false } = {}): Promise<LooseReply> {
    const { call, form } = question;
    const change = changeFor(form, call.exchange.wire);
    const joining = flight.join({
      signal: call.signal,
      wantsStream: form !== 'complete',
      isLive: question.isLive,
      wantsWhole: call.wantsWhole,
      ...(change ? { change } : {}),
    });
    const landing = await joining.catch(unlessItsOwn);
    const reply = landing && replyOf(landing, question);
    if (!reply) {
      const following = isLast ? undefined : flights.get(question.key);
      return following ? join(following, question, { isLast: true }) : lead(question, { skipsRedis: true });
    }
    question.mark('hit');
    return reply;
  }

  /** undefined where the entry cannot be had in the form asked for. */
  function replyOf(landing: Landing, { form, call }: Question): Reply | undefined {
    if ('reply' in landing) return landing.reply;
    const body = render(landing.entry, form, call.exchange.wire);
    return body && replyFrom(landing.entry, form, body);
  }

  async function lead(question: Question, { skipsRedis = false } = {}): Promise<LooseReply> {
    const { key, call, next, directives } = question;
    const asksRedis = redis !== undefined && !skipsRedis && !directives.skipsLookup;
    let state: CacheState = directives.skipsLookup ? 'bypass' : 'miss';
    let lease: Lease | undefined;
    let written: Promise<void> | undefined;

    const flight = new Flight({
      maxBytes: parts.maxEntryBytes,
      async fetch(signal) {
        if (asksRedis) {
          const found = await findIn(redis, question, signal);
          if (found.kind === 'entry') return { entry: found.entry };
          if (found.kind === 'away') state = 'bypass';
          if (found.kind === 'missing') ({ lease } = found);
          if (signal.aborted) lease?.release();
          signal.throwIfAborted();
        }
        // Before the call: what an approach streams while it works takes the headers along.
        question.mark(state);
        return { reply: await next(call.with({}, { signal })) };
      },
      keep(reply, body) {
        const entry = entryFrom(reply, body, question);
        if (!entry || entry.expiresAt <= clock.now() || question.isPartial?.() === true) return entry;
        keepInMemory(key, entry);
        written = redis?.set(key, entry);
        return entry;
      },
      closed() {
        if (flights.get(key) === flight) flights.delete(key);
        // Not before the entry is there: whoever waits would find neither.
        if (lease) void (written ?? Promise.resolve()).then(() => lease?.release());
      },
    });
    if (!directives.skipsLookup && !flights.has(key)) flights.set(key, flight);

    const landing = await flight.lead(call.signal);
    const reply = replyOf(landing, question);
    if (!reply) return lead(question, { skipsRedis: true });
    if ('entry' in landing) question.mark('hit');
    return reply;
  }

  async function findIn(store: RedisStore, question: Question, signal: AbortSignal): Promise<Found> {
    const patience = patiences.of(question.call.exchange);
    if (patience.isSpent) return { kind: 'away' };
    const from = performance.now();
    let found = await store.find(question.key);
    if (found.kind !== 'entry') patience.count(from, performance.now());
    let wait = FIRST_LOOK_MS;
    while (found.kind === 'awaited' && performance.now() - from < LONGEST_WAIT_MS) {
      await delay(clock, wait, signal);
      wait = Math.min(1.5 * wait, SLOWEST_LOOK_MS);
      found = await store.watch(question.key);
    }
    if (found.kind !== 'entry') return found;
    keepInMemory(question.key, found.entry);
    return isYoung(found.entry, question.directives) ? found : { kind: 'missing', lease: undefined };
  }

  function keepInMemory(key: string, entry: Entry): void {
    const expiresAt = redis ? Math.min(entry.expiresAt, clock.now() + parts.memoryTtlMs) : entry.expiresAt;
    memory.set(key, { ...entry, expiresAt });
  }

  function entryFrom(reply: Reply, body: Buffer, { call, directives }: Question): Entry | undefined {
    const form = reply.kind === 'complete' ? 'complete' : 'stream';
    if (reply.kind === 'bytes' || reply.status !== 200 || body.length > parts.maxEntryBytes) return undefined;
    if (!call.exchange.wire.isSuccess(body, form)) return undefined;
    const storedAt = clock.now();
    return {
      storedAt,
      expiresAt: storedAt + (directives.ttlMs ?? parts.ttlMs),
      form,
      headers: headersToKeep(reply.headers),
      body: form === 'stream' ? withoutObfuscation(body) : body,
    };
  }
}

/** What the leader's own budget forbids, others may still do. */
function unlessItsOwn(error: unknown): undefined {
  if (!(error instanceof BudgetExhausted)) throw error;
}

function replyFrom(entry: Entry, form: Form, body: Buffer): Reply {
  const hasOwnForm = (form === 'complete') === (entry.form === 'complete');
  if (form === 'complete') {
    const type = 'application/json';
    return completeReply(
      Payload.fromBytes(body),
      200,
      hasOwnForm ? entry.headers : withHeader(entry.headers, 'content-type', type),
    );
  }
  const type = 'text/event-stream; charset=utf-8';
  const stream = new ByteStream(STORED);
  stream.push(body);
  stream.end();
  return streamReply(stream, 200, hasOwnForm ? entry.headers : withHeader(entry.headers, 'content-type', type));
}

/** A body that is all there. */
const STORED = { pause: () => undefined, resume: () => undefined, cancel: () => undefined };
