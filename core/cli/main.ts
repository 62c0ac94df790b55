/** The command line. Each command imports its modules when it runs, so that none waits for those of another. */
import type { Command } from 'commander';
import type { Flags } from '../config/aliases.ts';
import { takenByNpm } from '../config/npm-flags.ts';
import { version } from '../process/start-report.ts';

const OVERRIDES = ['host', 'port', 'workers', 'log-level', 'approach'] as const;

/**
 * Runs a command line and resolves to its exit code: 0 = done, 1 = failed, 2 = bad usage. Prints errors.
 * @param args  Without node and the script.
 */
export async function run(args: readonly string[]): Promise<number> {
  if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
    console.log(version());
    return 0;
  }
  try {
    return await dispatch(args);
  } catch (error) {
    const { exitCode, message } = toFailure(error);
    if (message !== '') console.error(`optigate: ${message}`);
    return exitCode;
  }
}

async function dispatch(args: readonly string[]): Promise<number> {
  const [{ Command, CommanderError }, { takeOptillmFlags, UsageError }] = await Promise.all([
    import('commander'),
    import('../config/aliases.ts'),
  ]);
  const taken = takenByNpm(args);
  if (taken !== undefined) throw new UsageError(taken);
  const { flags: optillmFlags, rest } = takeOptillmFlags(args);
  let exitCode = 0;
  const finished = (code: number) => void (exitCode = code);
  const flagsOf = (options: Options): Flags => ({ ...optillmFlags, ...overrides(options) });

  const program = new Command('optigate')
    .description('An OpenAI-compatible optimizing LLM proxy.')
    .version(version(), '-V, --version')
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  const command = (name: string, description: string, settings?: { isDefault: boolean }) =>
    program.command(name, settings).description(description).exitOverride();

  const serve = withOverrides(command('serve', 'serve the configuration (the default command)', { isDefault: true }));
  serve
    .addHelpText('after', "\nOptiLLM's flags and environment variables are accepted, too: see docs/configuration.md.")
    .action(async (options: Options) => {
      const { serveCommand } = await import('./serve-command.ts');
      finished(await serveCommand({ path: options.config, flags: flagsOf(options) }));
    });
  withOverrides(command('check', 'check the configuration, and print the pipeline it makes')).action(
    async (options: Options) => {
      const { checkCommand } = await import('./check-command.ts');
      finished(await checkCommand({ path: options.config, flags: flagsOf(options) }));
    },
  );
  command('init', 'write a commented config.yaml')
    .argument('[path]', 'the file (.yaml), or the folder for a config.yaml', '.')
    .action(async (place: string) => {
      const { initCommand } = await import('./init-command.ts');
      finished(await initCommand(place));
    });
  withConfig(command('plugins', 'list built-in and loaded plugins with their options'))
    .argument('[name]', 'only this one')
    .action(async (name: string | undefined, options: Options) => {
      const { pluginsCommand } = await import('./plugins-command.ts');
      finished(await pluginsCommand({ path: options.config, name }));
    });
  withConfig(command('schema', 'print the JSON Schema of the configuration file')).action(async (options: Options) => {
    const { schemaCommand } = await import('./plugins-command.ts');
    finished(await schemaCommand({ path: options.config }));
  });

  program.addHelpText('after', () => `\nOptions of serve, the default command:\n${optionLines(serve)}`);

  try {
    await program.parseAsync([...rest], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version throw, too, with exit code 0.
    if (error.exitCode === 0) return 0;
    throw new UsageError(usageMessage(error, rest, program), { cause: error });
  }
  return exitCode;
}

interface Options {
  readonly config?: string;
  readonly host?: string;
  readonly port?: string;
  readonly workers?: string;
  readonly logLevel?: string;
  readonly approach?: string;
}

function withConfig(command: Command): Command {
  return command.option('--config <file>', 'configuration file (OPTIGATE_CONFIG; default ./config.yaml)');
}

function withOverrides(command: Command): Command {
  return withConfig(command)
    .option('--host <address>', 'where to listen (OPTIGATE_HOST)')
    .option('--port <number>', 'port, 0 = any free one (OPTIGATE_PORT)')
    .option('--workers <number>', 'processes, auto = one per core (OPTIGATE_WORKERS)')
    .option('--log-level <level>', 'fatal | error | warn | info | debug | trace | silent (OPTIGATE_LOG_LEVEL)')
    .option('--approach <expression>', 'for requests that select none, such as "re2&moa" (OPTIGATE_APPROACH)');
}

function overrides({ host, port, workers, logLevel, approach }: Options): Flags {
  const given: Record<(typeof OVERRIDES)[number], string | undefined> = {
    host,
    port,
    workers,
    'log-level': logLevel,
    approach,
  };
  return Object.fromEntries(Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** The message for bad usage. A mistyped command is an argument too many of the default command, which takes none. */
function usageMessage(error: Error & { code: string }, args: readonly string[], program: Command): string {
  if (error.code === 'commander.excessArguments') {
    const names = program.commands.map((command) => command.name());
    const command = args.find((arg) => names.includes(arg));
    if (command !== undefined && args[0] !== command) {
      const others = args.filter((arg) => arg !== command).join(' ');
      return `options stand after the command: optigate ${command} ${others}`;
    }
    const given = args.find((arg) => !arg.startsWith('-') && !names.includes(arg));
    return `unknown command or argument '${given ?? ''}'; the commands are ${names.join(', ')}`;
  }
  return `${error.message.replace(/^error: /, '')}\nSee optigate --help`;
}

function optionLines({ options }: Command): string {
  const width = Math.max(...options.map(({ flags }) => flags.length));
  return options.map(({ flags, description }) => `  ${flags.padEnd(width)}  ${description}`).join('\n');
}

/** An error's message and exit code (its own, else 1), without a stack. */
function toFailure(error: unknown): { exitCode: number; message: string } {
  if (!(error instanceof Error)) return { exitCode: 1, message: String(error) };
  const exitCode = 'exitCode' in error && typeof error.exitCode === 'number' ? error.exitCode : 1;
  return { exitCode, message: error.message };
}
