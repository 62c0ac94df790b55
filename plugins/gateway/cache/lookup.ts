/**
 * Finds the answer to a call: in memory, by joining an equal call under way (a flight), in Redis, by waiting for
 * another process that makes the call, else by making the call.
 */
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
import { headersToKeep, isAnswer, type Entry, type Form } from './entry.ts';
import { Flight, type Landing } from './flights.ts';
import type { MemoryStore } from './memory.ts';
import { Patiences } from './patience.ts';
import type { Found, Lease, RedisStore } from './redis.ts';
import { changeFor, render, withoutObfuscation } from './replay.ts';

/** What looking up works with. */
export interface Parts {
  readonly memory: MemoryStore;
  /** The store behind the memory; undefined = none. */
  readonly redis: RedisStore | undefined;
  /** The flights that can still be joined, by key. */
  readonly flights: Map<string, Flight>;
  readonly clock: Clock;
  readonly ttlMs: number;
  /** With Redis: how long an entry stays in memory. */
  readonly memoryTtlMs: number;
  readonly maxEntryBytes: number;
}

/**
 * `x-optigate-cache`. `bypass` = nothing was looked up: the client does not want it, the answer depends on something
 * that the provider stores, or Redis cannot be asked.
 */
export type CacheState = 'hit' | 'miss' | 'bypass';

/** One question to the cache: a call, and how its answer is wanted. */
export interface Question {
  readonly call: Call;
  readonly next: Handler;
  readonly key: string;
  readonly form: Form;
  readonly directives: Directives;
  /** May the answer be passed on while it comes? Otherwise a request that joins a flight waits for the end. */
  readonly isLive: boolean;
  /** Called when the answer is whole. True = degraded by a failure or limit: sent, never cached. */
  isPartial?(): boolean;
  /** Reports the state, before the answer is returned and before a call is made for it. */
  mark(state: CacheState): void;
}

/**
 * How long to wait between two looks at what another process has stored: longer each time, from the first to the last.
 */
const FIRST_LOOK_MS = 20;
const SLOWEST_LOOK_MS = 200;
/** No longer wait for another process: a client that does not read its stream may hold it up. */
const LONGEST_WAIT_MS = 120_000;

/**
 * Makes the function that answers questions. A request that shares another one's call also gets that call's failure.
 */
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

  /** The entry in the given form. A form that had to be made is stored with the entry, and counts in its size. */
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

  /**
   * A request that a flight cannot serve joins the next one, once. Then it makes a call of its own, so that it never
   * waits on and on.
   */
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
    const landing = await joining.catch(ignoreBudgetOfLeader);
    const reply = landing && replyOf(landing, question);
    if (!reply) {
      const nextFlight = isLast ? undefined : flights.get(question.key);
      return nextFlight ? join(nextFlight, question, { isLast: true }) : lead(question, { skipsRedis: true });
    }
    question.mark('hit');
    return reply;
  }

  /** Undefined if the answer does not exist in the form that is asked for. */
  function replyOf(landing: Landing, { form, call }: Question): Reply | undefined {
    if ('reply' in landing) return landing.reply;
    const body = render(landing.entry, form, call.exchange.wire);
    return body && replyFrom(landing.entry, form, body);
  }

  /** Starts a flight: looks in Redis, then makes the call. */
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
          const found = await findInRedis(redis, question, signal);
          if (found.kind === 'entry') return { entry: found.entry };
          if (found.kind === 'away') state = 'bypass';
          if (found.kind === 'missing') ({ lease } = found);
          if (signal.aborted) lease?.release();
          signal.throwIfAborted();
        }
        // Marked before the call: if an approach streams its progress, the headers are sent with it.
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
        // Released only after the entry is written: other processes that wait would else find neither, and call, too.
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

  /**
   * Looks in Redis, unless the request has waited in vain for too long. Waits for an entry that another process will
   * store.
   */
  async function findInRedis(store: RedisStore, question: Question, signal: AbortSignal): Promise<Found> {
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
    if (!isAnswer(found.entry, question.call.exchange.wire)) return { kind: 'missing', lease: undefined };
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

/** A flight that fails by its leader's budget brings nothing: other requests have budgets of their own. */
function ignoreBudgetOfLeader(error: unknown): undefined {
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

/** The source of a body that is there as a whole. */
const STORED = { pause: () => undefined, resume: () => undefined, cancel: () => undefined };
