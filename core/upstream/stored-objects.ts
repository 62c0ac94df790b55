/**
 * Things kept at a provider: files, stored responses, conversations … One account is one namespace there, so a caller
 * whom the server's key pays for would reach those of everybody. An identity with `storedObjects: 'own'` reaches only
 * those whose ids it got in answers here.
 */
import { repeatedKey } from '../bytes/json.ts';
import { gatewayError } from '../errors.ts';
import type { Exchange, Handler } from '../exchange/exchange.ts';
import { Identity } from '../exchange/identity.ts';
import type { Reply } from '../exchange/reply.ts';
import type { Upstream } from '../exchange/upstream.ts';
import { payerKindOf } from './credentials.ts';
import type { OwnIds } from './own-ids.ts';
import { findReference, mayRefer } from './stored-references.ts';

/** Paths, besides the model endpoints, on which the provider keeps nothing. */
const STATELESS_PATHS: ReadonlySet<string> = new Set(
  [
    'audio/speech audio/transcriptions audio/translations images/generations images/edits images/variations',
    'moderations rerank tokenize detokenize responses/input_tokens responses/compact',
  ].flatMap((line) => line.split(' ').map((path) => `/v1/${path}`)),
);

/** Collections whose name has two segments; the id of an object follows. */
const LONG_COLLECTIONS = new Set(['chat/completions', 'fine_tuning/jobs']);

const HOW_ELSE =
  "use an upstream key of your own ('x-upstream-key'), or set auth.stored_objects: share where callers trust each other";

/** Keeps callers to their own objects. */
export interface StoredObjects {
  /** Throws a 404 if the request addresses an object that is not the caller's, by its path or in its body. */
  check(exchange: Exchange, upstream: Upstream, request: Request): void;
  /** Checks each call that goes elsewhere than planned or has another body. */
  guard(send: Handler): Handler;
  /** Remembers the ids in the answer to a request, which a cache may have given. Reads only what may bring some. */
  noteAnswer(exchange: Exchange, upstream: Upstream, reply: Reply): void;
}

/** The body of a request or call. */
interface Request {
  readonly bytes: Buffer;
  readonly value: object;
}

/** @param ownIds  What callers own; passed in so that it survives a reload. */
export function createStoredObjects(ownIds: OwnIds): StoredObjects {
  const check = (exchange: Exchange, upstream: Upstream, request: Request) => {
    if (!isHeldToOwn(exchange, upstream)) return;
    const isOwn = (id: string) => ownIds.has(exchange, upstream, id);
    checkPath(exchange, isOwn);
    if (request.bytes.length === 0 || !(exchange.operation === 'responses' || mayRefer(request.bytes))) return;
    const repeated = repeatedKey(request.bytes);
    if (repeated !== undefined)
      throw gatewayError('invalid_value', { param: repeated, detail: 'the key is given twice in one object' });
    const found = findReference(request.value, isOwn);
    if (found) throw gatewayError('stored_object_not_found', { param: found.field, detail: HOW_ELSE });
  };
  return {
    check,
    guard(send) {
      const checked: Handler = async (call) => {
        check(call.exchange, call.upstream, call.request);
        return send(call);
      };
      return (call) => {
        const { plan } = call.exchange;
        return call.request === plan?.request && call.upstream === plan.upstream ? send(call) : checked(call);
      };
    },
    noteAnswer(exchange, upstream, reply) {
      if (isHeldToOwn(exchange, upstream) && mayBringIds(exchange)) ownIds.noteReply(exchange, upstream, reply);
    },
  };
}

function isHeldToOwn(exchange: Exchange, upstream: Upstream): boolean {
  return Identity.grantOf(exchange.identity).storedObjects === 'own' && payerKindOf(exchange, upstream) === 'server';
}

function checkPath({ operation, client: { method, path } }: Exchange, isOwn: (id: string) => boolean): void {
  if (operation !== 'other') return;
  const [plain = ''] = path.split('?', 1);
  if (method === 'POST' && STATELESS_PATHS.has(plain)) return;
  const id = objectIn(plain);
  if (id !== undefined && isOwn(id)) return;
  throw gatewayError('unknown_url', {
    method,
    path: plain,
    detail: `What is stored at the provider under the server's key is served only to whom its ids were given here; ${HOW_ELSE}`,
  });
}

/** The id of the object that a path is about: `resp_1` in `/v1/responses/resp_1/cancel`. */
function objectIn(path: string): string | undefined {
  const [, , first = '', second = '', third] = path.split('/', 5);
  return LONG_COLLECTIONS.has(`${first}/${second}`) ? third : second || undefined;
}

/** May the answer bring ids of objects that the provider keeps? */
function mayBringIds({ operation, request, client }: Exchange): boolean {
  switch (operation) {
    case 'responses':
    case 'messages':
      return true;
    case 'chat': {
      const { store, modalities } = request.value as { store?: unknown; modalities?: unknown };
      return store === true || modalities !== undefined;
    }
    case 'other':
      return !STATELESS_PATHS.has(client.path.split('?', 1)[0] ?? '');
    default:
      return false;
  }
}
