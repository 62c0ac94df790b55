/** One candidate: plans, their executions, a review of those, and the answer from it. */
import { GatewayError, type Call, type Message } from '../../../core/index.ts';
import {
  candidateText,
  reportLostStage,
  firstByRank,
  survive,
  isFreeText,
  isUsable,
  seedAt,
  sideBySide,
  toolCallKey,
  withDefaultLimit,
  type Answer,
  type Next,
  type Work,
} from '../../../core/approach/index.ts';
import { callsOfAttempt } from './budget.ts';
import type { Options } from './options.ts';
import { answering, executing, planning, reviewing, solving } from './prompts.ts';
import { isComplete, isText, stepCall } from './steps.ts';

/** From the strongest. */
const EFFORTS: readonly unknown[] = ['high', 'medium', 'low'];

/** Statuses that another attempt meets again. */
const LASTING: ReadonlySet<number> = new Set([401, 403, 404]);

interface Proposal {
  readonly answer: Answer;
  /** As the review reads it. */
  readonly text: string;
}

/** What a candidate answers from. */
export interface Draft {
  readonly solution: Answer;
  /** How many proposals it rests on; 0 = there was none, it is the model's direct reply. */
  readonly proposals: number;
}

export interface Candidate extends Draft {
  readonly answer: Answer;
}

interface Solving extends Work<Options> {
  /** How many are wanted. */
  readonly proposals: number;
  /** To plan by. */
  readonly approach: string | undefined;
  /** Are there other candidates? */
  readonly isCompared: boolean;
}

export class Solver {
  readonly #call: Call;
  readonly #next: Next;
  readonly #options: Options;
  readonly #solving: Solving;
  readonly #failures: unknown[] = [];
  /** The first that is no proposal, since it broke off, but better than no answer. */
  #leftover: Answer | undefined;

  constructor(solving: Solving) {
    this.#call = solving.call;
    this.#next = solving.next;
    this.#options = solving.options;
    this.#solving = solving;
  }

  /** Fails where not even a direct reply comes. */
  async solve(): Promise<Candidate> {
    const draft = await this.think();
    const asked = this.answerCall(draft);
    const answered = asked ? await this.#ask(asked) : undefined;
    const inOrder = [...(answered ? [answered] : []), draft.solution];
    const answer = inOrder.find(isComplete) ?? inOrder.find(isUsable) ?? draft.solution;
    if (asked && answer !== answered && !this.#solving.isCompared)
      reportLostStage(this.#call.exchange, 'answer_failed');
    return { ...draft, answer };
  }

  /** All steps but the last. */
  async think(): Promise<Draft> {
    const proposals = await this.#propose();
    const [first] = proposals;
    if (!first) return { solution: await this.#review([await this.#direct()]), proposals: 0 };
    return { solution: await this.#review([first, ...proposals.slice(1)]), proposals: proposals.length };
  }

  /** The last step; undefined where the solution is the answer already, or nothing to answer from. */
  answerCall({ solution }: Draft): Call | undefined {
    const { planning_temperature_step4, planning_max_tokens_step4: limit } = this.#options;
    if (limit === 0 || !isText(solution)) return undefined;
    const { isCompared } = this.#solving;
    const { messages, temperature } = this.#call.request.value;
    return this.#call.with(
      {
        messages: answering(messages, solution, isCompared && isFreeText(this.#call)),
        temperature: temperature ?? planning_temperature_step4,
        ...withDefaultLimit(this.#call, limit),
      },
      { role: isCompared ? 'candidate' : 'answer' },
    );
  }

  /** As many proposals as wanted, in the order of their attempts; fewer where too many of those fail. */
  async #propose(): Promise<readonly Proposal[]> {
    const { proposals: wanted } = this.#solving;
    const { planning_m, cepo_race } = this.#options;
    if (callsOfAttempt(this.#options) === 0) return [];
    const attempts = Array.from({ length: planning_m }, (_, index) => this.#opening(index));
    // What is aborted was paid for: with a limit on calls, those are for the later steps.
    const isRace = cepo_race && this.#call.callsLeft === Infinity;
    const made = isRace ? await this.#race(attempts, wanted) : await this.#oneAfterAnother(attempts, wanted);
    return made.filter((proposal) => proposal !== undefined);
  }

  /** Starts what is wanted; each that fails is replaced at once, while there are attempts. */
  async #oneAfterAnother(attempts: readonly Call[], wanted: number): Promise<readonly (Proposal | undefined)[]> {
    const made = attempts.map((): Proposal | undefined => undefined);
    const waiting = [...attempts.entries()];
    const propose = async () => {
      for (let next = waiting.shift(); next; next = this.#mayTryAgain() ? waiting.shift() : undefined) {
        const [index, attempt] = next;
        made[index] = await this.#carryOut(attempt);
        if (made[index]) return;
      }
    };
    await Promise.all(Array.from({ length: wanted }, propose));
    return made;
  }

  /** Starts all attempts, takes those that are ready first, and aborts the rest. */
  async #race(attempts: readonly Call[], wanted: number): Promise<readonly (Proposal | undefined)[]> {
    const { results } = await sideBySide(
      this.#call,
      attempts,
      (attempt) => this.#carryOut(attempt),
      (soFar) => soFar.filter((result) => result?.status === 'fulfilled' && result.value).length >= wanted,
    );
    return results.map((result) => {
      if (result?.status === 'rejected') throw result.reason;
      return result?.value;
    });
  }

  /** The first call of an attempt: its plan, or all of it where there is no planning. */
  #opening(attempt: number): Call {
    const { messages, seed } = this.#call.request.value;
    const { approach } = this.#solving;
    const { planning_max_tokens_step1: limit, planning_temperature_step1: temperature } = this.#options;
    const own = typeof seed === 'number' ? this.#call.with({ seed: seedAt(seed, attempt) }) : this.#call;
    if (limit === 0) return this.#execution(own, solving(messages, approach));
    return stepCall(own, { role: 'plan', messages: planning(messages, approach), temperature, limit });
  }

  #execution(call: Call, messages: readonly Message[]): Call {
    const { planning_temperature_step2: temperature, planning_max_tokens_step2: limit } = this.#options;
    return stepCall(call, { role: 'execution', messages, temperature, limit });
  }

  /** Undefined where the plan or its execution fails, is empty or is cut. */
  async #carryOut(opening: Call): Promise<Proposal | undefined> {
    const opened = await this.#ask(opening);
    const isWhole = opening.role !== 'plan' || this.#options.planning_max_tokens_step2 === 0;
    if (!opened || !isText(opened)) return isWhole ? this.#leave(opened) : undefined;
    if (isWhole) return { answer: opened, text: candidateText(opened) };
    const execution = this.#execution(opening, executing(opening.request.value.messages, opened));
    const executed = await this.#ask(execution);
    if (!executed || !isText(executed)) return this.#leave(executed);
    return { answer: executed, text: `Plan:\n${candidateText(opened)}\n\nExecution:\n${candidateText(executed)}` };
  }

  #leave(answer: Answer | undefined): undefined {
    if (answer && isUsable(answer)) this.#leftover ??= answer;
  }

  /** Where no attempt brought a proposal: the model's reply to the bare question. */
  async #direct(): Promise<Proposal> {
    const { planning_temperature_direct_resp: temperature, planning_max_tokens_direct_resp: limit } = this.#options;
    const { messages } = this.#call.request.value;
    const asked = stepCall(this.#call, { role: 'draft', messages, temperature, limit }).with({ top_p: 0.95 });
    const answer = (this.#isHopeless() ? undefined : await this.#ask(asked)) ?? this.#leftover;
    if (!answer) throw firstByRank(this.#failures);
    return { answer, text: candidateText(answer) };
  }

  /** One solution out of all proposals; the first of those where there is no review, or none that came whole. */
  async #review(proposals: readonly [Proposal, ...Proposal[]]): Promise<Answer> {
    const [first] = proposals;
    const { planning_temperature_step3: temperature, planning_max_tokens_step3: limit } = this.#options;
    if (limit === 0 || !isUsable(first.answer) || toolCallKey(first.answer) !== undefined) return first.answer;
    const texts = proposals.map(({ text }) => text);
    const messages = reviewing(this.#call.request.value.messages, texts);
    const review = await this.#ask(stepCall(this.#call, { role: 'review', messages, temperature, limit }));
    return review && isText(review) ? review : first.answer;
  }

  /** The reply, undefined where the call fails. What fails or is cut is repeated with less effort, if that is wanted. */
  async #ask(asked: Call): Promise<Answer | undefined> {
    let answer: Answer | undefined;
    for (const one of this.#withLessAndLessEffort(asked)) {
      const reply = this.#next.ask(one).catch((error: unknown) => {
        this.#failures.push(error);
        throw error;
      });
      answer = (await survive(reply, one)) ?? answer;
      if ((answer && isComplete(answer)) || !this.#mayGoOn()) break;
    }
    return answer;
  }

  /** Efforts are known to be accepted where the client itself asks for one; never sent otherwise. */
  #withLessAndLessEffort(asked: Call): readonly Call[] {
    const level = EFFORTS.indexOf(asked.request.value['reasoning_effort']);
    if (!this.#options.use_reasoning_fallback || level < 0) return [asked];
    return [asked, ...EFFORTS.slice(level + 1).map((reasoning_effort) => asked.with({ reasoning_effort }))];
  }

  /** A direct reply has to remain possible. */
  #mayTryAgain(): boolean {
    return this.#mayGoOn() && this.#call.callsLeft > callsOfAttempt(this.#options);
  }

  #mayGoOn(): boolean {
    return this.#call.canSpend() && !this.#call.signal.aborted && !this.#isHopeless();
  }

  #isHopeless(): boolean {
    return this.#failures.some((failure) => failure instanceof GatewayError && LASTING.has(failure.status));
  }
}
