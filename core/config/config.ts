import type { Plugin, PluginRecord } from '../plugin/define.ts';
import type { Budget } from '../exchange/ledger.ts';

/** The configuration as the program uses it: complete, checked, in milliseconds and bytes, frozen. */
export interface Config {
  /** Absolute path of the file; undefined = the built-in default. */
  readonly path: string | undefined;
  /** The file's text after reading, before the environment is filled in. */
  readonly text: string;
  readonly server: {
    readonly host: string;
    readonly port: number;
    readonly workers: number;
    readonly keepAlive: 'comment' | 'chunk' | 'off';
    readonly bodyLimit: number;
    readonly uploadLimit: number;
    readonly requestTimeoutMs: number;
    readonly drainTimeoutMs: number;
  };
  readonly log: { readonly level: string };
  /** In file order: the first is the default. */
  readonly upstreams: readonly UpstreamConfig[];
  readonly autodetect: boolean;
  readonly model: string | undefined;
  /** An expression; undefined = none (`auto`). */
  readonly approach: string | undefined;
  readonly tags: boolean;
  readonly approachLimits: Budget;
  readonly approachDefaults: { readonly n: number | undefined };
  /** In file order, options checked and completed. */
  readonly plugins: readonly LoadedPlugin[];
  /** The providers that upstreams name or detection may choose, and `none`: loaded without being listed. */
  readonly implied: readonly LoadedPlugin[];
  /** To be logged at start. */
  readonly warnings: readonly string[];
  /** `server.port` → `--port`: what came from a flag or an environment variable instead of the file. */
  readonly origins: Readonly<Record<string, string>>;
  /** Files whose change means a reload: the file and custom plugins. */
  readonly watched: readonly string[];
  /** Is it production (`NODE_ENV=production`)? The only environment fact beyond the file. */
  readonly isProduction: boolean;
}

export interface UpstreamConfig {
  readonly name: string;
  /** Name of a provider. */
  readonly provider: string;
  /** No trailing slash; undefined = the provider's default. */
  readonly baseUrl: string | undefined;
  readonly apiKey: string | undefined;
  /** The variable that the file names for the key, set or not. */
  readonly keyVariable: string | undefined;
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly forwardHeaders: readonly string[];
  /** `ca` is PEM text. */
  readonly tls: { readonly verify: boolean; readonly ca?: string };
  /** Fields of the provider's own (demo: latency …), checked by its plugin's options, as written. */
  readonly extra: Readonly<Record<string, unknown>>;
}

export interface LoadedPlugin {
  /** As listed: a name, a path or a package. */
  readonly listed: string;
  readonly plugin: Plugin;
  readonly record: PluginRecord;
  readonly options: object;
  /** Absolute path of a custom plugin's file or package entry; undefined = built in. */
  readonly file: string | undefined;
}
