import { SyncHook } from 'tapable';
import type { Call, Handler } from '../exchange/exchange.ts';
import { toReply, type LooseReply, type Reply } from '../exchange/reply.ts';

/** Surrounds a handler: it may change the call, answer by itself, call `next` several times, or look at the reply. */
export type Layer = (call: Call, next: Handler) => Promise<LooseReply>;

/** How a layer is added to a hook. */
export interface LayerOptions {
  readonly name: string;
  /** See `STAGE`: lower is further out. Default 0. */
  readonly stage?: number;
}

/**
 * A hook whose taps surround each other, like the layers of an onion. tapable keeps their order: by stage, then in the
 * order they were added. `compose` makes one function of them, once, so that a call costs one function call per layer.
 */
export class AroundHook {
  readonly name: string;
  readonly taps = new SyncHook<[]>([], 'layers');
  readonly #layers: { readonly name: string; readonly layer: Layer }[] = [];
  #sign: (error: unknown, tap: string) => unknown = (error) => error;

  constructor(name: string) {
    this.name = name;
  }

  tap(options: string | LayerOptions, layer: Layer): void {
    const { name, stage = 0 } = typeof options === 'string' ? { name: options } : options;
    const record = { name, layer };
    // This tap does nothing: tapable only keeps its place in the order.
    this.taps.tap(
      { name, stage },
      Object.assign(() => undefined, { record }),
    );
    this.#layers.push(record);
  }

  /** Sets the function that turns an error thrown by a tap into one that names its plugin. */
  signWith(sign: (error: unknown, tap: string) => unknown): void {
    this.#sign = sign;
  }

  isUsed(): boolean {
    return this.#layers.length > 0;
  }

  /** Outermost first. */
  get order(): readonly { readonly name: string; readonly stage: number }[] {
    return this.taps.taps.map(({ name, stage }) => ({ name, stage: stage ?? 0 }));
  }

  /** One handler that passes a call through all layers to `leaf`, the innermost one. */
  compose(leaf: Handler): Handler {
    const byName = new Map(this.#layers.map(({ name, layer }) => [name, layer]));
    return this.taps.taps.reduceRight<Handler>((next, { name }) => {
      const layer = byName.get(name);
      return layer ? this.#wrap(name, layer, next) : next;
    }, leaf);
  }

  #wrap(name: string, layer: Layer, next: Handler): Handler {
    const sign = this.#sign;
    return async (call: Call): Promise<Reply> => {
      try {
        return toReply(await layer(call, next));
      } catch (error) {
        throw sign(error, name);
      }
    };
  }
}
