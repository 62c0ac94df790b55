import type { Call } from '../exchange.ts';
import type { HeaderList } from '../header-list.ts';
import type { Reply } from '../reply.ts';

/** One HTTP request as a provider wants it sent. */
export interface UpstreamRequest {
  readonly method: string;
  /** Appended to the upstream's base URL; begins with a slash, query included. */
  readonly path: string;
  /** Without credentials, host and length: the transport adds those. */
  readonly headers: HeaderList;
  readonly body: Buffer | AsyncIterable<Buffer> | undefined;
  /** The header that carries the key, and the scheme before it. */
  readonly credential: { readonly header: string; readonly scheme?: string };
  /** How an event stream of this answer ends and fails. */
  readonly wire: StreamWire;
}

/** The event-stream dialects: what ends a stream properly, and how an error event reads. */
export type StreamWire = 'chat' | 'completions' | 'responses' | 'messages' | 'other';

/** Carries requests to upstreams. It alone asks for the credential, so a key never travels to another upstream. */
export interface Transport {
  /**
   * Sends once. A stream resolves at its first whole event (or after 15 s without one). Throws `GatewayError`s:
   * `upstream_unreachable`, `upstream_timeout`, `upstream_stream_interrupted`, `upstream_error`, or the signal's reason.
   */
  send(call: Call, request: UpstreamRequest): Promise<Reply>;
  /** A small GET of the program's own (model lists), answered whole. */
  get(
    upstream: import('./upstream.ts').Upstream,
    path: string,
    credential: UpstreamRequest['credential'],
    call: Call | undefined,
    signal: AbortSignal,
  ): Promise<{ status: number; body: Buffer }>;
  close(): Promise<void>;
}
