import { randomUUID } from 'node:crypto';
import type { Exchange, StreamStamp } from '../exchange/exchange.ts';
import { encodeData } from '../wire/sse.ts';
import type { Progress } from '../exchange/progress.ts';
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
  #isOver = false;
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
    return !this.#isOver && plan !== undefined && !plan.isSingleCall && plan.wantsProgress !== false;
  }

  /** Set once a chunk of progress went out. */
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
