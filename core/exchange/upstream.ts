import type { Wire } from '../wire/wire.ts';

/** What is known of the provider that speaks to an upstream; the provider itself is reached by `Upstreams.providerOf`. */
export interface ProviderFacts {
  readonly name: string;
  /** The wires it speaks natively. A request in another one cannot go there (conversion comes later). */
  readonly wires: readonly Wire[];
  /** Does it need a network and a base URL? false for built-in ones such as `demo`. */
  readonly isRemote: boolean;
}

export interface UpstreamSettings {
  readonly name: string;
  /** No trailing slash. */
  readonly baseUrl: string;
  readonly provider: ProviderFacts;
  /** One attempt up to its end, ms. */
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  /** No byte for so long after the headers, ms. */
  readonly idleTimeoutMs: number;
  /** Patterns of client headers that pass beside the usual ones; `*` = all that are not forbidden. */
  readonly forwardHeaders: readonly string[];
  readonly tls: { readonly verify: boolean; readonly ca?: string };
  /** The environment variable the file takes the key from, for messages. */
  readonly keyVariable?: string;
  /** A detected or demo upstream serves callers without a key, and needs none. */
  readonly needsKey: boolean;
  /** Model ids a detected server listed; others are answered by its first. Empty for configured ones. */
  readonly models: readonly string[];
  /** Fields of the provider's own in the file (demo: latency …), as written: the provider checks them. */
  readonly extra: Readonly<Record<string, unknown>>;
}

/** A server we forward to. Its key is not readable by plugins: `credentials.ts` alone asks for it. */
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

  /** For core/upstream only: not exported to plugins. */
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
