/** One candidate: plans, their executions, a review of these, and the answer written from it. */
import { GatewayError, type Call, type Message } from '../../../core/index.ts';
import {
  candidateText,
  firstByRank,
  isFreeText,
  isUsable,
  reportLostStage,
  seedAt,
  sideBySide,
  survive,
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

/** From the strongest to the weakest. */
const EFFORTS: readonly unknown[] = ['high', 'medium', 'low'];

/** Statuses with which every further attempt would fail, too. */
const LASTING: ReadonlySet<number> = new Set([401, 403, 404]);

/** What an attempt came to: an executed plan. */
interface Proposal {
  readonly answer: Answer;
  /** What the review reads: the plan, if there is one, and its execution. */
  readonly text: string;
}

/** What a candidate's answer is written from. */
export interface Draft {
  readonly solution: Answer;
  /** How many proposals it rests on; 0 = all attempts failed, and it is the model's direct reply. */
  readonly proposals: number;
}

/** A candidate that is done. */
export interface Candidate extends Draft {
  readonly answer: Answer;
}

interface Solving extends Work<Options> {
  /** How many proposals are wanted. */
  readonly proposals: number;
  /** What the plans have to follow; undefined = nothing. */
  readonly approach: string | undefined;
  /** Are there other candidates? */
  readonly isCompared: boolean;
}

/** Makes one candidate. Used once. */
export class Solver {
  readonly #call: Call;
  readonly #next: Next;
  readonly #options: Options;
  readonly #solving: Solving;
  readonly #failures: unknown[] = [];
  /**
   * From the first failed attempt that brought a usable answer (cut, or a tool call): no proposal, but better than
   * nothing.
   */
  #leftover: Answer | undefined;

  constructor(solving: Solving) {
    this.#call = solving.call;
    this.#next = solving.next;
    this.#options = solving.options;
    this.#solving = solving;
  }

  /** All steps. Throws if not even a direct reply comes. */
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

  /** All steps except the last, the answer. */
  async think(): Promise<Draft> {
    const proposals = await this.#propose();
    const [first] = proposals;
    if (!first) return { solution: await this.#review([await this.#direct()]), proposals: 0 };
    return { solution: await this.#review([first, ...proposals.slice(1)]), proposals: proposals.length };
  }

  /** The call of the last step; undefined if the solution is the answer already, or is no text to answer from. */
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

  /** As many proposals as wanted, in the order of their attempts; fewer if too many attempts fail. */
  async #propose(): Promise<readonly Proposal[]> {
    const { proposals: wanted } = this.#solving;
    const { planning_m, cepo_race } = this.#options;
    if (callsOfAttempt(this.#options) === 0) return [];
    const attempts = Array.from({ length: planning_m }, (_, index) => this.#opening(index));
    // Aborted attempts count against a limit on calls, which the later steps need: a race is run only without a limit.
    const isRace = cepo_race && this.#call.callsLeft === Infinity;
    const proposals = isRace ? await this.#race(attempts, wanted) : await this.#oneAfterAnother(attempts, wanted);
    return proposals.filter((proposal) => proposal !== undefined);
  }

  /** Starts as many attempts as proposals are wanted. Each that fails is replaced at once, while any are left. */
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

  /** Starts all attempts, takes the first that succeed, and aborts the rest. */
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

  /** The first call of an attempt: the plan, or the whole attempt if there is no planning. */
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

  /** Undefined if the plan or its execution fails, is empty or is cut. */
  async #carryOut(opening: Call): Promise<Proposal | undefined> {
    const opened = await this.#ask(opening);
    const isWhole = opening.role !== 'plan' || this.#options.planning_max_tokens_step2 === 0;
    if (!opened || !isText(opened)) return isWhole ? this.#keepLeftover(opened) : undefined;
    if (isWhole) return { answer: opened, text: candidateText(opened) };
    const execution = this.#execution(opening, executing(this.#call.request.value.messages, opened));
    const executed = await this.#ask(execution);
    if (!executed || !isText(executed)) return this.#keepLeftover(executed);
    return { answer: executed, text: `Plan:\n${candidateText(opened)}\n\nExecution:\n${candidateText(executed)}` };
  }

  /** Keeps what came of a failed attempt, if nothing was kept before. */
  #keepLeftover(answer: Answer | undefined): undefined {
    if (answer && isUsable(answer)) this.#leftover ??= answer;
  }

  /**
   * The model's reply to the bare question, for when no attempt brought a proposal. Throws if it fails and nothing was
   * left.
   */
  async #direct(): Promise<Proposal> {
    const { planning_temperature_direct_resp: temperature, planning_max_tokens_direct_resp: limit } = this.#options;
    const { messages } = this.#call.request.value;
    const asked = stepCall(this.#call, { role: 'draft', messages, temperature, limit }).with({ top_p: 0.95 });
    const answer = (this.#isHopeless() ? undefined : await this.#ask(asked)) ?? this.#leftover;
    if (!answer) throw firstByRank(this.#failures);
    return { answer, text: candidateText(answer) };
  }

  /** One solution from all proposals; the first proposal if the review is turned off, fails or is cut. */
  async #review(proposals: readonly [Proposal, ...Proposal[]]): Promise<Answer> {
    const [first] = proposals;
    const { planning_temperature_step3: temperature, planning_max_tokens_step3: limit } = this.#options;
    if (limit === 0 || !isUsable(first.answer) || toolCallKey(first.answer) !== undefined) return first.answer;
    const texts = proposals.map(({ text }) => text);
    const messages = reviewing(this.#call.request.value.messages, texts);
    const review = await this.#ask(stepCall(this.#call, { role: 'review', messages, temperature, limit }));
    return review && isText(review) ? review : first.answer;
  }

  /**
   * The answer; undefined if the call fails. With `use_reasoning_fallback`, what fails or is cut is repeated with less
   * effort.
   */
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

  /**
   * The call, then the same with lower efforts. Only if the client sets an effort: otherwise the model may not accept
   * the field.
   */
  #withLessAndLessEffort(asked: Call): readonly Call[] {
    const level = EFFORTS.indexOf(asked.request.value['reasoning_effort']);
    if (!this.#options.use_reasoning_fallback || level < 0) return [asked];
    return [asked, ...EFFORTS.slice(level + 1).map((reasoning_effort) => asked.with({ reasoning_effort }))];
  }

  /** Is another attempt possible, with a call left for the direct reply? */
  #mayTryAgain(): boolean {
    return this.#mayGoOn() && this.#call.callsLeft > callsOfAttempt(this.#options);
  }

  /** May another call be made, and can it succeed? */
  #mayGoOn(): boolean {
    return this.#call.canSpend() && !this.#call.signal.aborted && !this.#isHopeless();
  }

  /** Has a call failed in a way that all others would, too? */
  #isHopeless(): boolean {
    return this.#failures.some((failure) => failure instanceof GatewayError && LASTING.has(failure.status));
  }
}
