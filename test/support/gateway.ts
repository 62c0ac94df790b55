/**
 * The program in this process, from configuration text to a listening port, for tests that look at one behaviour of it:
 *
 *   await using gateway = await startGateway(upstream, { yaml: 'plugins: [auth]' });
 *   const response = await gateway.chat({ messages: […] });
 *
 * `test/e2e` starts the real program from outside instead.
 */
import { pino } from 'pino';
import type { Clock } from '../../core/clock.ts';
import { loadConfig } from '../../core/config/load.ts';
import { startServer } from '../../core/process/start.ts';

export interface GatewayOptions {
  /** Text of the configuration below its `server` and `upstreams`, which are written here unless it has its own. */
  readonly yaml?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
  /** The folder that paths in the configuration are relative to. */
  readonly cwd?: string;
  /** Where log lines go; default: nowhere. */
  readonly log?: (line: Record<string, unknown>) => void;
}

export interface TestGateway extends AsyncDisposable {
  readonly url: string;
  readonly baseUrl: string;
  /** Anything under the address, `/v1/…` included. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** A chat request: `messages` and `model` are filled in where they are absent. */
  chat(body?: Record<string, unknown>, headers?: Record<string, string>, signal?: AbortSignal): Promise<Response>;
  close(): Promise<number>;
}

const NO_PLUGINS = 'plugins: []\n';

/** @param upstream  Base URL of the default upstream, which is called `main` and has the key `sk-server`. */
export async function startGateway(
  upstream: { readonly baseUrl: string } | undefined,
  options: GatewayOptions = {},
): Promise<TestGateway> {
  const { yaml = NO_PLUGINS, env = {}, cwd = process.cwd() } = options;
  const parts = [yaml];
  if (!/^plugins:/m.test(yaml)) parts.push(NO_PLUGINS);
  if (!/^model:/m.test(yaml)) parts.push('model: test-model\n');
  if (!/^server:/m.test(yaml)) parts.push('server: { port: 0 }\n');
  if (upstream && !/^upstreams:/m.test(yaml)) {
    parts.push(`upstreams: { main: { base_url: "${upstream.baseUrl}", api_key: sk-server } }\n`);
  }
  const config = await loadConfig({ text: parts.join('\n'), env, cwd, flags: {} });
  const lines = options.log;
  const log = lines
    ? pino({ level: 'trace' }, { write: (line: string) => lines(JSON.parse(line) as Record<string, unknown>) })
    : pino({ level: 'silent' });
  const running = await startServer(config, { log, ...(options.clock ? { clock: options.clock } : {}) });
  const url = running.address;
  const close = () => {
    running.drain();
    return running.closed;
  };
  return {
    url,
    baseUrl: `${url}/v1`,
    fetch: (path, init) => fetch(`${url}${path}`, init),
    chat: (body = {}, headers = {}, signal) =>
      fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ model: 'test-model', messages: [{ role: 'user', content: 'Hello' }], ...body }),
        ...(signal ? { signal } : {}),
      }),
    close,
    async [Symbol.asyncDispose]() {
      await close();
    },
  };
}
