/**
 * What an upstream says when it refuses (status 400 and above, or an error where an answer should be): the reply for the
 * client, in the shape of the upstream's wire, without keys.
 */
import { withHeader, type HeaderList } from '../bytes/header-list.ts';
import type { ChatCompletion } from '../wire/chat/chat-types.ts';
import { Payload } from '../bytes/payload.ts';
import { completeReply, type CompleteReply } from '../exchange/reply.ts';
import type { Wire } from '../wire/wire.ts';
import type { Upstream } from '../exchange/upstream.ts';

/** What is shorter is a placeholder, not a key. */
const SHORTEST_SECRET = 8;

/** The wire's own shape, no key of ours, and the upstream's headers with it (`retry-after`). */
export function errorAnswer(
  received: Buffer,
  status: number,
  headers: HeaderList,
  {
    upstream,
    wire,
    secrets,
  }: { readonly upstream: Upstream; readonly wire: Wire; readonly secrets: readonly string[] },
): CompleteReply {
  const shown = status > 599 ? 502 : status;
  const body = strikeOut(wire.refusalBody(received, { status: shown, upstream: upstream.name }), secrets);
  return completeReply(
    Payload.fromBytes<ChatCompletion>(body),
    shown,
    strikeOutOfHeaders(withHeader(headers, 'content-type', 'application/json'), secrets),
  );
}

/** Strikes out every key, also as JSON strings spell it. */
export function strikeOut(body: Buffer, keys: readonly string[]): Buffer {
  let text: string | undefined;
  for (const spelling of spellings(keys)) {
    if (!body.includes(spelling, 0, 'latin1')) continue;
    text = (text ?? body.toString('latin1')).replaceAll(wherever(spelling), '[redacted]');
  }
  return text === undefined ? body : Buffer.from(text, 'latin1');
}

/**
 * A placeholder for a server that asks for no key (`x`, `none`) is struck out only as a word of its own: inside others it
 * is no key, and `max_tokens` must stay what it is, for clients and for us who read what was refused.
 */
function wherever(key: string): string | RegExp {
  if (key.length >= SHORTEST_SECRET) return key;
  const literal = key.replaceAll(/\W/g, String.raw`\$&`);
  // The letter of an escape such as \n begins no word.
  return new RegExp(String.raw`(?<!(?<!\\)\w)${literal}(?!\w)`, 'g');
}

function strikeOutOfHeaders(headers: HeaderList, keys: readonly string[]): HeaderList {
  const all = spellings(keys);
  if (!headers.some((text) => all.some((key) => text.includes(key)))) return headers;
  return headers.map((text, index) =>
    index % 2 === 0 ? text : all.reduce((left, key) => left.replaceAll(wherever(key), '[redacted]'), text),
  );
}

function spellings(keys: readonly string[]): string[] {
  return keys
    .filter((key) => key !== '')
    .flatMap((key) => {
      const inJson = JSON.stringify(key).slice(1, -1);
      return [...new Set([key, inJson, inJson.replaceAll('/', String.raw`\/`)])];
    });
}
