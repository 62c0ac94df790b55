import type { HeaderList } from '../bytes/header-list.ts';
import type { Call } from '../exchange/exchange.ts';
import type { Reply } from '../exchange/reply.ts';
import type { ProviderFacts, Upstream } from '../exchange/upstream.ts';
import type { Wire } from '../wire/wire.ts';

/** A model as an upstream lists it. Fields beside `id` are passed on. */
export interface Model {
  readonly id: string;
  readonly [key: string]: unknown;
}

/** Speaks the API of one kind of upstream: turns a call into an HTTP request, and the answer into a reply. */
export interface Provider extends ProviderFacts {
  readonly description: string;
  /** Used if the file gives no `base_url`. */
  readonly defaultBaseUrl?: string;
  /** Sends one attempt. Rejects with a `GatewayError` if the transport fails; an upstream's refusal is a reply. */
  send(call: Call, transport: Transport): Promise<Reply>;
  /** The upstream's models. Rejects if it does not answer. */
  models(upstream: Upstream, ask: ModelsRequest): Promise<readonly Model[]>;
}

/** The facts about a provider that an `Upstream` holds. */
export function factsOf({ name, wires, isRemote }: Provider): ProviderFacts {
  return { name, wires, isRemote };
}

/** What a provider gets to list the models of an upstream. */
export interface ModelsRequest {
  readonly transport: Transport;
  /** The call whose caller pays; undefined = the server pays. */
  readonly call: Call | undefined;
  readonly signal: AbortSignal;
}

/** The providers by name. Plugins add theirs in `apply`. */
export interface ProviderRegistry {
  /** Throws if the name is taken, or if the provider speaks no wire. */
  add(provider: Provider): void;
  get(name: string): Provider | undefined;
  readonly names: readonly string[];
}

export function createProviderRegistry(): ProviderRegistry {
  const providers = new Map<string, Provider>();
  return {
    add(provider) {
      if (!Array.isArray(provider.wires) || provider.wires.length === 0)
        throw new Error(`the provider '${provider.name}' needs 'wires', such as [wires.chat, wires.plain]`);
      if (providers.has(provider.name)) throw new Error(`a provider named '${provider.name}' exists already`);
      providers.set(provider.name, provider);
    },
    get: (name) => providers.get(name),
    get names() {
      return [...providers.keys()];
    },
  };
}

/** The models in an answer to `GET /models`. Throws if it is a refusal or not a list. */
export function modelsOf({ status, body }: { readonly status: number; readonly body: Buffer }): readonly Model[] {
  if (status !== 200) throw new Error(`the model list was refused with status ${status}`);
  const list: unknown = JSON.parse(body.toString());
  const data: unknown = typeof list === 'object' && list !== null && 'data' in list ? list.data : list;
  if (!Array.isArray(data)) throw new Error('the model list is none');
  return data.filter(isModel);
}

function isModel(value: unknown): value is Model {
  return typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string';
}

/** One HTTP request as a provider wants it sent. */
export interface UpstreamRequest {
  readonly method: string;
  /** Appended to the upstream's base URL. Begins with a slash, and includes the query. */
  readonly path: string;
  /** Without credentials, host and length, which the transport adds. */
  readonly headers: HeaderList;
  readonly body: Buffer | AsyncIterable<Buffer> | undefined;
  readonly credential: CredentialPlace;
  /** The wire that this request is in, and its answer. */
  readonly wire: Wire;
}

/** Where the key goes: into a header, or into a signature of the request. */
export type CredentialPlace = CredentialHeader | Signer;

/** The header that carries the key, and the scheme before the key, such as `Bearer`. */
export interface CredentialHeader {
  readonly header: string;
  readonly scheme?: string;
  /** The API also knows `authorization: Bearer`, for tokens of another kind: a key that came so goes out so. */
  readonly knowsBearer?: boolean;
}

/**
 * Proves the key without sending it (AWS's SigV4). Only the transport gives it a key, and only that of this upstream.
 */
export interface Signer {
  /** Returns the headers to add. Without a key: none, or those of an unsigned request. */
  sign(request: SignableRequest, key: string | undefined): HeaderList | Promise<HeaderList>;
}

/** The request that a `Signer` signs. */
export interface SignableRequest {
  readonly method: string;
  /** The whole URL, query included. */
  readonly url: URL;
  readonly headers: HeaderList;
  /** Undefined if there is none, or if it is streamed through and cannot be part of the signature. */
  readonly body: Buffer | undefined;
}

/** A small GET that the program sends for itself, such as for a list of models. */
export interface OwnRequest {
  readonly path: string;
  readonly headers?: HeaderList;
  readonly credential: CredentialPlace;
  /** The call whose caller pays; undefined = the server pays. */
  readonly call: Call | undefined;
  readonly signal: AbortSignal;
}

/** Carries requests to upstreams. Only it asks for the key that pays, so that no key travels to another upstream. */
export interface Transport {
  /**
   * Sends one request, counts it in the ledger, and adds the usage that the answer reports. A stream resolves at its
   * first whole event, or after 15 s without one. A refusal of the upstream (status ≥ 400, or 200 with an error inside)
   * is a complete reply. Rejects with the signal's reason, or with a `GatewayError`: `upstream_unreachable`,
   * `upstream_timeout`, `upstream_stream_interrupted`, `upstream_error`, `invalid_api_key` if nobody pays, or
   * `BudgetExhausted`.
   */
  send(call: Call, request: UpstreamRequest): Promise<Reply>;
  /** Sends a small GET and reads the answer whole. It is not counted. Rejects only if there is no answer. */
  get(upstream: Upstream, request: OwnRequest): Promise<{ status: number; body: Buffer }>;
}
