import type { Call } from '../exchange/exchange.ts';
import type { Reply } from '../exchange/reply.ts';
import type { ProviderFacts, Upstream } from '../exchange/upstream.ts';
import type { HeaderList } from '../bytes/header-list.ts';
import type { Wire } from '../wire/wire.ts';

/** A model as an upstream lists it; fields beyond `id` are passed on. */
export interface Model {
  readonly id: string;
  readonly [key: string]: unknown;
}

/** Speaks one upstream dialect: turns a call into the upstream's wire and its answer back into ours. */
export interface Provider extends ProviderFacts {
  readonly description: string;
  /** Used where the file gives no `base_url`. */
  readonly defaultBaseUrl?: string;
  /** Sends one attempt. Transport errors are thrown as `GatewayError`s; refusals come back as replies. */
  send(call: Call, transport: Transport): Promise<Reply>;
  /** The upstream's models. Rejects when it cannot be asked. */
  models(upstream: Upstream, ask: ModelsRequest): Promise<readonly Model[]>;
}

/** What an upstream tells everybody about its provider. */
export function factsOf({ name, wires, isRemote }: Provider): ProviderFacts {
  return { name, wires, isRemote };
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

/** The models of a `GET /models` answer. Throws where it is a refusal or no list. */
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
  /** Appended to the upstream's base URL; begins with a slash, query included. */
  readonly path: string;
  /** Without credentials, host and length: the transport adds those. */
  readonly headers: HeaderList;
  readonly body: Buffer | AsyncIterable<Buffer> | undefined;
  readonly credential: CredentialPlace;
  /** How the answer is read: the wire that this request is in. */
  readonly wire: Wire;
}

/** Where the key goes: into a header, or into a signature of the request. */
export type CredentialPlace = CredentialHeader | Signer;

/** The header that carries the key, and the scheme before it. */
export interface CredentialHeader {
  readonly header: string;
  readonly scheme?: string;
}

/** Proves the key without sending it (AWS's SigV4). Only the transport hands it a key, and only for this upstream. */
export interface Signer {
  /** The headers to be added. Without a key: none, or those of an unsigned request. May be a promise. */
  sign(request: SignableRequest, key: string | undefined): HeaderList | Promise<HeaderList>;
}

export interface SignableRequest {
  readonly method: string;
  /** Whole, query included. */
  readonly url: URL;
  readonly headers: HeaderList;
  /** Undefined also where the body is streamed through, and cannot be part of the signature. */
  readonly body: Buffer | undefined;
}

/** A small GET of the program's own (model lists). */
export interface OwnRequest {
  readonly path: string;
  readonly headers?: HeaderList;
  readonly credential: CredentialPlace;
  /** Whose key pays; undefined = the server's. */
  readonly call: Call | undefined;
  readonly signal: AbortSignal;
}

/** Carries requests to upstreams. It alone asks for the credential, so a key never travels to another upstream. */
export interface Transport {
  /**
   * Sends once, counts it in the ledger, and adds the usage it reports. A stream resolves at its first whole event (or
   * after 15 s without one). Throws `GatewayError`s (`upstream_unreachable`, `upstream_timeout`,
   * `upstream_stream_interrupted`, `upstream_error`; `invalid_api_key` where nobody pays; `BudgetExhausted`), or the
   * signal's reason. A refusal of the upstream (status ≥ 400, or 200 with an error inside) is a complete reply.
   */
  send(call: Call, request: UpstreamRequest): Promise<Reply>;
  /** Answered whole, counted nowhere. Rejects when there is no answer; any status is one. */
  get(upstream: Upstream, request: OwnRequest): Promise<{ status: number; body: Buffer }>;
}
