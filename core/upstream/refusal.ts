import { GatewayError } from '../errors.ts';
import type { CompleteReply } from '../exchange/reply.ts';

/** An upstream sent an error where an answer was expected. The client gets `reply` as the upstream wrote it. */
export class UpstreamRefusal extends GatewayError {
  readonly reply: CompleteReply;

  constructor(reply: CompleteReply, upstream: string, cause?: unknown) {
    const { message, code, param } = refusalOf(reply);
    super({
      // A whole answer that comes after a stream has begun ends here, too, with a status below 400.
      status: reply.status >= 400 ? reply.status : 502,
      code: code ?? 'upstream_error',
      param: param ?? null,
      message: message ?? `The upstream '${upstream}' answered ${reply.status}`,
      ...(cause === undefined ? {} : { cause }),
    });
    this.reply = reply;
  }
}

/** What an error answer says. */
export interface RefusalFacts {
  readonly message: string | undefined;
  readonly code: string | undefined;
  readonly param: string | undefined;
  /** Its whole body. */
  readonly text: string;
}

/** Reads an error answer: the members of its `error`, or those of the body itself. */
export function refusalOf(reply: CompleteReply): RefusalFacts {
  const text = reply.body.bytes.toString();
  const error = errorObject(reply);
  return {
    message: stringMember(error, 'message'),
    code: stringMember(error, 'code'),
    param: stringMember(error, 'param'),
    text,
  };
}

function errorObject(reply: CompleteReply): object | undefined {
  try {
    const body: unknown = reply.body.value;
    if (typeof body !== 'object' || body === null) return undefined;
    const error: unknown = Reflect.get(body, 'error');
    return typeof error === 'object' && error !== null ? error : body;
  } catch {
    return undefined;
  }
}

function stringMember(error: object | undefined, key: string): string | undefined {
  const value: unknown = error && Reflect.get(error, key);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/**
 * The failure that the client gets if several calls of a fan-out failed. The first in this order: 401, 403, 400, other
 * refusals, 429, 5xx, the rest. The others become its cause, for the log.
 */
export function firstByRank(failures: readonly unknown[]): unknown {
  const ranked = failures.toSorted((a, b) => rankOf(a) - rankOf(b));
  const [first, ...others] = ranked;
  if (first instanceof Error && first.cause === undefined && others.length > 0)
    first.cause = new AggregateError(others);
  return first;
}

function rankOf(failure: unknown): number {
  if (!(failure instanceof GatewayError)) return 6;
  const { status } = failure;
  if (status === 401 || status === 403) return status - 401;
  if (status === 400) return 3;
  if (status === 429) return 5;
  return status < 500 ? 4 : 5.5;
}
