import type { IncomingHttpHeaders } from 'node:http';
import type { Operation } from '../exchange/exchange.ts';
import type { Wire } from '../wire/wire.ts';
import { wires } from '../wire/wires.ts';

/** An endpoint that this program knows by its exact path. */
export interface Endpoint {
  readonly operation: Operation;
  readonly wire: Wire;
  /** The allowed methods; others get a 405. */
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

/** The path that lists models; an id may follow it. */
export const MODELS_PATH = '/v1/models';
const OWN_PATH = '/v1/optigate';
const MESSAGES_BELOW = '/v1/messages/';

/** What a path leads to. `other` paths are passed on upstream as they are; `unknown` ones get a 404. */
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
 * Routes a path as it is written. A path that an upstream could read as a known one (by other case, slashes, dots,
 * escapes, `;` parameters) is unknown: passed on, it would evade the rules of the known path.
 */
export function routeOf(path: string): Route {
  const known = BY_PATH.get(path);
  if (known) return known;
  if (path === MODELS_PATH) return { kind: 'models', id: undefined };
  // A base URL with /v1 twice: no upstream has such paths.
  if (!path.startsWith('/v1/') || path.startsWith('/v1/v1/')) return UNKNOWN;
  if (path.startsWith(`${MODELS_PATH}/`)) return modelOf(path.slice(MODELS_PATH.length + 1));
  const tidy = tidied(path);
  if (tidy === undefined) return UNKNOWN;
  if (BY_PATH.has(tidy) || tidy === MODELS_PATH || tidy.startsWith(`${MODELS_PATH}/`)) return UNKNOWN;
  // Paths for plugins. One that no plugin serves is not passed on upstream.
  if (tidy === OWN_PATH || tidy.startsWith(`${OWN_PATH}/`)) return UNKNOWN;
  return tidy.startsWith('/v1/') ? OTHER : UNKNOWN;
}

/** What a client probably meant by an unknown path: the known one that its base URL, with `/v1` once, would lead to. */
export function meantBy(path: string): string | undefined {
  const meant = path.startsWith('/v1/v1/') ? path.slice('/v1'.length) : `/v1${path}`;
  const isKnown = BY_PATH.has(meant) || meant === MODELS_PATH;
  return isKnown || path.startsWith('/v1/v1/') ? meant : undefined;
}

/** `rest` is a model's id, percent-decoded once. Ids may hold slashes, plain or encoded. */
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

/**
 * The path as a lenient server would read it: lower case, decoded, single slashes, without parameters, fragments and
 * blanks around segments. Undefined if it has dot segments or broken escapes.
 */
function tidied(path: string): string | undefined {
  const plain = decoded(path);
  if (plain === undefined || hasDotSegment(path)) return undefined;
  const segments = plain
    .replaceAll('\\', '/')
    .split('/')
    .map((segment) => withoutBlanks(segment.split(/[;#]/, 1)[0] ?? ''))
    .filter((segment) => segment !== '');
  return `/${segments.join('/')}`.toLowerCase();
}

/** The segment without blanks and control characters around it, which some servers ignore. */
function withoutBlanks(segment: string): string {
  let start = 0;
  let end = segment.length;
  while (start < end && segment.charCodeAt(start) <= SPACE) start++;
  while (end > start && segment.charCodeAt(end - 1) <= SPACE) end--;
  return segment.slice(start, end);
}

const SPACE = 0x20;

/** Does the path hold `.` or `..` as a segment? Such a path is never passed on: upstream it would mean another one. */
function hasDotSegment(path: string): boolean {
  const plain = decoded(path) ?? path;
  return plain.split(/[/\\]/).some((segment) => /^\.{1,2}(?:;|$)/.test(segment));
}

/** Percent-decodes; undefined if an escape is broken. */
function decoded(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/**
 * The wire that clients of a path speak. All errors on that path have its shape. OpenAI's and Anthropic's APIs both list
 * models; only Anthropic's clients send the header `anthropic-version`.
 */
export function wireOf(path: string, headers: IncomingHttpHeaders = {}): Wire {
  const known = BY_PATH.get(path);
  if (known?.kind === 'endpoint') return known.endpoint.wire;
  if (headers['anthropic-version'] !== undefined && (path === MODELS_PATH || path.startsWith(`${MODELS_PATH}/`)))
    return wires.plainMessages;
  return path.startsWith(MESSAGES_BELOW) ? wires.plainMessages : wires.plain;
}
