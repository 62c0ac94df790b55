/**
 * Flags and environment variables, of optigate and of OptiLLM, that override the configuration file.
 * docs/configuration.md lists them for users.
 */
import { isRecord } from '../bytes/json.ts';
import type { Draft, Members } from './draft.ts';
import type { Environment } from './environment.ts';

/** Flag → its text. Names have hyphens and no `--`; a switch without a value is `true`. */
export type Flags = Readonly<Record<string, string>>;

/** The command line is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly exitCode = 2;
}

/** The value of a flag or variable, and where it comes from. */
interface Given {
  readonly text: string;
  /** Its name as the user wrote it: `--port`, `OPTIGATE_PORT`. */
  readonly origin: string;
  /** Reads a YAML file; paths are relative to the working directory. Throws a `UsageError`. */
  readonly readYaml: (path: string) => unknown;
}

/** A flag and a variable that mean the same, and what they change in the file's value. */
interface Alias {
  readonly flag?: string;
  readonly variable?: string;
  /** The flag may have no value, which means `true`. */
  readonly isSwitch?: boolean;
  readonly apply: (draft: Draft, given: Given) => void;
}

const OWN: readonly Alias[] = [
  { flag: 'host', variable: 'OPTIGATE_HOST', apply: setting('server', 'host') },
  { flag: 'port', variable: 'OPTIGATE_PORT', apply: setting('server', 'port') },
  { flag: 'workers', variable: 'OPTIGATE_WORKERS', apply: setting('server', 'workers') },
  { flag: 'log-level', variable: 'OPTIGATE_LOG_LEVEL', apply: setting('log', 'level') },
  { flag: 'approach', variable: 'OPTIGATE_APPROACH', apply: setting('approach') },
];

const NO_BATCHING = 'batching delayed requests in OptiLLM; here they run at once';
const NO_CONVERSATION_LOG = 'conversations are not written to files yet';

const OPTILLM: readonly Alias[] = [
  { flag: 'optillm-api-key', variable: 'OPTILLM_API_KEY', apply: addAccessKey },
  { variable: 'OPTILLM_APPROACH', apply: setting('approach') },
  { flag: 'model', variable: 'OPTILLM_MODEL', apply: setting('model') },
  { flag: 'base-url', variable: 'OPTILLM_BASE_URL', apply: ofFirstUpstream('base_url') },
  { variable: 'OPTILLM_HOST', apply: setting('server', 'host') },
  { variable: 'OPTILLM_PORT', apply: setting('server', 'port') },
  { flag: 'log', variable: 'OPTILLM_LOG', apply: setLogLevel },
  { flag: 'n', variable: 'OPTILLM_N', apply: setting('approach_defaults', 'n') },
  { flag: 'best-of-n', variable: 'OPTILLM_BEST_OF_N', apply: option('bon', 'best_of_n') },
  { flag: 'mcts-simulations', variable: 'OPTILLM_SIMULATIONS', apply: option('mcts', 'mcts_simulations') },
  { flag: 'mcts-exploration', variable: 'OPTILLM_EXPLORATION', apply: option('mcts', 'mcts_exploration') },
  { flag: 'mcts-depth', variable: 'OPTILLM_DEPTH', apply: option('mcts', 'mcts_depth') },
  { flag: 'rstar-max-depth', variable: 'OPTILLM_RSTAR_MAX_DEPTH', apply: option('rstar', 'rstar_max_depth') },
  { flag: 'rstar-num-rollouts', variable: 'OPTILLM_RSTAR_NUM_ROLLOUTS', apply: option('rstar', 'rstar_num_rollouts') },
  { flag: 'rstar-c', variable: 'OPTILLM_RSTAR_C', apply: option('rstar', 'rstar_c') },
  {
    flag: 'return-full-response',
    variable: 'OPTILLM_RETURN_FULL_RESPONSE',
    isSwitch: true,
    apply: option('cot_reflection', 'return_full_response'),
  },
  { flag: 'cepo-config-file', apply: mergeCepoFile },
  { flag: 'ssl-verify', variable: 'OPTILLM_SSL_VERIFY', isSwitch: true, apply: ofFirstUpstream('tls', 'verify') },
  {
    flag: 'no-ssl-verify',
    isSwitch: true,
    apply: (draft, given) => {
      if (isOn(given.text)) ofFirstUpstream('tls', 'verify')(draft, { ...given, text: 'false' });
    },
  },
  { flag: 'ssl-cert-path', variable: 'OPTILLM_SSL_CERT_PATH', apply: ofFirstUpstream('tls', 'ca') },
  {
    flag: 'plugins-dir',
    variable: 'OPTILLM_PLUGINS_DIR',
    apply: warning('Python plugins are not loaded; docs/plugins.md says how to write one here'),
  },
  {
    flag: 'log-conversations',
    variable: 'OPTILLM_LOG_CONVERSATIONS',
    isSwitch: true,
    apply: whenOn(warning(NO_CONVERSATION_LOG)),
  },
  { flag: 'conversation-log-dir', variable: 'OPTILLM_CONVERSATION_LOG_DIR', apply: warning(NO_CONVERSATION_LOG) },
  {
    flag: 'launch-gui',
    variable: 'OPTILLM_LAUNCH_GUI',
    isSwitch: true,
    apply: whenOn(warning('there is no web page to use it from yet')),
  },
  { flag: 'batch-mode', variable: 'OPTILLM_BATCH_MODE', isSwitch: true, apply: whenOn(warning(NO_BATCHING)) },
  { flag: 'batch-size', variable: 'OPTILLM_BATCH_SIZE', apply: warning(NO_BATCHING) },
  { flag: 'batch-wait-ms', variable: 'OPTILLM_BATCH_WAIT_MS', apply: warning(NO_BATCHING) },
];

/**
 * Applies variables and flags to the file's value. Later ones override earlier ones: `OPTILLM_*`, `OPTIGATE_*`,
 * OptiLLM's flags, optigate's flags. Throws a `UsageError`.
 */
export function applyAliases(
  draft: Draft,
  sources: { readonly flags: Flags; readonly environment: Environment; readonly readYaml: (path: string) => unknown },
): void {
  const { flags, environment, readYaml } = sources;
  const fromEnvironment = (aliases: readonly Alias[]) => {
    for (const { variable, apply } of aliases) {
      const text = variable === undefined ? undefined : environment[variable];
      // An empty variable counts as not set.
      if (variable !== undefined && text !== undefined && text !== '')
        apply(draft, { text, origin: variable, readYaml });
    }
  };
  const fromFlags = (aliases: readonly Alias[]) => {
    for (const { flag, apply } of aliases) {
      const text = flag === undefined ? undefined : flags[flag];
      if (text !== undefined) apply(draft, { text, origin: `--${flag}`, readYaml });
    }
  };
  fromEnvironment(OPTILLM);
  fromEnvironment(OWN);
  fromFlags(OPTILLM);
  applyCepoFlags(draft, flags);
  fromFlags(OWN);
}

/**
 * Splits a command line into OptiLLM's flags and the rest, which is optigate's. Hyphens and underscores in flags mean
 * the same. Throws a `UsageError` if a value is missing.
 */
export function takeOptillmFlags(args: readonly string[]): { readonly flags: Flags; readonly rest: readonly string[] } {
  const known = new Map(OPTILLM.flatMap((alias) => (alias.flag === undefined ? [] : [[alias.flag, alias] as const])));
  const flags: Record<string, string> = {};
  const rest: string[] = [];
  const waiting = [...args];
  for (let arg = waiting.shift(); arg !== undefined; arg = waiting.shift()) {
    const [, written = '', value] = /^--([^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
    const flag = written.replaceAll('_', '-');
    const alias = known.get(flag) ?? (flag.startsWith('cepo-') ? { isSwitch: false } : undefined);
    if (!alias) {
      rest.push(value === undefined || written === flag ? arg : `--${flag}=${value}`);
      continue;
    }
    const next = waiting[0];
    const takesNext = alias.isSwitch ? next !== undefined && /^(true|false)$/i.test(next) : true;
    const text = value ?? (takesNext ? waiting.shift() : 'true');
    if (text === undefined) throw new UsageError(`--${written} needs a value`);
    flags[flag] = text;
  }
  return { flags, rest };
}

/**
 * If no upstream in the file has a key, takes one from the first of the usual variables that is set, in OptiLLM's
 * order.
 * @param isWaitingForKey  The file's first upstream needs a key. Only then a missing upstream is added, in front of it.
 */
export function applyKeyVariables(draft: Draft, environment: Environment, isWaitingForKey: boolean): void {
  const upstreams = draft.value['upstreams'];
  if (
    !isRecord(upstreams) ||
    Object.values(upstreams).some((entry) => isRecord(entry) && entry['api_key'] !== undefined)
  )
    return;
  const [found] = KEY_VARIABLES.filter(({ variable }) => environment[variable]);
  if (!found) return;
  const { upstream, variable, entry } = found;
  if (!entry) {
    draft.warnings.push(
      `${variable} is set, but there is no provider for Azure OpenAI yet: give its address and key as an upstream`,
    );
    return;
  }
  const own = upstreams[upstream];
  if (own === undefined && isWaitingForKey) draft.value['upstreams'] = { [upstream]: { ...entry }, ...upstreams };
  else if (!isRecord(own) && own !== null) return;
  draft.set(['upstreams', upstream, 'api_key'], environment[variable], variable);
}

const KEY_VARIABLES: readonly { upstream: string; variable: string; entry?: Members }[] = [
  {
    upstream: 'cerebras',
    variable: 'CEREBRAS_API_KEY',
    entry: { provider: 'openai', base_url: 'https://api.cerebras.ai/v1' },
  },
  { upstream: 'openai', variable: 'OPENAI_API_KEY', entry: { provider: 'openai' } },
  { upstream: 'azure', variable: 'AZURE_OPENAI_API_KEY' },
];

function setting(...path: string[]): Alias['apply'] {
  return (draft, { text, origin }) => draft.set(path, text, origin);
}

function option(plugin: string, name: string): Alias['apply'] {
  return (draft, { text, origin }) => {
    if (!draft.setOption(plugin, name, text, origin)) draft.warnings.push(notListed(origin, plugin));
  };
}

function ofFirstUpstream(...path: string[]): Alias['apply'] {
  return (draft, { text, origin }) => {
    const upstream = draft.firstUpstream();
    if (upstream !== undefined) draft.set(['upstreams', upstream, ...path], text, origin);
  };
}

function warning(message: string): Alias['apply'] {
  return (draft, { origin }) => void draft.warnings.push(`${origin} has no effect: ${message}`);
}

function whenOn(apply: Alias['apply']): Alias['apply'] {
  return (draft, given) => {
    if (isOn(given.text)) apply(draft, given);
  };
}

function isOn(text: string): boolean {
  return /^(true|1|yes|on)$/i.test(text);
}

function setLogLevel(draft: Draft, { text, origin }: Given): void {
  const level = text.toLowerCase();
  draft.set(['log', 'level'], PYTHON_LEVELS.get(level) ?? level, origin);
}

const PYTHON_LEVELS = new Map([
  ['notset', 'trace'],
  ['warning', 'warn'],
  ['critical', 'fatal'],
]);

function addAccessKey(draft: Draft, { text, origin }: Given): void {
  draft.warnings.push(
    `${origin} is an access key here, named 'optillm'; it does not switch to local inference as in OptiLLM`,
  );
  const entry = { name: 'optillm', key: text };
  const auth = draft.pluginEntry('auth');
  if (!auth) {
    draft.addPlugin('auth', { keys: [entry] }, origin);
    return;
  }
  const listed = draft.value['plugins'];
  const options = Array.isArray(listed) ? (listed[Number(auth[1])] as Members)['auth'] : undefined;
  const keys = isRecord(options) ? (options['keys'] ?? []) : undefined;
  if (!Array.isArray(keys)) return;
  const others = keys.filter((key) => !(isRecord(key) && key['name'] === 'optillm'));
  if (isRecord(options)) options['keys'] = others;
  draft.set([...auth, 'keys', others.length], entry, origin);
}

/** Sets cepo's options as a YAML file says. Flags such as `--cepo-…` are applied later and override them. */
function mergeCepoFile(draft: Draft, { text, origin, readYaml }: Given): void {
  const options = readYaml(text);
  if (!isRecord(options)) throw new UsageError(`${origin}: ${text} does not hold keys with values`);
  for (const [name, value] of Object.entries(options)) {
    if (!draft.setOption('cepo', name, value, `${origin} ${text}`)) {
      draft.warnings.push(notListed(origin, 'cepo'));
      return;
    }
  }
}

function applyCepoFlags(draft: Draft, flags: Flags): void {
  for (const [flag, text] of Object.entries(flags)) {
    if (!flag.startsWith('cepo-') || flag === 'cepo-config-file') continue;
    option('cepo', flag.slice('cepo-'.length).replaceAll('-', '_'))(draft, {
      text,
      origin: `--${flag}`,
      readYaml: () => undefined,
    });
  }
}

function notListed(origin: string, plugin: string): string {
  return `${origin} has no effect: the approach '${plugin}' is not listed under plugins`;
}
