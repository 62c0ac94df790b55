import { headerOf, withHeader, type HeaderList } from '../bytes/header-list.ts';
import type { Wire } from '../wire/wire.ts';
import { toClientHeaders } from './header-forwarding.ts';

/** Headers as undici gives them: names in lower case, repeated ones as arrays. */
export type ReceivedHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** What status and headers of an answer say about its body. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: HeaderList;
  /** `events` is a stream of events, `whole` is to be collected, `piped` is passed on as it comes. */
  readonly body: 'events' | 'whole' | 'piped';
  /** The compression to be undone, though `identity` was asked for; undefined if there is none. */
  readonly encoding: string | undefined;
  /** Does length or chunking say where the body ends? If not, a cut looks like an end. */
  readonly isFramed: boolean;
}

/** Reads status and headers. Returns a text if the answer cannot be used; it completes "The upstream 'x' …". */
export function readHead(
  status: number,
  received: ReceivedHeaders,
  { wire, method }: { readonly wire: Wire; readonly method: string },
): ResponseHead | string {
  const isEmpty = status === 204 || status === 205 || method === 'HEAD';
  if (status >= 300 && status < 400) return 'answered with a redirect, which is not followed';
  if (isEmpty && !wire.isOpen) return 'answered without a body';
  const type = headerText(received['content-type']);
  const coding = headerText(received['content-encoding']).trim();
  const encoding = isEmpty || coding === '' || coding === 'identity' ? undefined : coding;
  const body = bodyKind();
  return {
    status,
    body,
    encoding,
    headers: toClientHeaders(received, {
      requestIdHeader: wire.requestIdHeader,
      keepsLength: body === 'piped' && encoding === undefined,
    }),
    isFramed: received['content-length'] !== undefined || received['transfer-encoding'] !== undefined,
  };

  function bodyKind(): ResponseHead['body'] {
    if (isEmpty) return 'piped';
    if (status >= 400) return 'whole';
    if (type.startsWith('text/event-stream')) return 'events';
    return wire.isOpen && !isJsonType(type) ? 'piped' : 'whole';
  }
}

/** The headers with a JSON content type. Clients give a body of another type to their user as text. */
export function asJson(headers: HeaderList): HeaderList {
  return isJsonType(headerOf(headers, 'content-type') ?? '')
    ? headers
    : withHeader(headers, 'content-type', 'application/json');
}

function isJsonType(contentType: string): boolean {
  return /^application\/(?:[\w.-]+\+)?json\b/i.test(contentType);
}

function headerText(value: string | string[] | undefined): string {
  return (typeof value === 'string' ? value : (value?.join(',') ?? '')).toLowerCase();
}
