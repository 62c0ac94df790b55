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
import { arrivalOf, pathOf, requestIdOf } from './arrival.ts';
import { routeOf, wireOf } from './paths.ts';
import { addProbes, type ServerState } from './probes.ts';
import { serve } from './serve.ts';
import { errorHeaders } from './thrown-error.ts';

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
  const baseLogger: FastifyBaseLogger = log;
  const app = fastify({
    loggerInstance: baseLogger,
    // `serve` logs one line per request, when its answer is sent.
    logController: new LogController({ disableRequestLogging: true }),
    exposeHeadRoutes: false,
    bodyLimit: config.server.bodyLimit,
    routerOptions: { maxParamLength: 1_024 },
    frameworkErrors: (error, request, reply) => sendError(error, request, reply),
    serverFactory(handler) {
      handle = handler;
      return createServer();
    },
  });
  /** The methods of each path that a plugin serves. */
  const methodsOf = new Map<string, Set<string>>();
  app.decorateRequest('identity', undefined);
  app.addHook('onRoute', (route) => {
    const plugin = owner();
    if (plugin === 'core') return;
    const methods = methodsOf.get(route.url) ?? new Set<string>();
    methodsOf.set(route.url, methods);
    for (const method of [route.method].flat()) methods.add(method);
    route.config = { ...route.config, plugin };
    if (route.config.public === true) return;
    const admit = async (request: FastifyRequest) => {
      if (!gateway) throw gatewayError('overloaded');
      const grant = await gateway.authenticate(arrivalOf(request.raw, log));
      if (grant.routes === false) {
        throw gatewayError(
          'invalid_api_key',
          { detail: 'This route needs an access key' },
          { headers: { 'www-authenticate': 'Bearer' } },
        );
      }
      request.identity = new Identity(grant);
    };
    route.onRequest = [admit, ...[route.onRequest ?? []].flat()];
  });
  app.addHook('onSend', (request, reply, _payload, done) => {
    if (!reply.hasHeader('x-request-id')) reply.header('x-request-id', requestIdOf(request.raw));
    done();
  });
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply));

  return {
    fastify: app,
    route(request, response) {
      if (handle) handle(request, response);
      else response.writeHead(503).end();
    },
    async mount(built, state) {
      gateway = built;
      addProbes(built, state);
      // `serve` takes over in the first hook, before fastify reads the body: it reads it itself, after authentication.
      // From here on fastify sends nothing: `serve` answers in every case.
      const onRequest = (request: FastifyRequest, reply: FastifyReply) => {
        reply.hijack();
        void serve(built, request.raw, reply.raw);
      };
      refuseOtherMethods(app, methodsOf, onRequest);
      app.all('/v1/*', { onRequest }, unreachable);
      app.setNotFoundHandler({}, unreachable);
      app.addHook('onRequest', (request, reply, done) => {
        if (request.is404) onRequest(request, reply);
        else done();
      });
      await app.ready();
    },
  };
}

/**
 * Answers other methods on a plugin's path with a 405, as on any known path. If the path is also one of the program's
 * own or one that is passed on upstream, `passOn` handles them instead.
 */
function refuseOtherMethods(
  app: FastifyInstance,
  methodsOf: ReadonlyMap<string, ReadonlySet<string>>,
  passOn: (request: FastifyRequest, reply: FastifyReply) => void,
): void {
  for (const [url, methods] of methodsOf) {
    const others = app.supportedMethods.filter((method) => !methods.has(method));
    const allow = [...methods].join(', ');
    const onRequest = (request: FastifyRequest, reply: FastifyReply, _done: () => void) => {
      const { method } = request;
      if (routeOf(pathOf(request.raw.url ?? '')).kind !== 'unknown') return passOn(request, reply);
      throw gatewayError('method_not_allowed', { method, path: url, allow }, { headers: { allow } });
    };
    if (others.length > 0) app.route({ method: others, url, onRequest, handler: unreachable });
  }
}

/** The handler of routes whose `onRequest` answers every request: fastify wants one, and it never runs. */
function unreachable(): never {
  throw new Error('the request was answered already');
}

function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const known = toKnown(error, request.routeOptions?.config?.plugin);
  if (known.status >= 500) request.log.error({ err: known.cause ?? error }, 'route failed');
  const id = requestIdOf(request.raw);
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
