import { gatewayError, GatewayError } from '../errors.ts';
import type { Usage } from '../wire/chat/chat-types.ts';
import { addUsage } from '../wire/usage.ts';

/**
 * A limit is reached. An approach then ends with its best answer so far; the client gets this error only if there is
 * none.
 */
export class BudgetExhausted extends GatewayError {
  constructor(limit: keyof Budget) {
    const made = gatewayError('budget_exhausted', {
      limit: { maxCalls: 'max_calls', maxTokens: 'max_tokens', deadlineMs: 'deadline' }[limit],
    });
    super({ status: made.status, code: made.code, type: made.type, message: made.message, retryable: false });
  }
}

/** What one exchange has spent upstream: requests sent, and the sum of the usage they reported. */
export class Ledger {
  /** Requests sent, retries included. The client reads it in `x-optigate-calls`. */
  requests = 0;
  /** Calls sent; retries of a call are not counted. `max_calls` limits this number. */
  calls = 0;
  budget: Budget = {};
  /** Does a plugin need the usage of streams, whether or not the client asked for it? */
  needsStreamUsage = false;
  #usage: Usage | undefined;
  #recalled: Usage | undefined;
  #prompts: WeakMap<object, number> | undefined;

  /** The sum over all requests sent; undefined while none has reported usage. */
  get usage(): Usage | undefined {
    return this.#usage;
  }

  /** What the answer took: `usage`, and the usage of calls that were answered without being sent (from a cache). */
  get answerUsage(): Usage | undefined {
    return this.#usage && this.#recalled ? addUsage(this.#usage, this.#recalled) : (this.#usage ?? this.#recalled);
  }

  add(usage: Usage): void {
    this.#usage = this.#usage ? addUsage(this.#usage, usage) : usage;
  }

  /** Adds the usage of a call that was answered without being sent. Nothing was spent, but it counts for the answer. */
  recall(usage: Usage): void {
    this.#recalled = this.#recalled ? addUsage(this.#recalled, usage) : usage;
  }

  /** Remembers how many tokens the messages of a call took, for estimates of calls with the same messages. */
  notePrompt(messages: object, { prompt_tokens }: Usage): void {
    if (prompt_tokens !== undefined) (this.#prompts ??= new WeakMap()).set(messages, prompt_tokens);
  }

  /** What the same messages took in a call that reported it. */
  promptTokensOf(messages: object): number | undefined {
    return this.#prompts?.get(messages);
  }

  /** Does the budget allow one more call? */
  canSpend(): boolean {
    return this.exceeded() === undefined;
  }

  /** How many more calls the budget allows; Infinity without a limit. */
  get callsLeft(): number {
    return this.budget.maxCalls === undefined ? Infinity : Math.max(0, this.budget.maxCalls - this.calls);
  }

  /** Counts one request. Throws `BudgetExhausted` instead if it is a first attempt and would exceed the budget. */
  spend(isFirstAttempt: boolean): void {
    if (isFirstAttempt) {
      const limit = this.exceeded();
      if (limit) throw new BudgetExhausted(limit);
      this.calls++;
    }
    this.requests++;
  }

  private exceeded(): keyof Budget | undefined {
    const { maxCalls, maxTokens } = this.budget;
    if (maxCalls !== undefined && this.calls >= maxCalls) return 'maxCalls';
    if (maxTokens !== undefined && (this.#usage?.completion_tokens ?? 0) >= maxTokens) return 'maxTokens';
    return undefined;
  }
}

/** What may be spent. Of an exchange: the lower of the server's limits and the request's. Absent = unlimited. */
export interface Budget {
  /** Upstream calls; retries are not counted. */
  readonly maxCalls?: number;
  /** Completion tokens over all calls. */
  readonly maxTokens?: number;
  /** Milliseconds from arrival. */
  readonly deadlineMs?: number;
}

/**
 * Counts what part of an exchange spends: an approach with limits of its own. The exchange's budget applies as well.
 */
export class Allowance {
  #calls = 0;
  #tokens = 0;
  readonly #budget: Budget;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  canSpend(): boolean {
    return this.#exceeded() === undefined;
  }

  get callsLeft(): number {
    const { maxCalls } = this.#budget;
    return maxCalls === undefined ? Infinity : Math.max(0, maxCalls - this.#calls);
  }

  /** Throws `BudgetExhausted` if one more call would exceed it. */
  check(): void {
    const limit = this.#exceeded();
    if (limit) throw new BudgetExhausted(limit);
  }

  spend(): void {
    this.#calls++;
  }

  add(usage: Usage): void {
    this.#tokens += usage.completion_tokens ?? 0;
  }

  #exceeded(): keyof Budget | undefined {
    const { maxCalls, maxTokens } = this.#budget;
    if (maxCalls !== undefined && this.#calls >= maxCalls) return 'maxCalls';
    if (maxTokens !== undefined && this.#tokens >= maxTokens) return 'maxTokens';
    return undefined;
  }
}
