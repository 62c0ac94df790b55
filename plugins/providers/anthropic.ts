/**
 * Speaks Anthropic's API: `/messages` and its other paths. The credential is `x-api-key`, or the bearer of a client; bodies
 * pass as bytes.
 */
import {
  createHeaderForwarding,
  definePlugin,
  headerOf,
  modelsOf,
  passedPath,
  wires,
  type Call,
  type UpstreamRequest,
} from '../../core/index.ts';

const NAME = 'anthropic';
const CREDENTIAL = { header: 'x-api-key', knowsBearer: true };
/** Sent if the client names no version: the API refuses requests without one. */
const VERSION = ['anthropic-version', '2023-06-01'] as const;

export default definePlugin({
  name: NAME,
  description: "Speaks Anthropic's API: /v1/messages and what belongs to it.",
  apply({ providers }) {
    const forwarding = createHeaderForwarding();
    providers.add({
      name: NAME,
      description: "Anthropic's API.",
      isRemote: true,
      defaultBaseUrl: 'https://api.anthropic.com/v1',
      wires: [wires.messages, wires.plainMessages],
      send: (call, transport) =>
        transport.send(call, toRequest(call, forwarding.headersFor(call.exchange, call.upstream))),
      async models(upstream, { transport, call, signal }) {
        const path = '/models?limit=1000';
        return modelsOf(
          await transport.get(upstream, { path, headers: VERSION, credential: CREDENTIAL, call, signal }),
        );
      },
    });
  },
});

/** @param headers  The client's headers that are forwarded. The version and the body's type are added to this array. */
export function toRequest({ exchange, request }: Call, headers: string[]): UpstreamRequest {
  const { client, upload } = exchange;
  const body = upload?.body ?? (request.bytes.length > 0 ? request.bytes : undefined);
  const contentType = upload ? upload.contentType : 'application/json';
  if (body && contentType !== undefined) headers.push('content-type', contentType);
  if (headerOf(headers, 'anthropic-version') === undefined) headers.push(...VERSION);
  return {
    method: client.method,
    path: passedPath(client),
    headers,
    body,
    credential: CREDENTIAL,
    // Paths other than `/messages` are only passed on; errors on them have Anthropic's shape.
    wire: exchange.wire === wires.messages ? wires.messages : wires.plainMessages,
  };
}
