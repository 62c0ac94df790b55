import { GatewayError } from '../errors.ts';
import type { CompleteReply } from '../exchange/reply.ts';

/** An upstream's own error answer where an approach expected text. The client gets `reply` as the upstream wrote it. */
export class UpstreamRefusal extends GatewayError {
  readonly reply: CompleteReply;

  constructor(reply: CompleteReply, upstream: string, cause?: unknown) {
    const { message, code, param } = refusalOf(reply);
    super({
      // Also told of a whole answer that came when a stream was promised: no refusal then, but no success either.
      status: reply.status >= 400 ? reply.status : 502,
      code: code ?? 'upstream_error',
      param: param ?? null,
      message: message ?? `The upstream '${upstream}' answered ${reply.status}`,
      ...(cause === undefined ? {} : { cause }),
    });
    this.reply = reply;
  }
}

/** What an error answer says, in whatever shape; `text` is the whole of it. */
export interface RefusalFacts {
  readonly message: string | undefined;
  readonly code: string | undefined;
  readonly param: string | undefined;
  readonly text: string;
}

export function refusalOf(reply: CompleteReply): RefusalFacts {
  const text = reply.body.bytes.toString();
  const error = errorObject(reply);
  return { message: textOf(error, 'message'), code: textOf(error, 'code'), param: textOf(error, 'param'), text };
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

function textOf(error: object | undefined, key: string): string | undefined {
  const value: unknown = error && Reflect.get(error, key);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Which of several failures of one fan-out the client is told: 401, 403, 400 and other refusals, 429, 5xx, the rest. */
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
