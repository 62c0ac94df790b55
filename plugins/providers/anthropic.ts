/** Anthropic's wire: `/messages` and what lies beside it, with `x-api-key`. Bodies pass as bytes. */
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
const CREDENTIAL = { header: 'x-api-key' };
/** Sent where the client names none; the API refuses requests without. */
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

/** @param headers  What the client's headers bring; the version and the body's type are added. */
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
    // A path of another API is only passed on; what Anthropic says to it has Anthropic's shape.
    wire: exchange.wire === wires.messages ? wires.messages : wires.plainMessages,
  };
}
