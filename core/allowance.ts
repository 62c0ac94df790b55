import type { Budget } from './approach/budget.ts';
import { BudgetExhausted } from './ledger.ts';
import type { Usage } from './openai/types.ts';

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
