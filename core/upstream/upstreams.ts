import type { Model } from './provider.ts';
import type { Upstream } from './upstream.ts';

/** A model name split into where it goes and what it is called there. */
export interface Destination {
  readonly upstream: Upstream;
  readonly model: string;
}

/** The configured upstreams. */
export interface Upstreams {
  readonly all: readonly Upstream[];
  readonly default: Upstream;
  get(name: string): Upstream | undefined;
  /** `groq/llama-3.3` → groq, `llama-3.3`; a prefix that names no upstream is part of the name (default upstream). */
  resolve(model: string): Destination;
  /** The models an upstream lists, cached briefly and shared while in flight; waits 1 s at most, undefined where it cannot be told. */
  models(upstream: Upstream, signal: AbortSignal): Promise<readonly Model[] | undefined>;
}
