import { SyncHook } from 'tapable';
import type { Call, Handler } from '../exchange/exchange.ts';
import { toReply, type LooseReply, type Reply } from '../exchange/reply.ts';

/** Wraps a handler: may change the call, answer by itself, call `next` again, or look at the reply. */
export type Layer = (call: Call, next: Handler) => Promise<LooseReply>;

export interface LayerOptions {
  readonly name: string;
  /** See `STAGE`: lower is further out. Default 0. */
  readonly stage?: number;
}

/**
 * A hook whose taps surround each other. tapable keeps the order (stage, then order of taps); `compose` folds the layers
 * into one function, once, so that a call costs as many function calls as there are layers.
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
    // Registered as a tap that does nothing: its only use is its place in the order.
    this.taps.tap(
      { name, stage },
      Object.assign(() => undefined, { record }),
    );
    this.#layers.push(record);
  }

  /** How an error that a layer throws is signed with its author. */
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
