import type { IncomingMessage, ServerResponse } from 'node:http';
import { gatewayError } from '../errors.ts';
import type { Exchange, OpenRequest, Operation, Outcome } from '../exchange/exchange.ts';
import type { Gateway } from '../gateway.ts';
import { Payload } from '../bytes/payload.ts';
import type { Wire } from '../wire/wire.ts';
import { SILENT } from '../exchange/progress.ts';
import { arrivalOf, pathOf } from './arrival.ts';
import { isJson, readJson } from './body.ts';
import { toGatewayError } from './thrown-error.ts';
import { deliver } from './deliver.ts';
import { CLIENT_CLOSED, openExchange } from './open-exchange.ts';
import { answerModels } from './model-list.ts';
import { routeOf, wireOf, type Route } from './paths.ts';
import { StreamProgress } from './stream-progress.ts';
import { Responder } from './responder.ts';
import { RequestUpload } from './upload.ts';
import type { IdentityGrant } from '../exchange/identity.ts';

const NO_BODY = Payload.fromBytes<OpenRequest>(Buffer.alloc(0), {});

/** Answers one request under `/v1/`: admits the caller, reads the body, runs the pipeline, sends. Never rejects. */
export async function serve(gateway: Gateway, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const startedAt = performance.now();
  const { config, clock } = gateway;
  const arrival = arrivalOf(request, gateway.log);
  const path = pathOf(arrival.client.path);
  const destination = routeOf(path);
  const operation = destination.kind === 'endpoint' ? destination.endpoint.operation : 'other';
  const wire = wireOf(path);
  const abort = new AbortController();
  const responder = new Responder({
    response,
    requestId: arrival.id,
    wire,
    keepAlive: config.server.keepAlive,
    clock,
  });
  let exchange: Exchange | undefined;
  // Before anything is dispatched, or a client that leaves early is never noticed (fastify's own signal does not abort once
  // a reply is hijacked).
  response.once('close', () => {
    if (!response.writableFinished) abort.abort(CLIENT_CLOSED);
    responder.release();
    finish(gateway, response, responder, exchange, { path, startedAt, id: arrival.id, method: arrival.client.method });
  });
  try {
    const admitted = gateway.authenticate(arrival);
    const grant = admitted instanceof Promise ? await admitted : admitted;
    if (destination.kind === 'models' && arrival.client.method !== 'DELETE') {
      exchange = openExchange({
        arrival,
        grant,
        operation: 'other',
        wire,
        request: NO_BODY,
        abort,
        progress: SILENT,
        startedAt,
      });
      await answerModels(gateway, exchange, responder, destination.id);
      return;
    }
    checkMethod(destination, arrival.client.method, path);
    exchange = await readExchange(gateway, request, {
      arrival,
      grant,
      operation,
      wire,
      destination,
      abort,
      responder,
      startedAt,
    });
    const wantsStream = exchange.request.value.stream === true && operation !== 'other' && operation !== 'embeddings';
    if (wantsStream) responder.expectStream(exchange);
    const asked = { wantsStream, wantsUsage: wantsUsage(exchange.request.value) };
    await deliver(gateway, exchange, await gateway.handle(exchange), responder, asked);
  } catch (error) {
    if (!request.complete) request.resume();
    try {
      responder.fail(error, exchange);
    } catch (cause) {
      // A refusal that a plugin made or changed, with a status or a header that cannot be sent.
      responder.fail(gatewayError('internal_error', {}, { cause }));
    }
    // What the failed request still has under way is nobody's: a stream that a plugin's throw left unread, siblings.
    abort.abort(toGatewayError(error));
  }
}

interface Opening {
  readonly arrival: ReturnType<typeof arrivalOf>;
  readonly grant: IdentityGrant;
  readonly operation: Operation;
  readonly wire: Wire;
  readonly destination: Route;
  readonly abort: AbortController;
  readonly responder: Responder;
  readonly startedAt: number;
}

/** Reads the body as its path and type want it. */
async function readExchange(gateway: Gateway, request: IncomingMessage, opening: Opening): Promise<Exchange> {
  const { arrival, grant, operation, wire, destination, abort, responder, startedAt } = opening;
  const { bodyLimit, uploadLimit } = gateway.config.server;
  const base = { arrival, grant, operation, wire, abort, startedAt };
  const contentType = request.headers['content-type'];
  if (destination.kind === 'endpoint') {
    if (!isJson(contentType)) throw gatewayError('unsupported_media_type');
    const body = await readJson<OpenRequest>(request, bodyLimit, true);
    const isChatStream = operation === 'chat' && body.value.stream === true;
    if (!isChatStream) return openExchange({ ...base, request: body, progress: SILENT });
    const progress = new StreamProgress(responder);
    const exchange = openExchange({ ...base, request: body, progress });
    progress.attach(exchange);
    return exchange;
  }
  if (!hasBody(request)) return openExchange({ ...base, request: NO_BODY, progress: SILENT });
  if (isJson(contentType)) {
    return openExchange({ ...base, request: await readJson<OpenRequest>(request, bodyLimit, false), progress: SILENT });
  }
  return openExchange({ ...base, request: NO_BODY, upload: new RequestUpload(request, uploadLimit), progress: SILENT });
}

function checkMethod(destination: Route, method: string, path: string): void {
  if (destination.kind === 'unknown') throw gatewayError('unknown_url', { method, path });
  if (destination.kind !== 'endpoint' || destination.endpoint.methods.includes(method)) return;
  const allow = destination.endpoint.methods.join(', ');
  throw gatewayError('method_not_allowed', { method, path, allow }, { headers: { allow } });
}

function hasBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length'];
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

function wantsUsage(request: OpenRequest): boolean {
  const options = request['stream_options'];
  return (
    typeof options === 'object' && options !== null && 'include_usage' in options && options.include_usage === true
  );
}

interface Facts {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly startedAt: number;
}

/** All is sent, or given up: tells the plugins, and the log in one line. */
function finish(
  gateway: Gateway,
  response: ServerResponse,
  responder: Responder,
  exchange: Exchange | undefined,
  facts: Facts,
): void {
  const isGone = !response.writableFinished;
  const { error } = responder;
  const outcome: Outcome = {
    status: response.headersSent ? response.statusCode : 499,
    durationMs: performance.now() - facts.startedAt,
    bytes: responder.bytes,
    ...(error ? { error } : {}),
  };
  if (exchange) gateway.finish(exchange, outcome);
  const level = error && !isGone ? error.level : 'info';
  gateway.log[level](
    {
      request_id: facts.id,
      method: facts.method,
      path: facts.path,
      status: outcome.status,
      ms: Math.round(outcome.durationMs * 10) / 10,
      bytes: outcome.bytes,
      ...(isGone ? { client_gone: true } : {}),
      ...(error
        ? { code: error.code, error: error.message, ...(error.cause && level === 'error' ? { err: error.cause } : {}) }
        : {}),
      ...(exchange ? planFacts(exchange) : {}),
    },
    'request',
  );
}

function planFacts({ identity, plan, ledger, headers }: Exchange): Record<string, unknown> {
  if (!plan) return { caller: identity.id };
  const cache = headers.get('x-optigate-cache');
  return {
    caller: identity.id,
    upstream: plan.upstream.name,
    approach: plan.approach,
    calls: ledger.requests,
    ...(ledger.usage ? { tokens: ledger.usage.total_tokens } : {}),
    ...(cache === undefined ? {} : { cache }),
  };
}
