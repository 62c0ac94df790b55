import type { Incoming } from '../exchange/exchange.ts';

/**
 * The client's path below `/v1` with its query, to be put after an upstream's base URL. The parameter `key` is left
 * out: Gemini's clients send their key in it, and a credential is not forwarded.
 */
export function passedPath({ path }: Incoming): string {
  return withoutKey(path.startsWith('/v1/') ? path.slice(3) : path);
}

/** A path without the parameter `key` in its query. */
export function withoutKey(path: string): string {
  const mark = path.indexOf('?');
  return mark < 0 ? path : path.slice(0, mark) + passedQuery(path.slice(mark));
}

/** The query of the client's path with its question mark, without the parameter `key`; empty if there is none. */
export function queryOf({ path }: Incoming): string {
  const mark = path.indexOf('?');
  return mark < 0 ? '' : passedQuery(path.slice(mark));
}

function passedQuery(query: string): string {
  const pairs = query.slice(1).split('&');
  const kept = pairs.filter((pair) => !isKey(pair));
  if (kept.length === pairs.length) return query;
  return kept.length > 0 ? `?${kept.join('&')}` : '';
}

/** Is it the parameter `key`? Its name may be percent-encoded. */
function isKey(pair: string): boolean {
  const end = pair.indexOf('=');
  const length = end < 0 ? pair.length : end;
  if (length < 'key'.length || length > '%6b%65%79'.length) return false;
  const [[name] = []] = new URLSearchParams(pair);
  return name === 'key';
}
