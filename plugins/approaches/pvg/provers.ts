/** The provers of both kinds, and the verifier. */
import type { Call } from '../../../core/index.ts';
import {
  candidateText,
  diverseTemperature,
  isFreeText,
  rate,
  seedAt,
  sideBySide,
  stripThinking,
  survive,
  usableOf,
  withDefaultLimit,
  type Answer,
  type Work,
} from '../../../core/approach/index.ts';
import { proversView, taskAndSolution, VERIFIER, type Prover } from './prompts.ts';
import { judge, MAX_SCORE, type Score, type RoundVerdict } from './standings.ts';

/** How the game is played. */
export interface Game extends Work {
  readonly rounds: number;
  /** How many solutions of each kind a round has. */
  readonly solutions: number;
  /** Are there sneaky provers? */
  readonly isSneaky: boolean;
  /** Limit of a solution, if the request sets none. */
  readonly maxTokens: number;
}

/** A round that was played. */
export interface Round extends RoundVerdict {
  /** From 0. */
  readonly number: number;
  /** The helpful provers' answers, usable or not. */
  readonly answers: readonly Answer[];
  /** Of the usable sneaky solutions. */
  readonly sneakyScores: readonly Score[];
}

/** Plays the rounds of one game. */
export class Provers {
  readonly #game: Game;
  /** By the solution's text: equal solutions of one game are verified once. */
  readonly #scores = new Map<string, Promise<Score>>();

  constructor(game: Game) {
    this.#game = game;
  }

  /**
   * Plays one round: 2 + 2k calls, in 2 rounds. Throws if no helpful prover answers.
   * @param number     From 0.
   * @param sharpened  The reworded task; undefined = the task as it is.
   */
  async play(number: number, sharpened?: string): Promise<Round> {
    const { call, rounds, solutions, isSneaky } = this.#game;
    const { progress } = call;
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

  /** The answers of each kind of prover, sampled at the same time. Sneaky ones may fail; if helpful ones fail, throws. */
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
    // If few calls are left and the model may refuse `n`, sneaky calls could use up those that the helpful ones need:
    // they then wait until the helpful ones are there.
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

  /**
   * Judged by the original task, whatever the round's wording, because the client asked for that. One call; none for a
   * known text.
   */
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

/**
 * Does the model refuse to solve the task wrongly? Such a text is no sneaky solution. A real one left out by mistake
 * does no harm.
 */
function isRefusal({ text, choice }: Answer): boolean {
  const { refusal } = choice.message;
  if (typeof refusal === 'string' && refusal !== '') return true;
  const start = stripThinking(text).trimStart();
  return /^(?:i['’]?m sorry|i am sorry|sorry|i apologi[sz]e|i (?:can['’]?t|cannot|can not|won['’]?t|will not|must decline|am unable|am not able))\b/i.test(
    start,
  );
}
