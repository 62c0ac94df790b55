import type { Incoming } from '../exchange/exchange.ts';

/**
 * The client's path below `/v1`, with its query: what comes after an upstream's base URL. Gemini's form of a key (`?key=`)
 * is a credential and stays here.
 */
export function passedPath({ path }: Incoming): string {
  const below = path.startsWith('/v1/') ? path.slice(3) : path;
  const mark = below.indexOf('?');
  return mark < 0 ? below : below.slice(0, mark) + passedQuery(below.slice(mark));
}

/** The query of a path alone, with its question mark; empty where there is none. */
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

/** `key=…`, its name written in whatever way. */
function isKey(pair: string): boolean {
  const [[name] = []] = new URLSearchParams(pair);
  return name === 'key';
}
