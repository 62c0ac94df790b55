import type { Operation } from '../exchange/exchange.ts';
import { wires } from '../wire/wires.ts';
import type { Wire } from '../wire/wire.ts';

/** An endpoint this program knows by its exact path. */
export interface Endpoint {
  readonly operation: Operation;
  readonly wire: Wire;
  /** Methods it takes; another one is a 405. */
  readonly methods: readonly string[];
}

const POST = ['POST'];

const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  '/v1/chat/completions': { operation: 'chat', wire: wires.chat, methods: POST },
  '/v1/completions': { operation: 'completions', wire: wires.completions, methods: POST },
  '/v1/embeddings': { operation: 'embeddings', wire: wires.embeddings, methods: POST },
  '/v1/responses': { operation: 'responses', wire: wires.responses, methods: POST },
  '/v1/messages': { operation: 'messages', wire: wires.messages, methods: POST },
  '/v1/messages/count_tokens': { operation: 'messages', wire: wires.messages, methods: POST },
};

export const MODELS_PATH = '/v1/models';
const OWN_PATH = '/v1/optigate';
const MESSAGES_BELOW = '/v1/messages/';

/** Where a path leads. `unknown` paths are never forwarded. */
export type Route =
  | { readonly kind: 'endpoint'; readonly endpoint: Endpoint }
  | { readonly kind: 'models'; readonly id: string | undefined }
  | { readonly kind: 'other' }
  | { readonly kind: 'unknown' };

const OTHER: Route = { kind: 'other' };
const UNKNOWN: Route = { kind: 'unknown' };
const BY_PATH = new Map<string, Route>(
  Object.entries(ENDPOINTS).map(([path, endpoint]) => [path, { kind: 'endpoint', endpoint }]),
);

/**
 * A path is taken as it is written. One that would be a known path if it were tidied up (case, slashes, dots, escapes,
 * `;` parameters) is refused instead of being forwarded past that path's rules.
 */
export function routeOf(path: string): Route {
  const known = BY_PATH.get(path);
  if (known) return known;
  if (path === MODELS_PATH) return { kind: 'models', id: undefined };
  if (!path.startsWith('/v1/')) return UNKNOWN;
  if (path.startsWith(`${MODELS_PATH}/`)) return modelOf(path.slice(MODELS_PATH.length + 1));
  const tidy = tidied(path);
  if (tidy === undefined) return UNKNOWN;
  if (BY_PATH.has(tidy) || tidy === MODELS_PATH || tidy.startsWith(`${MODELS_PATH}/`)) return UNKNOWN;
  // Our own namespace: what no plugin serves there is nobody's.
  if (tidy === OWN_PATH || tidy.startsWith(`${OWN_PATH}/`)) return UNKNOWN;
  return tidy.startsWith('/v1/') ? OTHER : UNKNOWN;
}

/** The rest of a model's path is its id, decoded once: ids may hold slashes, also encoded ones. */
function modelOf(rest: string): Route {
  const id = decoded(rest);
  if (
    id === undefined ||
    id === '' ||
    hasDotSegment(rest) ||
    id.startsWith('/') ||
    id.endsWith('/') ||
    id.includes('//')
  )
    return UNKNOWN;
  return { kind: 'models', id };
}

/** At the ends of a segment some servers drop them. */
const BLANKS = /^[\0-\x20]+|[\0-\x20]+$/g;

/** Lower case, one slash between segments, no parameters, fragments or blanks around, escapes decoded; undefined where it has dot segments or broken escapes. */
function tidied(path: string): string | undefined {
  const plain = decoded(path);
  if (plain === undefined || hasDotSegment(path)) return undefined;
  const segments = plain
    .replaceAll('\\', '/')
    .split('/')
    .map((segment) => (segment.split(/[;#]/)[0] ?? '').replace(BLANKS, ''))
    .filter((segment) => segment !== '');
  return `/${segments.join('/')}`.toLowerCase();
}

/** Dot segments are never forwarded: what the upstream makes of them is not what was checked here. */
function hasDotSegment(path: string): boolean {
  const plain = decoded(path) ?? path;
  return plain.split(/[/\\]/).some((segment) => segment.split(';')[0] === '.' || segment.split(';')[0] === '..');
}

function decoded(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** The wire that clients of a path speak: its errors have that shape whatever becomes of the request. */
export function wireOf(path: string): Wire {
  const known = BY_PATH.get(path);
  if (known?.kind === 'endpoint') return known.endpoint.wire;
  return path.startsWith(MESSAGES_BELOW) ? wires.plainMessages : wires.plain;
}
