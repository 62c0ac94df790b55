import type { Wire } from '../wire/wire.ts';

/** Facts about the provider of an upstream. The provider itself is found by `Upstreams.providerOf`. */
export interface ProviderFacts {
  readonly name: string;
  /** The wires that it speaks. A request in another wire cannot be sent there. */
  readonly wires: readonly Wire[];
  /** Does it need a network and a base URL? false for one that answers by itself, such as `demo`. */
  readonly isRemote: boolean;
}

/** What is configured for an upstream, its key excepted. */
export interface UpstreamSettings {
  readonly name: string;
  /** No trailing slash. */
  readonly baseUrl: string;
  readonly provider: ProviderFacts;
  /** How long one attempt may take until the end of its answer. */
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  /** How long no byte may come after the answer's headers. */
  readonly idleTimeoutMs: number;
  /** Patterns of client headers that are forwarded besides the usual ones; `*` = all that are not forbidden. */
  readonly forwardHeaders: readonly string[];
  readonly tls: { readonly verify: boolean; readonly ca?: string };
  /** Address of the proxy that requests go through; undefined = none. It may hold a password. */
  readonly proxy?: string;
  /** The environment variable that holds the key, for error messages. */
  readonly keyVariable?: string;
  /** Must there be a key? false for a detected server and the demo. */
  readonly needsKey: boolean;
  /** A caller's own key that is shorter is a placeholder, and counts as none. 0 = every key counts. */
  readonly shortestKey: number;
  /**
   * The ids of the models that a detected server listed; a request for another one goes to the first. Empty for a
   * configured upstream.
   */
  readonly models: readonly string[];
  /** The provider's own options in the file (the demo's latency …), as written. The provider checks them. */
  readonly extra: Readonly<Record<string, unknown>>;
}

/** A server that requests are forwarded to. Plugins cannot read its key. */
export class Upstream {
  readonly name: string;
  readonly baseUrl: string;
  readonly provider: ProviderFacts;
  readonly settings: UpstreamSettings;
  readonly #serverKey: string | undefined;

  constructor(settings: UpstreamSettings, serverKey: string | undefined) {
    this.name = settings.name;
    this.baseUrl = settings.baseUrl;
    this.provider = settings.provider;
    this.settings = settings;
    this.#serverKey = serverKey;
  }

  /** For core only: plugins get this class as a type, so they cannot read the key. */
  static serverKeyOf(upstream: Upstream): string | undefined {
    return upstream.#serverKey;
  }

  get hasServerKey(): boolean {
    return this.#serverKey !== undefined;
  }

  toJSON(): { name: string; base_url: string } {
    return { name: this.name, base_url: this.baseUrl };
  }
}
