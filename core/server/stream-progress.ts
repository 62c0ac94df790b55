import type { Exchange } from '../exchange/exchange.ts';
import { markedProgress } from '../exchange/progress-mark.ts';
import type { Progress } from '../exchange/progress.ts';
import { encodeData } from '../wire/sse.ts';
import type { Responder } from './responder.ts';

/** How many texts are held before the first answer; further ones are dropped. */
const MAX_HELD = 100;

/**
 * Sends progress as marked `reasoning_content` deltas. Nothing is sent before the first upstream call has succeeded
 * (`began`), so that a failure until then is an HTTP error. Texts are held until then.
 */
export class StreamProgress implements Progress {
  readonly #responder: Responder;
  #exchange: Exchange | undefined;
  #held: string[] = [];
  #isOver = false;
  #model: string | undefined;
  #role: 'unsaid' | 'said' | 'left to the answer' = 'unsaid';

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

  get model(): string | undefined {
    return this.#model;
  }

  say(text: string): void {
    if (!this.isOn) return;
    if (this.#model !== undefined) this.#send(text, this.#model);
    else if (this.#held.length < MAX_HELD) this.#held.push(text);
  }

  began(model: string): void {
    if (this.#model !== undefined) return;
    const named = this.#responder.identity?.model ?? model;
    this.#model = named;
    for (const text of this.#held) this.#send(text, named);
    this.#held = [];
  }

  ended(): void {
    this.#isOver = true;
  }

  /**
   * The answer begins. True if progress has said the role of the first choice: the answer must not repeat it, since
   * clients join the two. Later progress says no role.
   */
  beginAnswer(): boolean {
    if (this.#role === 'said') return true;
    this.#role = 'left to the answer';
    return false;
  }

  #send(text: string, model: string): void {
    const exchange = this.#exchange;
    if (!exchange?.plan || exchange.signal.aborted) return;
    this.#responder.beginStream(exchange);
    const wantsUsage = exchange.plan.request.value.stream_options?.include_usage === true;
    const role = this.#role === 'unsaid' ? { role: 'assistant' } : {};
    if (this.#role === 'unsaid') this.#role = 'said';
    const delta = { ...role, reasoning_content: markedProgress(text) };
    const choices = [{ index: 0, delta, finish_reason: null }];
    const chunk = { ...this.#responder.identify(exchange, model), object: 'chat.completion.chunk', choices };
    this.#responder.write(encodeData(wantsUsage ? { ...chunk, usage: null } : chunk));
  }
}
