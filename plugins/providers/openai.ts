/**
 * Speaks OpenAI's API, to OpenAI and to every compatible server (vLLM, Ollama, OpenRouter, Groq …). Paths are those of
 * the API, below the base URL; bodies pass as bytes.
 */
import {
  createHeaderForwarding,
  definePlugin,
  modelsOf,
  passedPath,
  queryOf,
  wires,
  type Call,
  type UpstreamRequest,
} from '../../core/index.ts';

const NAME = 'openai';
const CREDENTIAL = { header: 'authorization', scheme: 'Bearer' };

export default definePlugin({
  name: NAME,
  description: "Speaks OpenAI's API: OpenAI itself, and every server that is compatible with it.",
  apply({ providers }) {
    const forwarding = createHeaderForwarding();
    providers.add({
      name: NAME,
      description: "OpenAI's API, or any server compatible with it.",
      isRemote: true,
      defaultBaseUrl: 'https://api.openai.com/v1',
      wires: [wires.chat, wires.completions, wires.embeddings, wires.responses, wires.plain],
      send: (call, transport) =>
        transport.send(call, toRequest(call, forwarding.headersFor(call.exchange, call.upstream))),
      async models(upstream, { transport, call, signal }) {
        return modelsOf(await transport.get(upstream, { path: '/models', credential: CREDENTIAL, call, signal }));
      },
    });
  },
});

/** @param headers  The client's headers that are forwarded. The body's type is added to this array. */
export function toRequest({ exchange, request }: Call, headers: string[]): UpstreamRequest {
  const { operation, client, upload } = exchange;
  const common = { headers, credential: CREDENTIAL, wire: exchange.wire };
  if (operation === 'chat') {
    headers.push('content-type', 'application/json');
    return { ...common, method: 'POST', path: `/chat/completions${queryOf(client)}`, body: request.bytes };
  }
  const body = upload?.body ?? (request.bytes.length > 0 ? request.bytes : undefined);
  const contentType = upload ? upload.contentType : 'application/json';
  if (body && contentType !== undefined) headers.push('content-type', contentType);
  return { ...common, method: client.method, path: passedPath(client), body };
}
