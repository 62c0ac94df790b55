import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { packageFile } from '../config/package-file.ts';
import type { Gateway } from '../gateway.ts';

/** The program's version, from package.json. */
export function version(): string {
  const { version: number } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string };
  return number;
}

/**
 * Logs in one line where the program listens and who answers. A warning if requests without a key are answered by what
 * was found on this machine, or by the demo.
 */
export function reportStart(log: Logger, { gateway, config, address }: StartFacts): void {
  const { keyless } = gateway.upstreams;
  const { upstreams, approaches } = gateway.describe();
  const [first] = upstreams;
  const home = first && { upstream: first.name, base_url: first.baseUrl };
  const slugs = approaches.map(({ slug }) => slug).filter((slug) => slug !== 'none');
  const facts = {
    address,
    version: version(),
    upstreams: gateway.upstreams.all.map(({ name }) => name),
    ...(keyless
      ? { without_key: keyless.upstream.name, note: keyless.lines.map((line) => line.trim()), own_keys: home }
      : { answers: home && { ...home, key: first.key } }),
    approach: config.approach ?? 'none',
    approaches: slugs,
    example: exampleOf(config, keyless?.upstream.settings.models?.[0], approaches),
  };
  log[keyless ? 'warn' : 'info'](facts, 'optigate listens');
}

interface StartFacts {
  readonly gateway: Gateway;
  readonly config: Config;
  /** `http://127.0.0.1:8000` */
  readonly address: string;
}

/** The body of a request to try, as an argument of curl. */
function exampleOf(
  { model = 'gpt-4o-mini' }: Config,
  detected: string | undefined,
  approaches: ReturnType<Gateway['describe']>['approaches'],
): string {
  const chosen = approaches.find(({ slug, kind }) => kind === 'answerer' && slug !== 'none');
  const name = `${chosen ? `${chosen.slug}-` : ''}${detected ?? model}`;
  const body = { model: name, messages: [{ role: 'user', content: 'What is 17 * 23?' }] };
  return `-d '${JSON.stringify(body).replaceAll("'", String.raw`'\''`)}'`;
}
