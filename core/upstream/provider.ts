import type { Call, Operation } from '../exchange.ts';
import type { Reply } from '../reply.ts';
import type { Transport } from './transport.ts';
import type { Upstream } from './upstream.ts';

/** A model as an upstream lists it; fields beyond `id` are passed on. */
export interface Model {
  readonly id: string;
  readonly [key: string]: unknown;
}

/** Speaks one upstream dialect: turns a call into the upstream's wire and its answer back into ours. */
export interface Provider {
  readonly name: string;
  readonly description: string;
  /** The wire it speaks natively. A request in another wire cannot go there (conversion comes later). */
  readonly wire: 'openai' | 'anthropic';
  /** Does it need a network and a base URL? false for built-in ones such as `demo`. */
  readonly isRemote: boolean;
  /** Used where the file gives no `base_url`. */
  readonly defaultBaseUrl?: string;
  /** Operations it can serve; absent = every operation of its wire. */
  readonly operations?: readonly Operation[];
  /** Sends one attempt. Transport errors are thrown as `GatewayError`s; refusals come back as replies. */
  send(call: Call, transport: Transport): Promise<Reply>;
  /** The upstream's models. Rejects when it cannot be asked. */
  models(upstream: Upstream, ask: ModelsRequest): Promise<readonly Model[]>;
}

export interface ModelsRequest {
  readonly transport: Transport;
  /** Whose credentials pay; undefined = the server's. */
  readonly call: Call | undefined;
  readonly signal: AbortSignal;
}

export interface ProviderRegistry {
  /** Throws when the name is taken. */
  add(provider: Provider): void;
  get(name: string): Provider | undefined;
  readonly names: readonly string[];
}

export function createProviderRegistry(): ProviderRegistry {
  const providers = new Map<string, Provider>();
  return {
    add(provider) {
      if (providers.has(provider.name)) throw new Error(`a provider named '${provider.name}' exists already`);
      providers.set(provider.name, provider);
    },
    get: (name) => providers.get(name),
    get names() {
      return [...providers.keys()];
    },
  };
}
