import { gatewayError, GatewayError } from '../errors.ts';
import type { Usage } from '../wire/chat/chat-types.ts';
import { addUsage } from '../wire/usage.ts';

/** Ends an approach with the best answer so far; an error for the client only where there is none. */
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
  /** Requests sent, retries and refused probes included: `x-optigate-calls`. */
  requests = 0;
  /** Calls sent, each counted once however often it was retried: what `max_calls` bounds. */
  calls = 0;
  budget: Budget = {};
  /** Does a plugin need the usage of streams, whether or not the client asked for it? */
  needsStreamUsage = false;
  #usage: Usage | undefined;
  #recalled: Usage | undefined;

  /** The sum over all calls; undefined while nobody reported any. */
  get usage(): Usage | undefined {
    return this.#usage;
  }

  /** What the answer took: the same, and what calls took that were answered without being sent (from a cache). */
  get answerUsage(): Usage | undefined {
    return this.#usage && this.#recalled ? addUsage(this.#usage, this.#recalled) : (this.#usage ?? this.#recalled);
  }

  add(usage: Usage): void {
    this.#usage = this.#usage ? addUsage(this.#usage, usage) : usage;
  }

  /** Usage of a call that was answered without being sent: nothing is spent, but the answer rests on it. */
  recall(usage: Usage): void {
    this.#recalled = this.#recalled ? addUsage(this.#recalled, usage) : usage;
  }

  /** Can one more call be afforded? */
  canSpend(): boolean {
    return this.exceeded() === undefined;
  }

  /** How many more calls the budget has room for; Infinity where it names no number. */
  get callsLeft(): number {
    return this.budget.maxCalls === undefined ? Infinity : Math.max(0, this.budget.maxCalls - this.calls);
  }

  /** Counts one request; throws `BudgetExhausted` instead where a first attempt would go over the budget. */
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

/** What an exchange may spend; the lower of the server's limits and the request's. Absent = unlimited. */
export interface Budget {
  /** Requests sent upstream, retries apart. */
  readonly maxCalls?: number;
  /** Completion tokens over all calls. */
  readonly maxTokens?: number;
  /** Milliseconds from arrival. */
  readonly deadlineMs?: number;
}

/** What a part of an exchange may spend of it: an approach with limits of its own. The exchange's budget holds beside it. */
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

  /** Throws `BudgetExhausted` where one more call would go over it. */
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
