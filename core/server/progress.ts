import { randomUUID } from 'node:crypto';
import type { Exchange, StreamStamp } from '../exchange.ts';
import { encodeData } from '../openai/sse.ts';
import type { Progress } from '../progress.ts';
import type { Reply } from '../reply.ts';
import type { Responder } from './responder.ts';

/** Held texts are dropped beyond this; an approach that talks so much before its first answer is not worth reading. */
const MAX_HELD = 100;

/**
 * Progress as `reasoning_content` deltas. Nothing goes out before the first upstream call has succeeded, so that a first
 * failure is still an HTTP error; what is said before that is held.
 */
export class StreamProgress implements Progress {
  readonly #responder: Responder;
  #exchange: Exchange | undefined;
  #held: string[] = [];
  #hasBegun = false;
  #model: string | undefined;
  #identity: StreamStamp | undefined;

  constructor(responder: Responder) {
    this.#responder = responder;
  }

  attach(exchange: Exchange): void {
    this.#exchange = exchange;
  }

  get isOn(): boolean {
    const plan = this.#exchange?.plan;
    return plan !== undefined && !plan.isSingleCall && plan.wantsProgress !== false;
  }

  /** Set once a chunk of progress went out. */
  get identity(): StreamStamp | undefined {
    return this.#identity;
  }

  say(text: string): void {
    if (!this.isOn) return;
    if (this.#hasBegun) this.#send(text);
    else if (this.#held.length < MAX_HELD) this.#held.push(text);
  }

  began(reply: Reply): void {
    if (this.#hasBegun || !this.isOn) return;
    this.#hasBegun = true;
    if (reply.kind === 'complete') this.#model = reply.body.value.model;
    for (const text of this.#held) this.#send(text);
    this.#held = [];
  }

  #send(text: string): void {
    const exchange = this.#exchange;
    if (!exchange?.plan || exchange.signal.aborted) return;
    this.#responder.beginStream(exchange);
    const isFirst = this.#identity === undefined;
    const { stamp, request } = exchange.plan;
    this.#identity ??= {
      id: stamp?.id ?? `chatcmpl-${randomUUID()}`,
      created: stamp?.created ?? Math.floor(Date.now() / 1000),
      // What the upstream calls it, as the chunks after these will say.
      model: this.#model ?? stamp?.model ?? request.value.model,
    };
    const delta = { ...(isFirst ? { role: 'assistant' } : {}), reasoning_content: `${text}\n` };
    const choices = [{ index: 0, delta, finish_reason: null }];
    this.#responder.write(encodeData({ ...this.#identity, object: 'chat.completion.chunk', choices }));
  }
}
