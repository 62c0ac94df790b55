import { duration, gatewayError, type Exchange } from '../../../core/index.ts';

/** What a request says about its own caching. */
export interface Directives {
  /** `no-cache`: the answer must be new. */
  readonly skipsLookup: boolean;
  /** `no-store`: neither looked up nor kept. */
  readonly skipsAll: boolean;
  /** `max-age`: no entry older than so many ms. */
  readonly maxAgeMs: number;
  /** `x-optigate-cache-ttl`: how long this answer is kept; 0 = not at all. */
  readonly ttlMs: number | undefined;
}

const NOTHING_ASKED: Directives = { skipsLookup: false, skipsAll: false, maxAgeMs: Infinity, ttlMs: undefined };

/** Reads `cache-control` and `x-optigate-cache-ttl`. Throws a 400 for a duration that is none. */
export function directivesOf({ client }: Exchange): Directives {
  const control = client.headers['cache-control'];
  const ttl = client.headers['x-optigate-cache-ttl'];
  if (control === undefined && ttl === undefined) return NOTHING_ASKED;
  const asked = String(control ?? '')
    .toLowerCase()
    .split(',')
    .map((directive) => directive.trim());
  const age = asked.map((directive) => /^max-age="?(\d+)"?$/.exec(directive)?.[1]).find((seconds) => seconds);
  const maxAgeMs = age === undefined ? Infinity : Number(age) * 1000;
  return {
    skipsAll: asked.includes('no-store'),
    skipsLookup: asked.includes('no-cache') || maxAgeMs === 0,
    maxAgeMs,
    ttlMs: ttl === undefined ? undefined : ttlFrom(String(ttl)),
  };
}

function ttlFrom(text: string): number {
  const parsed = duration.safeParse(/^\d+$/.test(text) ? Number(text) : text);
  if (parsed.success) return parsed.data;
  throw gatewayError('invalid_value', {
    param: 'x-optigate-cache-ttl',
    detail: `expected a duration such as 10m, got ${JSON.stringify(text)}`,
  });
}
