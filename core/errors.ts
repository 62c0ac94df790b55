/**
 * The table of errors. Adding one means deciding five things: its code, status, OpenAI `type`, log level, and whether a
 * retry by the client may help. Clients rely on codes, so they are stable and tested. Messages name the field and the
 * fix.
 */
import { checkHeader } from './bytes/header-list.ts';
import { echoed, LONGEST_MESSAGE } from './echoed.ts';

type Facts = Readonly<Record<string, string | number | undefined>>;

interface ErrorKind {
  readonly status: number;
  readonly type: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /**
   * May the same request succeed later? If not, a 4xx that no repeat can change is sent with `x-should-retry: false`.
   */
  readonly retryable: boolean;
  readonly message: string | ((facts: Facts) => string);
}

const INVALID = { status: 400, type: 'invalid_request_error', level: 'info', retryable: false } as const;
const UPSTREAM = { type: 'server_error', level: 'warn', retryable: true } as const;

/** Every error that core answers with, by its code. */
export const KINDS = {
  invalid_json: { ...INVALID, message: ({ detail }) => `The body is not a valid JSON object: ${detail}` },
  missing_required_parameter: { ...INVALID, message: ({ param }) => `Missing required parameter: '${param}'` },
  invalid_value: { ...INVALID, message: ({ param, detail }) => `Invalid value for '${param}': ${detail}` },
  unsupported_parameter: { ...INVALID, message: ({ param, detail }) => `'${param}' is not supported: ${detail}` },
  unknown_approach: {
    ...INVALID,
    message: ({ slug, known, hint, isUnlisted }) =>
      slug === ''
        ? `An approach is missing beside an & or |. Listed: ${known}`
        : isUnlisted
          ? `The approach '${slug}' is built in but not listed under plugins. Listed: ${known}`
          : `Unknown approach '${slug}'${hint ? `, did you mean '${hint}'?` : '.'} Listed: ${known}`,
  },
  invalid_api_key: {
    status: 401,
    type: 'authentication_error',
    level: 'info',
    retryable: false,
    message: ({ detail }) => detail?.toString() ?? 'No key was given, or an unknown one',
  },
  model_not_allowed: {
    status: 403,
    type: 'permission_error',
    level: 'info',
    retryable: false,
    message: ({ model, detail }) => detail?.toString() ?? `This access key may not use the model '${model}'`,
  },
  model_not_found: {
    status: 404,
    type: 'invalid_request_error',
    level: 'info',
    retryable: false,
    message: ({ model, detail }) =>
      detail?.toString() ?? `The model '${model}' does not exist here; GET /v1/models lists those that do`,
  },
  unknown_url: {
    status: 404,
    type: 'invalid_request_error',
    level: 'info',
    retryable: false,
    message: ({ method, path, detail }) => `Unknown request URL: ${method} ${path}${detail ? `. ${detail}` : ''}`,
  },
  stored_object_not_found: {
    status: 404,
    type: 'invalid_request_error',
    level: 'info',
    retryable: false,
    message: ({ param, detail }) =>
      `'${param}' refers to something that is stored at the provider, and no answer here gave this key its id; ${detail}`,
  },
  method_not_allowed: {
    status: 405,
    type: 'invalid_request_error',
    level: 'info',
    retryable: false,
    message: ({ method, path, allow }) => `${method} is not allowed on ${path}, only ${allow}`,
  },
  request_timeout: {
    status: 408,
    type: 'timeout_error',
    level: 'info',
    retryable: true,
    message: 'The request did not arrive whole in time',
  },
  request_too_large: {
    status: 413,
    type: 'invalid_request_error',
    level: 'info',
    retryable: false,
    message: ({ limit }) => `The body is larger than ${limit} bytes`,
  },
  unsupported_media_type: {
    status: 415,
    type: 'invalid_request_error',
    level: 'info',
    retryable: false,
    message: ({ detail }) => detail?.toString() ?? 'The content type must be application/json',
  },
  host_not_allowed: {
    status: 403,
    type: 'permission_error',
    level: 'warn',
    retryable: false,
    message: ({ host }) =>
      `The host '${host}' is none of this server's, and nobody has to show a key here; list it in the file under server.allowed_hosts if it is meant`,
  },
  origin_not_allowed: {
    status: 403,
    type: 'permission_error',
    level: 'warn',
    retryable: false,
    message: ({ origin }) =>
      `Web pages of ${origin} may not call this server; list the page's origin in the file under server.cors if it is meant`,
  },
  bad_http: { ...INVALID, message: 'The request is not valid HTTP' },
  header_too_large: { ...INVALID, status: 431, message: 'The request headers are too large' },
  expectation_failed: { ...INVALID, status: 417, message: "The only known 'expect' is 100-continue" },
  upgrade_not_supported: {
    status: 426,
    type: 'invalid_request_error',
    level: 'info',
    retryable: false,
    message: 'WebSocket is not offered here; use HTTP (POST with "stream": true)',
  },
  budget_exhausted: {
    status: 429,
    type: 'rate_limit_error',
    level: 'info',
    retryable: false,
    message: ({ limit }) => `The limit '${limit}' of this request was reached before there was an answer`,
  },
  client_closed: {
    status: 499,
    type: 'server_error',
    level: 'debug',
    retryable: false,
    message: 'The client closed the connection',
  },
  plugin_error: {
    status: 500,
    type: 'server_error',
    level: 'error',
    retryable: false,
    message: ({ plugin, hook }) => `The plugin '${plugin}' failed${hook ? ` in the hook '${hook}'` : ''}`,
  },
  internal_error: {
    status: 500,
    type: 'server_error',
    level: 'error',
    retryable: true,
    message: 'The proxy failed to handle this request',
  },
  upstream_error: {
    ...UPSTREAM,
    status: 502,
    message: ({ upstream, detail }) => `The upstream '${upstream}' ${detail}`,
  },
  upstream_unreachable: {
    ...UPSTREAM,
    status: 502,
    message: ({ upstream, detail }) => `The upstream '${upstream}' could not be reached: ${detail}`,
  },
  upstream_stream_interrupted: {
    ...UPSTREAM,
    status: 502,
    message: ({ upstream, detail }) => `The answer of the upstream '${upstream}' broke off: ${detail}`,
  },
  overloaded: {
    status: 503,
    type: 'server_error',
    level: 'warn',
    retryable: true,
    message: ({ detail }) => detail?.toString() ?? 'The proxy is overloaded, try again later',
  },
  draining: {
    status: 503,
    type: 'server_error',
    level: 'info',
    retryable: true,
    message: 'The proxy is shutting down, try again',
  },
  upstream_timeout: {
    ...UPSTREAM,
    status: 504,
    message: ({ upstream, ms, what }) => `The upstream '${upstream}' did not ${what ?? 'answer'} within ${ms} ms`,
  },
  deadline_exceeded: {
    status: 504,
    type: 'server_error',
    level: 'info',
    retryable: true,
    message: ({ ms }) => `The request's deadline of ${ms} ms passed before there was an answer`,
  },
} as const satisfies Record<string, ErrorKind>;

/** A code of the table. Plugins may use others in their own `GatewayError`s. */
export type ErrorCode = keyof typeof KINDS;

/** What a `GatewayError` is made of. */
export interface GatewayErrorInit {
  /** 400–599. */
  readonly status: number;
  readonly code: string | null;
  readonly message: string;
  /** OpenAI's `error.type`. Default: by the status. */
  readonly type?: string;
  /** The request field at fault, in the client's own spelling: `messages[0].role`. */
  readonly param?: string | null;
  /** Extra response headers, such as `retry-after`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** For the log; the client never sees it. */
  readonly cause?: unknown;
  /** Default: `warn` from status 500, else `info`. */
  readonly level?: ErrorKind['level'];
  /** Default: true for 408, 409, 429 and from 500. */
  readonly retryable?: boolean;
}

/**
 * An error with everything that its HTTP answer needs. Plugins construct their own; core makes them by `gatewayError`.
 * The constructor throws a `RangeError` if the status is not one of an error, and a `TypeError` if HTTP cannot carry a
 * header, so that the mistake shows where it is made.
 */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly status: number;
  readonly code: string | null;
  readonly type: string;
  readonly param: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly level: ErrorKind['level'];
  readonly retryable: boolean;

  constructor(init: GatewayErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    if (!Number.isInteger(init.status) || init.status < 400 || init.status > 599)
      throw new RangeError(`a GatewayError has a status from 400 to 599, not ${init.status}`);
    for (const name in init.headers) checkHeader(name, init.headers[name] ?? '');
    this.status = init.status;
    this.code = init.code;
    this.type = init.type ?? typeOfStatus(init.status);
    this.param = init.param ?? null;
    this.headers = init.headers ?? {};
    this.level = init.level ?? (init.status >= 500 ? 'warn' : 'info');
    this.retryable =
      init.retryable ?? (init.status === 408 || init.status === 409 || init.status === 429 || init.status >= 500);
  }

  /** The same error with more response headers. */
  withHeaders(headers: Readonly<Record<string, string>>): GatewayError {
    const { status, code, message, type, param, cause, level, retryable } = this;
    return new GatewayError({
      status,
      code,
      message,
      type,
      param,
      cause,
      level,
      retryable,
      headers: { ...this.headers, ...headers },
    });
  }
}

/** Facts that are sentences and lists of ours. All others may quote a client. */
const OWN_WORDS: ReadonlySet<string> = new Set(['detail', 'known']);

/**
 * Makes an error of the table.
 * @param facts  Fill its message, long ones cut. `facts.param` is also the request field at fault, unless `more` names
 *   another.
 */
export function gatewayError(
  code: ErrorCode,
  facts: Facts = {},
  more: { cause?: unknown; param?: string; headers?: Readonly<Record<string, string>> } = {},
): GatewayError {
  const kind: ErrorKind = KINDS[code];
  const shown: Record<string, string | number | undefined> = {};
  for (const [name, fact] of Object.entries(facts))
    shown[name] = typeof fact === 'string' ? echoed(fact, OWN_WORDS.has(name) ? LONGEST_MESSAGE : undefined) : fact;
  const param = more.param ?? (typeof shown['param'] === 'string' ? shown['param'] : undefined);
  return new GatewayError({
    code,
    status: kind.status,
    type: kind.type,
    level: kind.level,
    retryable: kind.retryable,
    message: typeof kind.message === 'string' ? kind.message : kind.message(shown),
    ...(param === undefined ? {} : { param }),
    ...(more.headers === undefined ? {} : { headers: more.headers }),
    ...(more.cause === undefined ? {} : { cause: more.cause }),
  });
}

/** OpenAI's `error.type` for a status, for errors that name no type themselves. */
export function typeOfStatus(status: number): string {
  switch (status) {
    case 401:
      return 'authentication_error';
    case 402:
      return 'billing_error';
    case 403:
      return 'permission_error';
    case 408:
      return 'timeout_error';
    case 409:
      return 'conflict_error';
    case 429:
      return 'rate_limit_error';
    default:
      return status >= 500 ? 'server_error' : 'invalid_request_error';
  }
}
