/** Playing a dialogue on: the calls that imagine the user, reply to it, and rate where that led. */
import type { Message } from '../../../core/index.ts';
import {
  askJudge,
  candidateText,
  diverseTemperature,
  survive,
  isReasoning,
  isTruncated,
  limitedTo,
  limitOf,
  scoreOf,
  stripThinking,
  toolCallKey,
  usableOf,
  withDefaultLimit,
  withTurns,
  type Answer,
  type Work,
} from '../../../core/approach/index.ts';
import { GO_ON, judgesView, RATE, usersView } from './prompts.ts';
import { createNode, type Node } from './tree.ts';

/** A dialogue of so many turns, twelve questions and thirteen replies, goes on no further. */
const LONGEST = 25;

export interface DialogueOptions {
  /** Limit of a reply where the request sets none. */
  readonly max_tokens: number;
  /** Turns that a simulation plays; with 0, nothing is played on at all. */
  readonly mcts_depth: number;
}

/** The dialogues that may follow one client conversation. */
export class Dialogues {
  readonly #work: Work<DialogueOptions>;
  /** The replies to choose from: whether the model reasons shows in them. */
  #candidates: readonly Answer[] = [];
  #hasVerdict = false;

  constructor(work: Work<DialogueOptions>) {
    this.#work = work;
  }

  /** Has any judge answered, readable or not? */
  get hasVerdict(): boolean {
    return this.#hasVerdict;
  }

  /** Samples of the reply that the conversation waits for. Throws where all fail. */
  async begin(count: number): Promise<readonly Answer[]> {
    this.#candidates = await this.#replies([], count);
    return this.#candidates;
  }

  /** The state after a reply. What a tool would say cannot be imagined, so a dialogue ends where one is called. */
  nodeOf(reply: Answer, parent: Node, before: readonly Message[]): Node {
    const turns = [...before, { role: 'assistant', content: candidateText(reply) }];
    const { mcts_depth: depth } = this.#work.options;
    const isTerminal = depth === 0 || turns.length >= LONGEST || toolCallKey(reply) !== undefined;
    return createNode(parent, turns, isTerminal);
  }

  /** The states after the user's next message and up to `count` replies to it; none where no reply came. */
  async follow(node: Node, count: number): Promise<readonly Node[]> {
    node.query ??= await this.#imagine(node);
    const turns = [...node.turns, { role: 'user', content: node.query }];
    const replies = (await survive(this.#replies(turns, count), this.#work.call)) ?? [];
    return usableOf(replies).map((reply) => this.nodeOf(reply, node, turns));
  }

  /** The value of a node: how the dialogue is rated after some turns more. Null where no rating could be read. */
  async simulate(node: Node): Promise<number | null> {
    const { mcts_depth: depth } = this.#work.options;
    let last = node;
    for (let turn = 0; turn < depth && !last.isTerminal; turn++) {
      // One sample is as good as one picked at random from several.
      const [reply] = await this.follow(last, 1);
      if (!reply) break;
      last = reply;
    }
    return this.#rate(last);
  }

  /** Samples of the reply that the conversation and `turns` after it wait for. */
  #replies(turns: readonly Message[], count: number): Promise<readonly Answer[]> {
    const { call, next, options } = this.#work;
    const { messages } = call.request.value;
    const asked = call.with(
      {
        messages: withTurns(messages, ...turns),
        temperature: diverseTemperature(call, 1),
        ...withDefaultLimit(call, options.max_tokens),
      },
      { role: 'candidate' },
    );
    return next.sample(asked, count);
  }

  async #imagine({ turns }: Node): Promise<string> {
    const { call, next, options } = this.#work;
    const { messages, tools } = call.request.value;
    const most = isReasoning(call, this.#candidates) ? 4_096 : 1_024;
    const limit = Math.min(limitOf(call) ?? options.max_tokens, most);
    const asked = call.with(
      {
        messages: usersView(messages, turns),
        temperature: 1,
        ...limitedTo(call, limit),
        // Tools stay, since the conversation may have used some; but the user calls none.
        ...(tools ? { tool_choice: 'none' } : {}),
        ...NOT_THE_USERS,
      },
      { role: 'user_turn' },
    );
    const answer = await survive(next.ask(asked), call);
    const query = answer && !isTruncated(answer) ? stripThinking(answer.text).trim() : '';
    return query === '' ? GO_ON : query;
  }

  async #rate({ turns }: Node): Promise<number | null> {
    const user = judgesView(this.#work.call.request.value.messages, turns);
    const prompt = { system: RATE, user, temperature: 0.1, evidence: this.#candidates };
    const verdict = await askJudge(this.#work, prompt);
    if (!verdict) return null;
    this.#hasVerdict = true;
    return scoreOf(verdict.text, 0, 1);
  }
}

/** What shapes the assistant's answers, removed. */
const NOT_THE_USERS = {
  response_format: undefined,
  stop: undefined,
  logprobs: undefined,
  top_logprobs: undefined,
} as const;
