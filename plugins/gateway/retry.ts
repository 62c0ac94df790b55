/**
 * Retries upstream calls after failures that may pass: network errors, time-outs, and the listed statuses. Waits with
 * full jitter (Brooker 2015, "Exponential Backoff and Jitter") or as long as `retry-after` says. A budget per upstream
 * limits the retries, so that they do not add too much load when an upstream is failing.
 */
import {
  definePlugin,
  delay,
  discard,
  duration,
  GatewayError,
  headerOf,
  STAGE,
  withHeader,
  z,
  type Call,
  type Clock,
  type Reply,
} from '../../core/index.ts';

const NAME = 'retry';
const BUDGET_WINDOW_MS = 10_000;
const FREE_RETRIES = 10;

const options = z.strictObject({
  attempts: z.int().min(1).max(10).default(3).describe('Tries in all, the first included.'),
  backoff: z
    .strictObject({
      initial: duration.prefault('250ms').describe('Longest wait before the first retry.'),
      factor: z.number().min(1).max(10).default(2).describe('By what the longest wait grows from retry to retry.'),
      max: duration.prefault('8s').describe('No wait is longer; a longer retry-after ends the retries.'),
      jitter: z.enum(['full', 'none']).default('full').describe('full = a random part of the wait, none = all of it.'),
    })
    .prefault({}),
  statuses: z
    .array(z.int().min(400).max(599))
    .default([408, 409, 429, 500, 502, 503, 504, 529])
    .describe('Statuses worth another try. Network errors and time-outs always are.'),
  budget: z
    .number()
    .min(0)
    .max(10)
    .default(0.2)
    .describe('Retries per call over the last 10 s, per upstream and worker; 10 are always allowed.'),
});
type Options = z.output<typeof options>;

export default definePlugin({
  name: NAME,
  description: 'Repeats upstream calls that failed in a way that may pass, within a budget.',
  options,
  apply({ hooks, clock, keep }, settings) {
    const budgets = keep('budgets', () => new Map<string, RetryBudget>());
    const statuses = new Set(settings.statuses);

    hooks.upstream.tap({ name: NAME, stage: STAGE.upstream.retry }, async (call, next) => {
      const budget = budgetOf(budgets, call.upstream.name, clock);
      budget.countCall();
      const attempts = attemptsFor(call, settings.attempts);
      for (let attempt = 1; ; attempt++) {
        const outcome = await tried(next(call));
        if (!isWorthRepeating(outcome, statuses) || call.signal.aborted) return settled(outcome);
        const waitMs = waitBefore(attempt, outcome, settings, clock);
        const isOver = attempt >= attempts || waitMs === undefined || call.exchange.upload?.isStarted === true;
        if (isOver || !budget.takeRetry(settings.budget)) return settled(withoutClientRetries(outcome));
        call.exchange.log.warn(
          { upstream: call.upstream.name, attempt, wait_ms: Math.round(waitMs), ...reasonOf(outcome) },
          'upstream call failed, retrying',
        );
        if ('reply' in outcome) discard(outcome.reply);
        await delay(clock, waitMs, call.signal);
      }
    });
  },
});

/** What one try brought. */
type Tried = { readonly reply: Reply } | { readonly error: unknown };

async function tried(asking: Promise<Reply>): Promise<Tried> {
  try {
    return { reply: await asking };
  } catch (error) {
    return { error };
  }
}

function settled(outcome: Tried): Reply {
  if ('reply' in outcome) return outcome.reply;
  throw outcome.error;
}

function isWorthRepeating(outcome: Tried, statuses: ReadonlySet<number>): boolean {
  if ('reply' in outcome) return statuses.has(outcome.reply.status);
  return outcome.error instanceof GatewayError && outcome.error.retryable && outcome.error.status >= 500;
}

/** A client that has retried twice by itself gets one try, so that its retries and these do not multiply. */
function attemptsFor(call: Call, attempts: number): number {
  const clientRetries = Number(call.exchange.client.headers['x-stainless-retry-count'] ?? 0);
  return clientRetries >= 2 ? 1 : attempts;
}

/** Milliseconds to wait before the next try; undefined if the upstream asks for more than the longest wait. */
function waitBefore(attempt: number, outcome: Tried, { backoff }: Options, clock: Clock): number | undefined {
  const asked = 'reply' in outcome ? retryAfterMs(outcome.reply, clock.now()) : undefined;
  if (asked !== undefined) return asked <= backoff.max ? asked : undefined;
  const longest = Math.min(backoff.max, backoff.initial * backoff.factor ** (attempt - 1));
  return backoff.jitter === 'full' ? Math.random() * longest : longest;
}

/** `retry-after-ms`, else `retry-after` in seconds or as an HTTP date, in ms; undefined if neither can be read. */
export function retryAfterMs(reply: Pick<Reply, 'headers'>, now: number): number | undefined {
  const exact = numberIn(headerOf(reply.headers, 'retry-after-ms'));
  if (exact !== undefined) return exact;
  const header = headerOf(reply.headers, 'retry-after');
  const seconds = numberIn(header);
  if (seconds !== undefined) return seconds * 1000;
  // `Date.parse` also reads numbers and much else as a date.
  if (header === undefined || !/^\s*[A-Za-z]{3,9},? /.test(header)) return undefined;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** A number in decimal digits; undefined for anything else, such as `0x10` or `1e3`. */
function numberIn(header: string | undefined): number | undefined {
  return header !== undefined && /^\s*\d+(?:\.\d+)?\s*$/.test(header) ? Number(header) : undefined;
}

/**
 * Asks official clients not to retry, with `x-should-retry: false`: their tries would multiply these. If the upstream
 * sent a `retry-after`, that is passed on instead.
 */
function withoutClientRetries(outcome: Tried): Tried {
  if ('error' in outcome) {
    return {
      error:
        outcome.error instanceof GatewayError
          ? outcome.error.withHeaders({ 'x-should-retry': 'false' })
          : outcome.error,
    };
  }
  const { reply } = outcome;
  if (headerOf(reply.headers, 'retry-after') !== undefined || headerOf(reply.headers, 'retry-after-ms') !== undefined)
    return outcome;
  return { reply: { ...reply, headers: withHeader(reply.headers, 'x-should-retry', 'false') } };
}

function reasonOf(outcome: Tried): { status?: number; code?: string | null } {
  if ('reply' in outcome) return { status: outcome.reply.status };
  return outcome.error instanceof GatewayError ? { code: outcome.error.code } : {};
}

function budgetOf(budgets: Map<string, RetryBudget>, upstream: string, clock: Clock): RetryBudget {
  let budget = budgets.get(upstream);
  if (!budget) budgets.set(upstream, (budget = new RetryBudget(clock)));
  return budget;
}

/** Counts the calls and retries of the last ten seconds, second by second. */
export class RetryBudget {
  readonly #clock: Clock;
  readonly #seconds: { second: number; calls: number; retries: number }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  countCall(): void {
    this.#current().calls++;
  }

  /**
   * Takes one retry from the budget; false if it is used up.
   * @param ratio  Retries allowed per call.
   */
  takeRetry(ratio: number): boolean {
    const current = this.#current();
    let calls = 0;
    let retries = 0;
    for (const second of this.#seconds) {
      calls += second.calls;
      retries += second.retries;
    }
    if (retries >= FREE_RETRIES && retries >= calls * ratio) return false;
    current.retries++;
    return true;
  }

  #current() {
    const second = Math.floor(this.#clock.now() / 1000);
    const oldest = second - BUDGET_WINDOW_MS / 1000;
    while (this.#seconds[0] && this.#seconds[0].second <= oldest) this.#seconds.shift();
    let last = this.#seconds.at(-1);
    if (last?.second !== second) this.#seconds.push((last = { second, calls: 0, retries: 0 }));
    return last;
  }
}
