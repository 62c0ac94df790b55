import type { Budget } from '../exchange/ledger.ts';
import type { Proxies } from './environment.ts';
import type { Plugin, PluginRecord } from '../plugin/define.ts';

/** The configuration as the program uses it: checked, defaults filled in, durations in ms, sizes in bytes, frozen. */
export interface Config {
  /** Absolute path of the file; undefined = the built-in default. */
  readonly path: string | undefined;
  /** The file's text as read, before environment variables are filled in. */
  readonly text: string;
  readonly server: {
    readonly host: string;
    readonly port: number;
    readonly workers: number;
    readonly keepAlive: 'comment' | 'chunk' | 'off';
    readonly bodyLimit: number;
    readonly uploadLimit: number;
    /** Patterns of further names that `Host` may have where nobody authenticates. */
    readonly allowedHosts: readonly string[];
    /** Patterns of the origins whose web pages may call. */
    readonly cors: readonly string[];
    readonly requestTimeoutMs: number;
    readonly drainTimeoutMs: number;
  };
  readonly log: { readonly level: string };
  /** In file order: the first is the default. */
  readonly upstreams: readonly UpstreamConfig[];
  readonly autodetect: boolean;
  readonly model: string | undefined;
  /** The default expression; undefined = a plain call (`auto`). */
  readonly approach: string | undefined;
  /** Which tags in messages select an approach. */
  readonly tags: 'start' | 'anywhere' | false;
  readonly approachLimits: Budget;
  readonly approachDefaults: { readonly n: number | undefined };
  /** In file order. */
  readonly plugins: readonly LoadedPlugin[];
  /**
   * Plugins that are loaded without being listed: `none`, and the providers that upstreams need or detection may
   * choose.
   */
  readonly implied: readonly LoadedPlugin[];
  /** Logged at start. */
  readonly warnings: readonly string[];
  /** `server.port` → `--port`: the values that come from a flag or variable instead of the file, and its name. */
  readonly origins: Readonly<Record<string, string>>;
  /** Absolute paths of the files that a reload depends on: the configuration file and custom plugins. */
  readonly watched: readonly string[];
  /** Those of the environment. An upstream's own one wins. */
  readonly proxies: Proxies;
  /** Is `NODE_ENV=production`? */
  readonly isProduction: boolean;
}

/** One upstream of the file. */
export interface UpstreamConfig {
  readonly name: string;
  /** Name of a provider. */
  readonly provider: string;
  /** No trailing slash; undefined = the provider's default. */
  readonly baseUrl: string | undefined;
  readonly apiKey: string | undefined;
  /** The environment variable that the key comes from or would come from; undefined if none is named. */
  readonly keyVariable: string | undefined;
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly forwardHeaders: readonly string[];
  /** `ca` is PEM text. */
  readonly tls: { readonly verify: boolean; readonly ca?: string };
  /** Address of a proxy, or `none`; undefined = as the environment says. */
  readonly proxy: string | undefined;
  /**
   * Keys of the provider's own (demo: `latency` …), as written. The provider's plugin has checked them by its options.
   */
  readonly extra: Readonly<Record<string, unknown>>;
}

/** A plugin with its options, checked and completed. */
export interface LoadedPlugin {
  /** As the file lists it: a name, a path or a package. */
  readonly listed: string;
  readonly plugin: Plugin;
  readonly record: PluginRecord;
  readonly options: object;
  /** Absolute path of a custom plugin's file or package entry; undefined = built in. */
  readonly file: string | undefined;
}
