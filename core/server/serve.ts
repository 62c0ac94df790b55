import type { IncomingMessage, ServerResponse } from 'node:http';
import { Payload } from '../bytes/payload.ts';
import { gatewayError } from '../errors.ts';
import type { Exchange, OpenRequest, Operation, Outcome, Upload } from '../exchange/exchange.ts';
import type { IdentityGrant } from '../exchange/identity.ts';
import { SILENT } from '../exchange/progress.ts';
import type { Gateway } from '../gateway.ts';
import type { Wire } from '../wire/wire.ts';
import { logRequest } from './access-log.ts';
import { arrivalOf, pathOf } from './arrival.ts';
import { isJson, readJson } from './body.ts';
import { deliver } from './deliver.ts';
import { isModelForm, readFormModel } from './form-model.ts';
import { answerModels } from './model-list.ts';
import { CLIENT_CLOSED, openExchange } from './open-exchange.ts';
import { meantBy, routeOf, wireOf, type Route } from './paths.ts';
import { Responder } from './responder.ts';
import { StreamProgress } from './stream-progress.ts';
import { toGatewayError } from './thrown-error.ts';
import { RequestUpload } from './upload.ts';

const NO_BODY = Payload.fromBytes<OpenRequest>(Buffer.alloc(0), {});

/** Answers one request below `/v1/`: admits the caller, reads the body, runs the pipeline, sends. Never rejects. */
export async function serve(
  gateway: Gateway,
  request: IncomingMessage,
  response: ServerResponse,
  id: string,
): Promise<void> {
  const startedAt = performance.now();
  const { config, clock } = gateway;
  const arrival = arrivalOf(request, gateway.log, id);
  const path = pathOf(arrival.client.path);
  const route = routeOf(path);
  const operation = route.kind === 'endpoint' ? route.endpoint.operation : 'other';
  const wire = wireOf(path, request.headers);
  const abort = new AbortController();
  const responder = new Responder({
    response,
    requestId: arrival.id,
    wire,
    keepAlive: config.server.keepAlive,
    clock,
  });
  let exchange: Exchange | undefined;
  // Set before anything is awaited, or a client that leaves early would go unnoticed: fastify's own signal does not
  // abort once a reply is hijacked.
  response.once('close', () => {
    if (!response.writableFinished) abort.abort(CLIENT_CLOSED);
    responder.release();
    finish({ gateway, arrival, path, startedAt }, response, responder, exchange);
  });
  try {
    const admitted = gateway.authenticate(arrival);
    const grant = admitted instanceof Promise ? await admitted : admitted;
    // DELETE of a fine-tuned model is passed on upstream.
    if (route.kind === 'models' && arrival.client.method !== 'DELETE') {
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
      await answerModels(gateway, exchange, responder, route.id);
      return;
    }
    checkMethod(route, arrival.client.method, path);
    exchange = await readExchange(gateway, request, {
      arrival,
      grant,
      operation,
      wire,
      route,
      abort,
      responder,
      startedAt,
    });
    const wantsStream = exchange.request.value.stream === true && wire.hasTwoForms;
    if (wantsStream) responder.expectStream(exchange);
    const asked = { wantsStream, wantsUsage: wantsUsage(exchange.request.value) };
    await deliver(gateway, exchange, await gateway.handle(exchange), responder, asked);
  } catch (error) {
    if (!request.complete) request.resume();
    try {
      responder.fail(error, exchange);
    } catch (cause) {
      // The error, or a refusal that a plugin changed, has a status or header that Node refuses to send.
      responder.fail(gatewayError('internal_error', {}, { cause }));
    }
    // Ends what still runs for the failed request: other calls, or a stream that was not read because a plugin threw.
    abort.abort(toGatewayError(error));
  }
}

/** What is known of a request before its body is read. */
interface Opening {
  readonly arrival: ReturnType<typeof arrivalOf>;
  readonly grant: IdentityGrant;
  readonly operation: Operation;
  readonly wire: Wire;
  readonly route: Route;
  readonly abort: AbortController;
  readonly responder: Responder;
  readonly startedAt: number;
}

/**
 * Reads the body (JSON, whole) or leaves it to be streamed through (other types on other paths), and begins the
 * exchange.
 */
async function readExchange(gateway: Gateway, request: IncomingMessage, opening: Opening): Promise<Exchange> {
  const { arrival, grant, operation, wire, route, abort, responder, startedAt } = opening;
  const { bodyLimit, uploadLimit } = gateway.config.server;
  const base = { arrival, grant, operation, wire, abort, startedAt };
  const contentType = request.headers['content-type'];
  if (route.kind === 'endpoint') {
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
  const upload: Upload = new RequestUpload(request, uploadLimit);
  // With one upstream a form goes there in any case, and streams through unread.
  const isSearched = gateway.upstreams.all.length > 1 && isModelForm(pathOf(arrival.client.path), contentType);
  return openExchange({
    ...base,
    request: NO_BODY,
    upload: isSearched ? await readFormModel(upload, bodyLimit) : upload,
    progress: SILENT,
  });
}

/** The methods of paths that are passed on. A server answers TRACE with the request that it got, its key included. */
const PASSED_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Throws a 404 for an unknown path, and a 405 for a method that a known path does not allow. */
function checkMethod(route: Route, method: string, path: string): void {
  if (route.kind === 'unknown') {
    const meant = meantBy(path);
    const detail = meant && `Did you mean ${meant}? A client's base URL ends in /v1, once`;
    throw gatewayError('unknown_url', { method, path, detail });
  }
  const methods = route.kind === 'endpoint' ? route.endpoint.methods : PASSED_METHODS;
  if (methods.includes(method)) return;
  const allow = methods.join(', ');
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

/** When the connection closes: calls the taps on `finished`, and logs the request. */
function finish(
  { gateway, arrival, path, startedAt }: Finishing,
  response: ServerResponse,
  responder: Responder,
  exchange: Exchange | undefined,
): void {
  const { error } = responder;
  const outcome: Outcome = {
    status: response.headersSent ? response.statusCode : 499,
    durationMs: performance.now() - startedAt,
    bytes: responder.bytes,
    ...(error ? { error } : {}),
  };
  if (exchange) gateway.finish(exchange, outcome);
  const { id, client } = arrival;
  logRequest(gateway.log, outcome, { id, method: client.method, path, isGone: !response.writableFinished, exchange });
}

interface Finishing {
  readonly gateway: Gateway;
  readonly arrival: Opening['arrival'];
  readonly path: string;
  readonly startedAt: number;
}
