import type { FastifyRequest, RouteHandlerMethod } from 'fastify';
import { gatewayError } from '../errors.ts';
import type { Gateway } from '../gateway.ts';
import type { Check } from '../gateway/apply-plugins.ts';
import { PAGE } from './landing-page.ts';

const CHECK_TIMEOUT_MS = 1_000;
const READ_METHODS = ['GET', 'HEAD'];

/**
 * Adds the routes that need no key: `/` (is it optigate), `/health` (is it alive), and `/ready` (does it take requests:
 * 200, else 503).
 */
export function addProbes(gateway: Gateway, state: ServerState): void {
  const { app, checks, upstreams } = gateway;
  const { keyless } = upstreams;
  const probe = (url: string, handler: RouteHandlerMethod) => {
    app.route({ method: READ_METHODS, url, handler });
    // Refuses other methods in `onRequest`, before fastify reads a body: the caller is unknown.
    const refuse = ({ method }: FastifyRequest) => {
      const allow = READ_METHODS.join(', ');
      throw gatewayError('method_not_allowed', { method, path: url, allow }, { headers: { allow } });
    };
    const others = app.supportedMethods.filter(
      (method) => !READ_METHODS.includes(method) && !app.hasRoute({ method, url }),
    );
    app.route({ method: others, url, onRequest: async (request) => refuse(request), handler: refuse });
  };
  probe('/', (request, reply) => {
    const wantsPage = request.method === 'GET' && (request.headers.accept ?? '').includes('text/html');
    return wantsPage
      ? reply.type('text/html; charset=utf-8').send(PAGE)
      : reply.send({ name: 'optigate', status: 'ok' });
  });
  probe('/health', async () => ({ status: 'ok' }));
  probe('/ready', async (_request, reply) => {
    const status = state.isDraining ? 'draining' : state.isReady ? 'ready' : 'starting';
    reply.code(status === 'ready' ? 200 : 503);
    const states = Object.fromEntries(
      await Promise.all(checks.map(async (check) => [check.name, await stateOf(check)] as const)),
    );
    return { status, checks: states, ...(keyless?.isDemo ? { warning: keyless.lines[0] } : {}) };
  });
}

/** A check's state. One that throws, or takes longer than a second, counts as down, so that `/ready` always answers. */
async function stateOf({ check }: Check): Promise<'up' | 'down'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'down'>((resolve) => {
    timer = setTimeout(resolve, CHECK_TIMEOUT_MS, 'down');
  });
  try {
    return await Promise.race([check(), late]);
  } catch {
    return 'down';
  } finally {
    clearTimeout(timer);
  }
}

/** What the listening server is doing, for `/ready` and for new connections. */
export interface ServerState {
  /** It listens. */
  isReady: boolean;
  /** It finishes the open requests and will then exit. */
  isDraining: boolean;
}
