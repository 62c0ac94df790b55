import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { gatewayError, GatewayError } from '../errors.ts';
import { Identity } from '../exchange/identity.ts';
import type { Gateway } from '../gateway.ts';
import { logRequest } from './access-log.ts';
import { arrivalOf, pathOf, requestIdOf } from './arrival.ts';
import { routeOf, wireOf } from './paths.ts';
import { addProbes, type ServerState } from './probes.ts';
import { serve } from './serve.ts';
import { errorHeaders } from './thrown-error.ts';
import { createWebGate } from './web-pages.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route is open to anybody. Any other route of a plugin needs a caller that `authenticate` admits. */
    public?: boolean;
    /** The plugin that added the route, for errors. */
    plugin?: string;
  }
}

/** The HTTP side of one pipeline. */
export interface App {
  readonly fastify: FastifyInstance;
  /** Passes one request of the listening server to this app. */
  readonly route: (request: IncomingMessage, response: ServerResponse) => void;
  /** What plugins serve, beside the program's own paths. */
  readonly routes: readonly Route[];
  /** Adds the program's own routes. Call it once, when the pipeline is built. */
  mount(gateway: Gateway, state: ServerState): Promise<void>;
}

/**
 * A fastify app that never listens. Fastify does the routing and the plugins' routes, but the socket belongs to
 * `process/listener.ts`, so that a reload can put a new app behind it.
 * @param owner  The plugin that is being applied, else `core`.
 */
export function createApp(config: Config, log: Logger, owner: () => string): App {
  let handle: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  let gateway: Gateway | undefined;
  let gate: ReturnType<typeof createWebGate> | undefined;
  const baseLogger: FastifyBaseLogger = log;
  const app = fastify({
    loggerInstance: baseLogger,
    genReqId: requestIdOf,
    // `serve` logs one line per request, when its answer is sent.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    exposeHeadRoutes: false,
    bodyLimit: config.server.bodyLimit,
    routerOptions: { maxParamLength: 1_024 },
    frameworkErrors: (error, request, reply) => sendError(error, request, reply),
    serverFactory(handler) {
      handle = handler;
      return createServer();
    },
  });
  /** What plugins serve, by path. */
  const pluginPaths = new Map<string, PluginPath>();
  /** Are the program's own routes being added? */
  let isAddingOwn = false;
  /** Admits the caller of a plugin's route, or throws a 401. */
  const admit = async (request: FastifyRequest) => {
    if (!gateway) throw gatewayError('overloaded');
    const grant = await gateway.authenticate(arrivalOf(request.raw, log, request.id));
    if (grant.isGuest === true) {
      throw gatewayError(
        'invalid_api_key',
        { detail: 'This route needs an access key' },
        { headers: { 'www-authenticate': 'Bearer' } },
      );
    }
    request.identity = new Identity(grant);
  };
  app.decorateRequest('identity', undefined);
  app.addHook('onRoute', (route) => {
    if (isAddingOwn) return;
    const plugin = owner();
    // Fastify takes such a route and fails outside of any handler when it is asked for; and nobody would guard it.
    if (plugin === 'core')
      throw new Error(`the route ${route.url} comes too late: add routes in 'apply', before it returns`);
    const isPublic = route.config?.public === true;
    const known = pluginPaths.get(route.url);
    const methods = [...(known?.methods ?? []), ...[route.method].flat()];
    pluginPaths.set(route.url, { methods, isPublic: isPublic && known?.isPublic !== false });
    route.config = { ...route.config, plugin };
    if (isPublic) return;
    route.onRequest = [admit, ...[route.onRequest ?? []].flat()];
  });
  app.addHook('onSend', (request, reply, _payload, done) => {
    if (!reply.hasHeader('x-request-id')) reply.header('x-request-id', request.id);
    done();
  });
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply));

  return {
    fastify: app,
    get routes() {
      return [...pluginPaths].map(([path, served]) => ({ path, ...served }));
    },
    route(request, response) {
      const verdict = gate?.(request, response) ?? 'passed';
      if (verdict === 'answered') return;
      if (verdict !== 'passed') refuse(verdict, request, response, log);
      else if (handle) handle(request, response);
      else response.writeHead(503).end();
    },
    async mount(built, state) {
      gateway = built;
      const { host, allowedHosts, cors } = config.server;
      gate = createWebGate({ admitsAnybody: built.admitsAnybody, host, allowedHosts, cors });
      isAddingOwn = true;
      addProbes(built, state);
      // `serve` takes over in the first hook, before fastify reads the body: it reads it itself, after authentication.
      // From here on fastify sends nothing: `serve` answers in every case.
      const onRequest = (request: FastifyRequest, reply: FastifyReply) => {
        reply.hijack();
        void serve(built, request.raw, reply.raw, request.id);
      };
      refuseOtherMethods(app, pluginPaths, admit, onRequest);
      app.all('/v1/*', { onRequest }, unreachable);
      app.setNotFoundHandler({}, unreachable);
      app.addHook('onRequest', (request, reply, done) => {
        if (request.is404) onRequest(request, reply);
        else done();
      });
      isAddingOwn = false;
      await app.ready();
    },
  };
}

/** A route of a plugin, as `optigate check` prints it. */
export interface Route extends PluginPath {
  readonly path: string;
}

/** A path that plugins serve. */
interface PluginPath {
  readonly methods: readonly string[];
  /** Are all its routes open to anybody? */
  readonly isPublic: boolean;
}

/**
 * Answers other methods on a plugin's path with a 405, as on any known path; where the path's own routes need a key, only
 * to callers who have one. If the path is also one of the program's own or one that is passed on upstream, `passOn`
 * handles them instead.
 */
function refuseOtherMethods(
  app: FastifyInstance,
  paths: ReadonlyMap<string, PluginPath>,
  admit: (request: FastifyRequest) => Promise<void>,
  passOn: (request: FastifyRequest, reply: FastifyReply) => void,
): void {
  for (const [url, { methods, isPublic }] of paths) {
    const others = app.supportedMethods.filter((method) => !methods.includes(method));
    const allow = [...new Set(methods)].join(', ');
    const onRequest = async (request: FastifyRequest, reply: FastifyReply) => {
      const { method } = request;
      if (routeOf(pathOf(request.raw.url ?? '')).kind !== 'unknown') return passOn(request, reply);
      if (!isPublic) await admit(request);
      throw gatewayError('method_not_allowed', { method, path: url, allow }, { headers: { allow } });
    };
    if (others.length > 0) app.route({ method: others, url, onRequest, handler: unreachable });
  }
}

/** The handler of routes whose `onRequest` answers every request: fastify wants one, and it never runs. */
function unreachable(): never {
  throw new Error('the request was answered already');
}

/** Answers a request that goes no further, and logs it. */
function refuse(error: GatewayError, request: IncomingMessage, response: ServerResponse, log: Logger): void {
  const { method = 'GET', url = '' } = request;
  const path = pathOf(url);
  const id = requestIdOf(request);
  const body = Buffer.from(wireOf(path).errorBody(error, id));
  const headers = [...errorHeaders(error), 'x-request-id', id, 'content-length', String(body.length)];
  // Its body is not read, so the connection cannot be used again.
  response.writeHead(error.status, [...headers, 'connection', 'close']);
  response.end(method === 'HEAD' ? undefined : body);
  const outcome = { status: error.status, durationMs: 0, bytes: body.length, error };
  logRequest(log, outcome, { id, method, path, isGone: false, exchange: undefined });
}

function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const known = toKnown(error, request.routeOptions?.config?.plugin);
  if (known.status >= 500) request.log.error({ err: known.cause ?? error }, 'route failed');
  const { id } = request;
  const headers = errorHeaders(known);
  for (let i = 0; i < headers.length; i += 2) reply.header(headers[i] ?? '', headers[i + 1]);
  reply.header('x-request-id', id);
  void reply.code(known.status).send(wireOf(pathOf(request.raw.url ?? '')).errorBody(known, id));
}

/**
 * Fastify's own refusals (4xx) keep their status and message. Anything else is a 500 without detail, a plugin's if it
 * has one.
 */
function toKnown(error: unknown, plugin: string | undefined): GatewayError {
  if (error instanceof GatewayError) return error;
  const status = typeof error === 'object' && error !== null && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (isCode(error, 'FST_ERR_BAD_URL'))
    return new GatewayError({ status: 400, code: 'invalid_value', message: 'The path has an escape that is broken' });
  if (status >= 400 && status < 500 && error instanceof Error) {
    return new GatewayError({
      status,
      code: status === 413 ? 'request_too_large' : 'invalid_value',
      message: error.message,
    });
  }
  return plugin === undefined
    ? gatewayError('internal_error', {}, { cause: error })
    : gatewayError('plugin_error', { plugin }, { cause: error });
}

function isCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
