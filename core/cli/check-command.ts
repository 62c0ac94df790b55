import { pino } from 'pino';
import type { Flags } from '../config/aliases.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import type { PipelineDescription } from '../gateway/describe.ts';
import type { Route } from '../server/app.ts';
import { explainStart } from './start-error.ts';

/** `optigate check`: builds the pipeline without listening, and prints it. Resolves to exit code 0, or rejects. */
export async function checkCommand(options: { path: string | undefined; flags: Flags }): Promise<number> {
  const [config, { buildServer }] = await Promise.all([loadConfig(options), import('../process/build.ts')]);
  const { gateway, app } = await buildServer(config, { log: pino({ level: 'silent' }), detect: false }).catch(
    (error: unknown) => {
      throw explainStart(error, config);
    },
  );
  console.log(printPipeline(config, gateway.describe(), app.routes));
  await gateway.close();
  return 0;
}

/** The pipeline as text. */
export function printPipeline(config: Config, pipeline: PipelineDescription, routes: readonly Route[]): string {
  const { server, origins } = config;
  const overrides = Object.entries(origins).map(([path, origin]) => `${path} from ${origin}`);
  return [
    `Configuration: ${config.path ?? 'built in (no config.yaml here)'}`,
    `Listens on ${server.host}:${server.port}`,
    `Default approach: ${pipeline.approach}`,
    ...section('Set from outside', overrides),
    ...section('Hooks, in the order a request meets them', pipeline.hooks.flatMap(hookLines)),
    ...section(
      'Approaches',
      table(pipeline.approaches.map(({ slug, kind, plugin, description }) => [slug, kind, plugin, description])),
    ),
    ...section(
      'Upstreams',
      table(
        pipeline.upstreams.map(({ name, provider, baseUrl, key }) => [name, provider, baseUrl || '-', `key ${key}`]),
      ),
    ),
    ...section(
      'Routes of plugins',
      table(
        routes.map(({ path, methods, isPublic }) => [path, methods.join(' '), isPublic ? 'public' : 'needs a key']),
      ),
    ),
    ...section('Checked by /ready', pipeline.checks),
    ...section('Warnings', pipeline.warnings),
    '',
    'The configuration is good.',
  ].join('\n');
}

function hookLines({ name, kind, taps }: PipelineDescription['hooks'][number]): string[] {
  const lines = table(taps.map((tap) => [`  ${tap.name}`, stageOf(tap.stage)]));
  return [`${name} (${kind})`, ...(lines.length > 0 ? lines : ['  nobody'])];
}

function stageOf(stage: number): string {
  return stage === Number.MAX_SAFE_INTEGER ? 'last' : `stage ${stage}`;
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)];
}

/** Rows as lines, with columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
