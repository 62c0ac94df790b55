/** Remembers which ids of stored objects a caller got in answers here: those objects are its own. */
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { isRecord, type Fields } from '../bytes/json.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Reply } from '../exchange/reply.ts';
import type { Upstream } from '../exchange/upstream.ts';
import { framesOf } from '../wire/frame.ts';

const DAY_MS = 86_400_000;
/** How many ids are remembered, for how long, how many of one answer, and the longest one. */
const REMEMBERED = { ids: 100_000, ms: 30 * DAY_MS, perAnswer: 1_000, length: 256 };

/** The ids that callers own, each as a digest. The oldest are forgotten first. */
export class OwnIds {
  readonly #digests = new LRUCache<string, true>({ max: REMEMBERED.ids, ttl: REMEMBERED.ms });

  has(exchange: Exchange, upstream: Upstream, id: string): boolean {
    return id.length <= REMEMBERED.length && this.#digests.has(digestOf(exchange, upstream, id));
  }

  /**
   * Remembers the ids in an answer to this caller. A stream's are remembered before the client can have seen them. An id
   * that the caller itself has sent is not given to it by a server that repeats it.
   */
  noteReply(exchange: Exchange, upstream: Upstream, reply: Reply): void {
    if (reply.status >= 400 || REPEATS_INPUT.test(exchange.client.path)) return;
    let sent: ReadonlySet<string> | undefined;
    const note = (answer: unknown) => {
      const found = new Set<string>();
      if (isRecord(answer)) collectIds(answer, found);
      for (const id of found) {
        sent ??= shortTexts(valueOf(exchange.request));
        if (!sent.has(id)) this.#digests.set(digestOf(exchange, upstream, id), true);
      }
    };
    if (reply.kind === 'complete') note(valueOf(reply.body));
    else if (reply.kind === 'stream') {
      reply.body.observe((events) => {
        if (!MAY_BRING_ID.test(events.toString('latin1'))) return;
        for (const frame of framesOf(events)) if (frame.kind === 'part') note(answerIn(frame.value));
      });
    } else {
      // An answer too large to be read whole begins with its id.
      let isFirst = true;
      reply.body.observe((bytes) => {
        const id = isFirst ? FIRST_ID.exec(bytes.toString('latin1', 0, 1_024))?.[1] : undefined;
        isFirst = false;
        if (id !== undefined) note({ id });
      });
    }
  }
}

/** Events that bring an item or the whole answer; pieces of text, which are most of a stream, do not. */
const MAY_BRING_ID =
  /"response\.(?:created|completed|incomplete|output_item\.|output_text\.annotation)|"container"|"file_id"|"audio"|"chat\.completion\.chunk"/;
const FIRST_ID = /^\s*\{\s*"id"\s*:\s*"([\w-]{1,256})"/;

/** Paths that list what callers have sent, each item under the id that it came with. */
const REPEATS_INPUT = /\/(?:input_)?items(?:\?|$)/;

/** All texts in a request that may be ids. */
function shortTexts(value: unknown, found: Set<string> = new Set()): Set<string> {
  if (typeof value === 'string') {
    if (value.length <= REMEMBERED.length) found.add(value);
  } else if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) shortTexts(member, found);
  }
  return found;
}

/** What an event brings of an answer. */
function answerIn({ response, item, annotation, delta, content_block, id, choices }: Fields): Fields {
  if (isRecord(response)) return response;
  if (isRecord(delta)) return { container: delta['container'] };
  return { id, choices, output: [item, annotation, content_block] };
}

/** Lists in which an answer's parts stand. Anything else in it may be what the caller itself sent. */
const LISTS = ['output', 'content', 'data', 'choices'];
/** Members of those parts that hold what the model or the caller wrote. */
const WRITTEN: ReadonlySet<string> = new Set([
  'input',
  'arguments',
  'metadata',
  'attributes',
  'tools',
  'action',
  'text',
  'tool_calls',
]);
const ID_KEY = /^(?:id|(?:file|container|response|conversation)_id)$/;

function collectIds(answer: Fields, found: Set<string>): void {
  add(answer['id'], found);
  for (const key of ['conversation', 'container']) {
    const member = answer[key];
    add(isRecord(member) ? member['id'] : member, found);
  }
  for (const list of LISTS) if (Array.isArray(answer[list])) collectFromParts(answer[list], found);
}

function collectFromParts(value: unknown, found: Set<string>): void {
  if (Array.isArray(value)) for (const each of value) collectFromParts(each, found);
  else if (isRecord(value)) {
    for (const key in value) {
      if (WRITTEN.has(key)) continue;
      if (ID_KEY.test(key)) add(value[key], found);
      else collectFromParts(value[key], found);
    }
  }
}

function add(id: unknown, found: Set<string>): void {
  const isId = typeof id === 'string' && id !== '' && id.length <= REMEMBERED.length;
  if (isId && found.size < REMEMBERED.perAnswer) found.add(id);
}

function digestOf({ identity }: Exchange, upstream: Upstream, id: string): string {
  return hash('sha256', JSON.stringify([identity.id, upstream.name, id]), 'base64url').slice(0, 22);
}

/** Undefined if the body is no JSON. */
function valueOf(body: { readonly value: unknown }): unknown {
  try {
    return body.value;
  } catch {
    return undefined;
  }
}
