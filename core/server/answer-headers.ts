import type { GatewayError } from '../errors.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Reply } from '../exchange/reply.ts';
import type { Wire } from '../wire/wire.ts';
import { errorHeaders } from './thrown-error.ts';

/** Headers that are set here for every answer, so a reply's own ones are dropped. */
const OWN = new Set([
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'x-request-id',
  'x-optigate-approach',
  'x-optigate-calls',
  'x-optigate-upstream',
]);
const STREAM_OWN = new Set([...OWN, 'content-type', 'cache-control', 'x-accel-buffering']);

/** The request id to send, and the wire, which names a header for it. */
interface Names {
  readonly requestId: string;
  readonly wire: Wire;
}

/**
 * The headers of an answer as a flat list (name, value, name, value): the reply's, this program's, and those that
 * plugins set, which replace the reply's.
 */
export function answerHeaders(
  exchange: Exchange,
  names: Names,
  reply: Reply | undefined,
  kind: Reply['kind'],
): string[] {
  const extra = exchange.headers.list;
  const own = kind === 'stream' ? STREAM_OWN : OWN;
  const headers: string[] = [];
  const from = reply?.headers ?? [];
  for (let i = 0; i < from.length; i += 2) {
    const name = from[i];
    if (name === undefined || own.has(name) || (extra.length > 0 && isIn(extra, name))) continue;
    headers.push(name, from[i + 1] ?? '');
  }
  if (kind === 'stream') {
    headers.push(
      'content-type',
      'text/event-stream; charset=utf-8',
      'cache-control',
      'no-cache, no-transform',
      'x-accel-buffering',
      'no',
    );
  }
  pushOwn(headers, exchange, names, kind !== 'stream');
  for (const part of extra) headers.push(part);
  return headers;
}

/** The headers of an error's answer. `exchange` is undefined if the caller was not admitted or the body not read. */
export function errorAnswerHeaders(error: GatewayError, names: Names, exchange: Exchange | undefined): string[] {
  const headers = [...errorHeaders(error)];
  if (exchange) {
    pushOwn(headers, exchange, names, true);
    const extra = exchange.headers.list;
    for (let i = 0; i < extra.length; i += 2) {
      const name = extra[i];
      if (name !== undefined && !isIn(headers, name)) headers.push(name, extra[i + 1] ?? '');
    }
  } else pushIds(headers, names);
  return headers;
}

function pushIds(headers: string[], { requestId, wire }: Names): void {
  headers.push('x-request-id', requestId);
  if (wire.requestIdHeader !== 'x-request-id') headers.push(wire.requestIdHeader, requestId);
}

function pushOwn(headers: string[], exchange: Exchange, names: Names, countsCalls: boolean): void {
  pushIds(headers, names);
  const { plan } = exchange;
  if (!plan) return;
  if (exchange.operation === 'chat') headers.push('x-optigate-approach', plan.approach);
  headers.push('x-optigate-upstream', plan.upstream.name);
  if (countsCalls) headers.push('x-optigate-calls', String(exchange.ledger.requests));
}

function isIn(list: readonly string[], name: string): boolean {
  for (let i = 0; i < list.length; i += 2) if (list[i] === name) return true;
  return false;
}
