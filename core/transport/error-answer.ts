/**
 * Makes the client's reply of an upstream's refusal (status 400 and above, or an error in place of an answer): in the
 * shape of its wire, and without keys.
 */
import { withHeader, type HeaderList } from '../bytes/header-list.ts';
import { Payload } from '../bytes/payload.ts';
import { completeReply, type CompleteReply } from '../exchange/reply.ts';
import type { Upstream } from '../exchange/upstream.ts';
import type { ChatCompletion } from '../wire/chat/chat-types.ts';
import type { Wire } from '../wire/wire.ts';

/** A shorter key is a placeholder, for a server that asks for none. */
const SHORTEST_SECRET = 8;

/** The reply for the client. It keeps the upstream's headers, such as `retry-after`. */
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

/** Replaces every key by `[redacted]`, also where a JSON string spells it with escapes. */
export function strikeOut(body: Buffer, keys: readonly string[]): Buffer {
  let text: string | undefined;
  for (const spelling of spellings(keys)) {
    if (!body.includes(spelling, 0, 'latin1')) continue;
    text = (text ?? body.toString('latin1')).replaceAll(occurrencesOf(spelling), '[redacted]');
  }
  return text === undefined ? body : Buffer.from(text, 'latin1');
}

/**
 * Finds a key in a text. A placeholder (`x`, `none`) is found only as a word of its own: the `x` in `max_tokens` must
 * stay, since clients and this program read which parameter was refused.
 */
function occurrencesOf(key: string): string | RegExp {
  if (key.length >= SHORTEST_SECRET) return key;
  const literal = key.replaceAll(/\W/g, String.raw`\$&`);
  // In an escape such as \n, the letter does not belong to the word after it.
  return new RegExp(String.raw`(?<!(?<!\\)\w)${literal}(?!\w)`, 'g');
}

function strikeOutOfHeaders(headers: HeaderList, keys: readonly string[]): HeaderList {
  const all = spellings(keys);
  if (!headers.some((text) => all.some((key) => text.includes(key)))) return headers;
  return headers.map((text, index) =>
    index % 2 === 0 ? text : all.reduce((left, key) => left.replaceAll(occurrencesOf(key), '[redacted]'), text),
  );
}

/** Each key as it is, and as JSON strings may spell it. */
function spellings(keys: readonly string[]): string[] {
  return keys
    .filter((key) => key !== '')
    .flatMap((key) => {
      const inJson = JSON.stringify(key).slice(1, -1);
      return [...new Set([key, inJson, inJson.replaceAll('/', String.raw`\/`)])];
    });
}
