import type { FastifyRequest, RouteHandlerMethod } from 'fastify';
import type { Gateway } from '../gateway.ts';
import { gatewayError } from '../errors.ts';
import type { Check } from '../gateway/apply-plugins.ts';
import { PAGE } from './landing-page.ts';

const CHECK_TIMEOUT_MS = 1_000;
const READING = ['GET', 'HEAD'];

/** What anybody may ask, without a key: is it there, is it alive, can it take requests. */
export function addProbes(gateway: Gateway, state: ServerState): void {
  const { app, checks, upstreams } = gateway;
  const { keyless } = upstreams;
  const probe = (url: string, handler: RouteHandlerMethod) => {
    app.route({ method: READING, url, handler });
    // Before the body is looked at: nobody is known here.
    const refuse = ({ method }: FastifyRequest) => {
      const allow = READING.join(', ');
      throw gatewayError('method_not_allowed', { method, path: url, allow }, { headers: { allow } });
    };
    const others = app.supportedMethods.filter((method) => !READING.includes(method) && !app.hasRoute({ method, url }));
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

/** A check that throws or hangs counts as down: it must not take the probe with it. */
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

/** What the listening server knows, for `/ready` and for new requests. */
export interface ServerState {
  isReady: boolean;
  isDraining: boolean;
}
