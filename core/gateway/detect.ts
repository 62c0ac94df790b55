/**
 * Looks for a model server on this machine, once, at start. Ollama, LM Studio, llama.cpp and vLLM listen on known ports
 * and answer `GET /v1/models` in OpenAI's shape.
 */
import { get } from 'node:http';
import type { Logger } from 'pino';

/** Default ports of Ollama, LM Studio, llama.cpp and vLLM, the preferred one first. */
const PORTS = [11434, 1234, 8080, 8000] as const;
/** A list of models is smaller than this. A server that sends more is something else. */
const MAX_BYTES = 1024 * 1024;

/**
 * A model's id: one line of visible text. The start prints it, and whoever listens on a port must not be able to write
 * on the terminal as he likes.
 */
const MODEL_ID = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]{1,256}$/u;

/** A model server that was found. */
export interface DetectedServer {
  /** With `/v1`, without a trailing slash. */
  readonly baseUrl: string;
  /** The ids it lists, at least one. */
  readonly models: readonly string[];
}

/** Where to look, and for how long. */
export interface DetectOptions {
  /** The port that this program listens on, which is skipped. */
  readonly ownPort: number;
  /** Default: those of the known model servers. */
  readonly ports?: readonly number[];
  /** For each server, from connecting to the end of its list. Default: 300. */
  readonly fetchTimeoutMs?: number;
  readonly log: Pick<Logger, 'debug'>;
}

/**
 * The first server, in the order of `ports`, that lists models; undefined if there is none. All are asked at once.
 * Never throws.
 */
export async function detectUpstream({
  ownPort,
  ports = PORTS,
  fetchTimeoutMs = 300,
  log,
}: DetectOptions): Promise<DetectedServer | undefined> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(new Error(`no list within ${fetchTimeoutMs} ms`)), fetchTimeoutMs);
  try {
    const asked = ports
      .filter((port) => port !== ownPort)
      .map(async (port) => {
        const baseUrl = `http://127.0.0.1:${port}/v1`;
        try {
          return { baseUrl, models: await listModels(`${baseUrl}/models`, abort.signal) };
        } catch (error) {
          log.debug({ port, reason: error instanceof Error ? error.message : String(error) }, 'no model server here');
          return undefined;
        }
      });
    for (const answer of asked) {
      const found = await answer;
      if (found) return found;
    }
    return undefined;
  } finally {
    clearTimeout(timer);
    abort.abort(new Error('another one was chosen'));
  }
}

/** Which upstream the start chose for callers without a key. */
export type StartChoice = ({ readonly kind: 'local' } & DetectedServer) | { readonly kind: 'demo' };

/** The lines printed at start: which upstream was chosen, and how to get a better one. */
export function describeChoice(choice: StartChoice): readonly string[] {
  if (choice.kind === 'demo')
    return [
      'No API key, no model server: using the built-in DEMO upstream. Its answers are canned, not from a language model.',
      '  real answers:  OPENAI_API_KEY=… npm start  |  ollama serve  |  a server of your own in config.yaml',
    ];
  const [first, ...others] = choice.models;
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  return [
    `No API key: using the model server found at ${choice.baseUrl} (${first}${more}).`,
    `  Other model names are answered by ${first}. Name the server under 'upstreams' in config.yaml to keep it, or set OPENAI_API_KEY.`,
  ];
}

function listModels(url: string, signal: AbortSignal): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const request = get(url, { signal, agent: false, headers: { accept: 'application/json' } }, (response) => {
      // Not another optigate: two that forward to each other would never answer.
      const isOurs = Object.keys(response.headers).some((name) => name.startsWith('x-optigate-'));
      if (response.statusCode !== 200 || isOurs) {
        request.destroy(new Error(isOurs ? 'another optigate' : `status ${response.statusCode}`));
        return;
      }
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > MAX_BYTES) request.destroy(new Error('too large for a list of models'));
      });
      response.on('end', () => {
        try {
          resolve(modelsIn(Buffer.concat(chunks).toString()));
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}

/** The ids of `{"data":[{"id":…}]}`. Throws if the text is something else, or the list is empty. */
function modelsIn(text: string): string[] {
  const body: unknown = JSON.parse(text);
  const data = typeof body === 'object' && body !== null && 'data' in body ? body.data : undefined;
  if (!Array.isArray(data)) throw new Error('not a list of models');
  const ids = data
    .map((model: unknown) => (typeof model === 'object' && model !== null && 'id' in model ? model.id : undefined))
    .filter((id): id is string => typeof id === 'string' && MODEL_ID.test(id));
  if (ids.length === 0) throw new Error('the list of models is empty');
  return ids;
}
