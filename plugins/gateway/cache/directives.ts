import { duration, echoed, gatewayError, type Exchange } from '../../../core/index.ts';

/** How a request wants to be cached. */
export interface Directives {
  /** `no-cache`, or `max-age=0`: the answer must be new, but it is stored. */
  readonly skipsLookup: boolean;
  /** `no-store`: the answer is neither looked up nor stored. */
  readonly skipsAll: boolean;
  /** `max-age`: entries older than this are not used. Infinity = any age. */
  readonly maxAgeMs: number;
  /** `x-optigate-cache-ttl`: how long the answer is stored; 0 = not at all, undefined = as configured. */
  readonly ttlMs: number | undefined;
}

const NOTHING_ASKED: Directives = { skipsLookup: false, skipsAll: false, maxAgeMs: Infinity, ttlMs: undefined };

/** Reads `cache-control` (RFC 9111) and `x-optigate-cache-ttl`. Throws a 400 if the latter is no duration. */
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
    detail: `expected a duration such as 10m, got ${JSON.stringify(echoed(text))}`,
  });
}
