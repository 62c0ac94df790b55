/**
 * A real HTTP server that plays a script, strictly, and remembers what it was asked:
 *
 *   await using upstream = await scriptedUpstream([json(chatCompletion('hi')), events([...sseChunks('a', 'b'), CUT])]);
 *   … ask something of `upstream.baseUrl` …
 *   expect(upstream.requests.map(({ json }) => json['model'])).toEqual(['m', 'm']);
 *
 * A script is
 * - a list of replies: one request each, in order; one request too many gets a 599 and makes `close` throw;
 * - one reply: for every request;
 * - a function of the request (may be async): `(request) => (request.index === 0 ? json({}, { status: 500 }) : json(…))`;
 * - `rules([{ body: /judge/, reply: json(…) }, { path: '/v1/models', times: 1, reply: … }])`: the first that fits and is
 *   not used up; a request that fits none counts as one too many.
 *
 * Nothing waits by the clock: hold a reply with `hold()`, wait for requests with `upstream.request(k)`.
 */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** The connection is torn down here. */
export const CUT = Symbol('cut');
/** Nothing more comes, until the client leaves or the upstream is closed. */
export const HANG = Symbol('hang');
/**
 * One step of a body: bytes as they are (one write each), an object as one event (`data: {…}`), a promise or a function
 * that is awaited, or `CUT`, `HANG`. After the last step the answer ends properly.
 */
export type Step = string | Uint8Array | object | Promise<unknown> | (() => unknown) | typeof CUT | typeof HANG;

export interface ReplyOptions {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Awaited before the headers go out. */
  readonly after?: Promise<unknown>;
  /** Tears the connection down once so many bytes of the body went out. */
  readonly cutAfter?: number;
  /** Neither length nor chunking: only the end of the connection ends the body, so that a cut looks like an end. */
  readonly isUnframed?: boolean;
  /** Sends a 103 before the answer. */
  readonly earlyHints?: boolean;
}

export interface ScriptedReply extends ReplyOptions {
  readonly steps: Iterable<Step> | AsyncIterable<Step>;
  /** Sends a `content-length`; the steps are then bytes only. */
  readonly isWhole?: boolean;
}

/** `HANG`: takes the request and never answers. `CUT`: closes the connection without an answer. */
export type Answering = ScriptedReply | typeof HANG | typeof CUT;
type Play = (request: ScriptedRequest) => Answering | undefined | Promise<Answering | undefined>;
export type Script = readonly Answering[] | Answering | Play;

export interface Rule {
  /** The path with its query: equal to a string, or matched. */
  readonly path?: string | RegExp;
  /** The body's text: contains a string, or is matched; or a claim about the parsed body. */
  readonly body?: string | RegExp | ((json: Record<string, unknown>) => boolean);
  /** How often it may be used; default: always. */
  readonly times?: number;
  readonly reply: Answering | ((request: ScriptedRequest) => Answering | Promise<Answering>);
}

/** What one request was, and how it went. */
export interface ScriptedRequest {
  /** From 0, in order of arrival. */
  readonly index: number;
  readonly method: string;
  /** With query, as written. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  /** The exact bytes; complete once `received` has resolved. */
  readonly body: Buffer;
  /** The parsed body; throws where it is no JSON. */
  readonly json: Record<string, unknown>;
  /** Number of the connection it came on, from 0. */
  readonly connection: number;
  /** Performance counter, ms: when its headers came, and when its answer was out or its connection gone. */
  readonly startedAt: number;
  readonly endedAt: number | undefined;
  /** Did the client close before the answer was out? */
  readonly isAborted: boolean;
  /** Resolves when the client closes before the answer was out. */
  readonly aborted: Promise<void>;
  /** Resolves when the body is here. */
  readonly received: Promise<void>;
  /** Resolves when the answer is out or the connection gone. */
  readonly ended: Promise<void>;
  /** Bytes of the answer's body handed to the socket so far; stands still while the client does not read. */
  readonly bytesSent: number;
}

export interface ScriptedUpstream extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** The same with `/v1`. */
  readonly baseUrl: string;
  readonly requests: readonly ScriptedRequest[];
  /** The k-th request (from 0), once it is here with its body. */
  request(index: number): Promise<ScriptedRequest>;
  /** Requests being answered right now, and the most that ever were at once. */
  readonly running: number;
  readonly maxRunning: number;
  /** Open connections. */
  readonly connections: number;
  /** Requests that the script did not expect, as `POST /path`. */
  readonly unexpected: readonly string[];
  /** Closes all connections; throws when there was a request too many. */
  close(): Promise<void>;
}

export async function scriptedUpstream(script: Script): Promise<ScriptedUpstream> {
  const play = toPlay(script);
  const requests: Recording[] = [];
  const waiting: { readonly index: number; resolve(request: ScriptedRequest): void }[] = [];
  const sockets = new Map<Socket, number>();
  const unexpected: string[] = [];
  let connections = 0;
  let running = 0;
  let maxRunning = 0;

  const server = createServer((incoming, response) => {
    const recording = new Recording(requests.length, incoming, sockets.get(incoming.socket) ?? -1);
    requests.push(recording);
    maxRunning = Math.max(maxRunning, ++running);
    response.once('close', () => {
      running--;
      recording.finish(!response.writableFinished);
    });
    void answer(recording, incoming, response);
  });
  server.on('connection', (socket) => {
    sockets.set(socket, connections++);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  server.keepAliveTimeout = 0;

  async function answer(recording: Recording, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await recording.read(incoming);
    } catch {
      return; // the client left while it was sending
    }
    for (const waiter of waiting) if (waiter.index === recording.index) waiter.resolve(recording);
    let reply: Answering | undefined;
    try {
      reply = await play(recording);
    } catch (error) {
      unexpected.push(`${recording.method} ${recording.path}: the script threw ${String(error)}`);
      response.destroy();
      return;
    }
    if (reply === undefined) {
      unexpected.push(`${recording.method} ${recording.path}`);
      reply = json({ error: { message: 'not in the script', type: 'script_error' } }, { status: 599 });
    }
    if (reply === CUT) response.destroy();
    else if (reply !== HANG) await send(reply, recording, response);
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const close = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    for (const socket of sockets.keys()) socket.destroy();
    await closed;
    if (unexpected.length > 0) throw new Error(`requests that the script did not expect: ${unexpected.join(', ')}`);
  };
  return {
    url,
    baseUrl: `${url}/v1`,
    requests,
    request: async (index) => {
      const request: ScriptedRequest =
        requests[index] ?? (await new Promise<ScriptedRequest>((resolve) => waiting.push({ index, resolve })));
      await request.received;
      return request;
    },
    get running() {
      return running;
    },
    get maxRunning() {
      return maxRunning;
    },
    get connections() {
      return sockets.size;
    },
    unexpected,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A JSON answer; a string is sent as it is. */
export function json(value: unknown, options: ReplyOptions = {}): ScriptedReply {
  return text(typeof value === 'string' ? value : JSON.stringify(value), {
    ...options,
    headers: { 'content-type': 'application/json', ...options.headers },
  });
}

/** An answer of any kind, with its length; `text/plain` unless `headers` say otherwise. */
export function text(body: string | Uint8Array, options: ReplyOptions = {}): ScriptedReply {
  return { ...options, headers: { 'content-type': 'text/plain', ...options.headers }, steps: [body], isWhole: true };
}

/** A chunked answer in steps; `text/event-stream` unless `headers` say otherwise. */
export function events(steps: Iterable<Step> | AsyncIterable<Step>, options: ReplyOptions = {}): ScriptedReply {
  return { ...options, headers: { 'content-type': 'text/event-stream', ...options.headers }, steps };
}

/** Something to wait for: `events([chunk, held.promise, chunk])`, `json(…, { after: held.promise })`; then `held.release()`. */
export function hold(): { readonly promise: Promise<void>; release(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { promise, release: () => resolve() };
}

export function rules(list: readonly Rule[]): Play {
  const used = new Map<Rule, number>();
  return (request) => {
    const rule = list.find((each) => (used.get(each) ?? 0) < (each.times ?? Infinity) && fits(each, request));
    if (!rule) return undefined;
    used.set(rule, (used.get(rule) ?? 0) + 1);
    return typeof rule.reply === 'function' ? rule.reply(request) : rule.reply;
  };
}

/** A chat completion with one choice. `extra` is merged over the top level. */
export function chatCompletion(content: string, extra: Readonly<Record<string, unknown>> = {}) {
  return {
    id: 'chatcmpl-scripted',
    object: 'chat.completion',
    created: 1_700_000_000,
    model: 'scripted',
    choices: [{ index: 0, message: { role: 'assistant', content }, logprobs: null, finish_reason: 'stop' }],
    usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
    ...extra,
  };
}

/** One chunk of a stream of chat. `extra` is merged over the top level. */
export function chatChunk(delta: object, finish: string | null = null, extra: Readonly<Record<string, unknown>> = {}) {
  return {
    id: 'chatcmpl-scripted',
    object: 'chat.completion.chunk',
    created: 1_700_000_000,
    model: 'scripted',
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    ...extra,
  };
}

/** One event as it travels. */
export function sse(data: unknown): string {
  return `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
}

/** The events of a whole answer whose deltas are `texts`: role, texts, finish, `[DONE]`. */
export function sseChunks(...texts: readonly string[]): string[] {
  return [
    sse(chatChunk({ role: 'assistant', content: '' })),
    ...texts.map((content) => sse(chatChunk({ content }))),
    sse(chatChunk({}, 'stop')),
    sse('[DONE]'),
  ];
}

/** The same with a usage chunk before `[DONE]`. */
export function sseChunksWithUsage(usage: object, ...texts: readonly string[]): string[] {
  const all = sseChunks(...texts);
  return [...all.slice(0, -1), sse({ ...chatChunk({}), choices: [], usage }), sse('[DONE]')];
}

class Recording implements ScriptedRequest {
  readonly index: number;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly connection: number;
  readonly startedAt = performance.now();
  endedAt: number | undefined;
  body = Buffer.alloc(0);
  isAborted = false;
  bytesSent = 0;
  readonly #received = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #aborted = Promise.withResolvers<void>();

  constructor(index: number, incoming: IncomingMessage, connection: number) {
    this.index = index;
    this.method = incoming.method ?? '';
    this.path = incoming.url ?? '';
    this.headers = incoming.headers;
    this.rawHeaders = incoming.rawHeaders;
    this.connection = connection;
  }

  get json(): Record<string, unknown> {
    return JSON.parse(this.body.toString()) as Record<string, unknown>;
  }

  get received(): Promise<void> {
    return this.#received.promise;
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  get aborted(): Promise<void> {
    return this.#aborted.promise;
  }

  async read(incoming: IncomingMessage): Promise<void> {
    for await (const chunk of incoming) this.body = Buffer.concat([this.body, chunk as Buffer]);
    this.#received.resolve();
  }

  finish(isAborted: boolean): void {
    this.endedAt = performance.now();
    this.isAborted = isAborted;
    if (isAborted) this.#aborted.resolve();
    this.#ended.resolve();
  }
}

function toPlay(script: Script): Play {
  if (typeof script === 'function') return script;
  if (Array.isArray(script)) return ({ index }) => (script as readonly Answering[])[index];
  return () => script as Answering;
}

function fits({ path, body }: Rule, request: ScriptedRequest): boolean {
  if (typeof path === 'string' && path !== request.path) return false;
  if (path instanceof RegExp && !path.test(request.path)) return false;
  if (typeof body === 'string') return request.body.includes(body);
  if (body instanceof RegExp) return body.test(request.body.toString());
  return body === undefined || body(request.json);
}

async function send(reply: ScriptedReply, recording: Recording, response: ServerResponse): Promise<void> {
  const gone = new Promise<void>((resolve) => response.once('close', resolve));
  const { status = 200, headers = {}, after, cutAfter = Infinity, isWhole = false } = reply;
  if (after) await Promise.race([after, gone]);
  if (response.destroyed) return;
  const all: Record<string, string | readonly string[] | number> = { ...headers };
  if (isWhole && status !== 204 && status !== 304) {
    const [body] = reply.steps as readonly (string | Uint8Array)[];
    all['content-length'] = Buffer.byteLength(body ?? '');
  }
  if (reply.earlyHints) response.writeEarlyHints({ link: '</x>; rel=preload' });
  if (reply.isUnframed) {
    response.useChunkedEncodingByDefault = false;
    response.shouldKeepAlive = false;
  }
  response.writeHead(status, all as Record<string, string | string[] | number>);
  response.flushHeaders();
  for await (const { step } of unawaited(reply.steps)) {
    if (response.destroyed) return;
    if (step === CUT) {
      response.socket?.destroySoon();
      return;
    }
    if (step === HANG) await gone;
    else if (typeof step === 'function') await Promise.race([Promise.resolve((step as () => unknown)()), gone]);
    else if (step instanceof Promise) await Promise.race([step, gone]);
    else {
      const bytes = toBytes(step);
      const rest = cutAfter - recording.bytesSent;
      const part = bytes.subarray(0, rest);
      recording.bytesSent += part.length;
      const isRoomLeft = part.length === 0 || response.write(part);
      if (rest <= bytes.length) {
        response.socket?.destroySoon();
        return;
      }
      if (!isRoomLeft) await Promise.race([once(response, 'drain'), gone]);
    }
  }
  response.end();
}

/** Steps that are promises arrive as such: `for await` over a list would wait for them, whether the client is there or not. */
async function* unawaited(steps: ScriptedReply['steps']): AsyncGenerator<{ readonly step: Step }> {
  if (Symbol.asyncIterator in steps) for await (const step of steps) yield { step: step as Step };
  else for (const step of steps) yield { step };
}

function toBytes(step: Step): Buffer {
  if (typeof step === 'string') return Buffer.from(step);
  return step instanceof Uint8Array ? Buffer.from(step) : Buffer.from(sse(step));
}
