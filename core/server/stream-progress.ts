import { randomUUID } from 'node:crypto';
import type { Exchange, StreamStamp } from '../exchange/exchange.ts';
import type { Progress } from '../exchange/progress.ts';
import { encodeData } from '../wire/sse.ts';
import type { Responder } from './responder.ts';

/** How many texts are held before the first answer; further ones are dropped. */
const MAX_HELD = 100;

/**
 * Sends progress as `reasoning_content` deltas. Nothing is sent before the first upstream call has succeeded (`began`),
 * so that a failure until then is an HTTP error. Texts are held until then.
 */
export class StreamProgress implements Progress {
  readonly #responder: Responder;
  #exchange: Exchange | undefined;
  #held: string[] = [];
  #isOver = false;
  #model: string | undefined;
  #identity: StreamStamp | undefined;

  constructor(responder: Responder) {
    this.#responder = responder;
  }

  /** Must be called once, before the exchange runs: until then progress is off. */
  attach(exchange: Exchange): void {
    this.#exchange = exchange;
  }

  get isOn(): boolean {
    const plan = this.#exchange?.plan;
    return !this.#isOver && plan !== undefined && !plan.isSingleCall && plan.wantsProgress !== false;
  }

  /** The id, time and model that the chunks of progress have; undefined until one was sent. */
  get identity(): StreamStamp | undefined {
    return this.#identity;
  }

  get model(): string | undefined {
    return this.#model;
  }

  say(text: string): void {
    if (!this.isOn) return;
    if (this.#model !== undefined) this.#send(text, this.#model);
    else if (this.#held.length < MAX_HELD) this.#held.push(text);
  }

  began(model: string): void {
    if (this.#model !== undefined || !this.isOn) return;
    this.#model = model;
    for (const text of this.#held) this.#send(text, model);
    this.#held = [];
  }

  ended(): void {
    this.#isOver = true;
  }

  #send(text: string, model: string): void {
    const exchange = this.#exchange;
    if (!exchange?.plan || exchange.signal.aborted) return;
    this.#responder.beginStream(exchange);
    const isFirst = this.#identity === undefined;
    const { stamp, request } = exchange.plan;
    const wantsUsage = request.value.stream_options?.include_usage === true;
    this.#identity ??= {
      id: stamp?.id ?? `chatcmpl-${randomUUID()}`,
      created: stamp?.created ?? Math.floor(Date.now() / 1000),
      model,
    };
    const delta = { ...(isFirst ? { role: 'assistant' } : {}), reasoning_content: `${text}\n` };
    const choices = [{ index: 0, delta, finish_reason: null }];
    const chunk = { ...this.#identity, object: 'chat.completion.chunk', choices };
    this.#responder.write(encodeData(wantsUsage ? { ...chunk, usage: null } : chunk));
  }
}
