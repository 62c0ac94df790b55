/** Both kinds of provers, and the verifier. */
import type { Call } from '../../../core/index.ts';
import {
  candidateText,
  diverseTemperature,
  survive,
  isFreeText,
  rate,
  seedAt,
  sideBySide,
  stripThinking,
  usableOf,
  withDefaultLimit,
  type Answer,
  type Work,
} from '../../../core/approach/index.ts';
import { proversView, taskAndSolution, VERIFIER, type Prover } from './prompts.ts';
import { judge, MAX_SCORE, type Score, type Verdict } from './standings.ts';

export interface Game extends Work {
  readonly rounds: number;
  /** Of each kind, in a round. */
  readonly solutions: number;
  readonly isSneaky: boolean;
  readonly maxTokens: number;
}

/** A round that was played. */
export interface Round extends Verdict {
  /** From 0. */
  readonly number: number;
  /** What the helpful provers said, whether it can be used or not. */
  readonly answers: readonly Answer[];
  readonly sneakyScores: readonly Score[];
}

/** Plays rounds. */
export class Provers {
  readonly #game: Game;
  /** By the solution's text: equal ones are verified once. */
  readonly #scores = new Map<string, Promise<Score>>();

  constructor(game: Game) {
    this.#game = game;
  }

  /** Fails where no helpful prover answers. */
  async play(number: number, sharpened?: string): Promise<Round> {
    const { call, rounds, solutions, isSneaky } = this.#game;
    const { progress } = call.exchange;
    const round = `Round ${number + 1} of ${rounds}`;
    progress.say(`${round}: writing ${solutions} solutions${isSneaky ? ', and as many wrong ones' : ''}.`);
    const provers: readonly Prover[] = isSneaky ? ['helpful', 'sneaky'] : ['helpful'];
    const [answers = [], deceptions = []] = await this.#solve(provers, number, sharpened);
    const helpful = usableOf(answers);
    const sneaky = helpful.length === 0 ? [] : usableOf(deceptions).filter((solution) => !isRefusal(solution));

    progress.say(`${round}: verifying ${helpful.length + sneaky.length} solutions.`);
    const verify = async (solution: Answer) => ({ solution, score: await this.#verify(solution, answers) });
    const verified = await Promise.all([...helpful, ...sneaky].map(verify));
    const deceiving = verified.slice(helpful.length);
    const verdict = judge(verified.slice(0, helpful.length), deceiving);
    return { ...verdict, number, answers, sneakyScores: deceiving.map(({ score }) => score) };
  }

  /** What each kind says, at the same time. The sneaky ones may fail. */
  async #solve(
    provers: readonly Prover[],
    number: number,
    sharpened: string | undefined,
  ): Promise<readonly (readonly Answer[])[]> {
    const { call, next, solutions: count, maxTokens } = this.#game;
    const { messages, seed } = call.request.value;
    const sampling = {
      temperature: diverseTemperature(call, Math.max(2, 7 - number) / 10),
      ...(typeof seed === 'number' ? { seed: seedAt(seed, number * count) } : {}),
      ...withDefaultLimit(call, maxTokens),
    };
    const calls = provers.map((prover) => {
      const view = proversView(messages, { prover, sharpened, isFreeText: isFreeText(call) });
      return call.with({ messages: view, ...sampling }, { role: prover === 'helpful' ? 'candidate' : prover });
    });
    // Where the model may refuse `n`, wrong solutions could use up what the first helpful one needs: they wait then.
    const isTight = call.callsLeft <= count + 2;
    let helpful: Promise<readonly Answer[]> | undefined;
    const sample = async (one: Call) => {
      if (one.role !== 'sneaky') return (helpful = next.sample(one, count));
      if (isTight && (await helpful?.catch(() => undefined)) === undefined) return [];
      return survive(next.sample(one, count), one);
    };
    const { results } = await sideBySide(call, calls, sample, ([helpful]) => helpful?.status === 'rejected');
    return results.map((result) => {
      if (result?.status === 'rejected') throw result.reason;
      return result?.value ?? [];
    });
  }

  /** Judged by the original task whatever the round's wording: the answer has to answer that. */
  #verify(solution: Answer, evidence: readonly Answer[]): Promise<Score> {
    const { call } = this.#game;
    const text = candidateText(solution);
    const known = this.#scores.get(text);
    if (known) return known;
    const user = taskAndSolution(call.request.value.messages, solution);
    const prompt = { system: VERIFIER, user, temperature: 0.2, evidence };
    const score = rate(this.#game, prompt, [0, MAX_SCORE]);
    this.#scores.set(text, score);
    return score;
  }
}

/** Does the model decline to deceive? Then there is no sneaky solution; one left out by mistake costs nothing. */
function isRefusal({ text, choice }: Answer): boolean {
  const { refusal } = choice.message;
  if (typeof refusal === 'string' && refusal !== '') return true;
  const start = stripThinking(text).trimStart();
  return /^(?:i['’]?m sorry|i am sorry|sorry|i apologi[sz]e|i (?:can['’]?t|cannot|can not|won['’]?t|will not|must decline|am unable|am not able))\b/i.test(
    start,
  );
}
