/** How a dialogue goes on: the calls that imagine the user, reply to the user, and rate the dialogue. */
import type { Message } from '../../../core/index.ts';
import {
  askJudge,
  candidateText,
  diverseTemperature,
  isTruncated,
  judgeLimit,
  limitedTo,
  limitOf,
  scoreOf,
  stripThinking,
  survive,
  toolCallKey,
  usableOf,
  withDefaultLimit,
  withTurns,
  type Answer,
  type Work,
} from '../../../core/approach/index.ts';
import { GO_ON, judgesView, RATE, usersView } from './prompts.ts';
import { createNode, type Node } from './tree.ts';

/** In turns: the client's question answered, and twelve more questions and replies. A dialogue ends there. */
const LONGEST = 25;

/** The options that dialogues depend on. */
export interface DialogueOptions {
  /** Limit of a reply, if the request sets none. */
  readonly max_tokens: number;
  /** Turns of the user in a simulation; 0 = the reply alone is rated. */
  readonly mcts_depth: number;
}

/** Makes the dialogues that may follow one conversation. */
export class Dialogues {
  readonly #work: Work<DialogueOptions>;
  /** The replies to choose from, which show whether the model reasons. */
  #candidates: readonly Answer[] = [];

  constructor(work: Work<DialogueOptions>) {
    this.#work = work;
  }

  /** Samples the replies to choose from. If all fail, throws the failure that ranks first. */
  async begin(count: number): Promise<readonly Answer[]> {
    this.#candidates = await this.#replies([], count);
    return this.#candidates;
  }

  /** The node after a reply. It is terminal if the reply calls a tool, whose result cannot be imagined. */
  nodeOf(reply: Answer, parent: Node, before: readonly Message[]): Node {
    const turns = [...before, { role: 'assistant', content: candidateText(reply) }];
    const { mcts_depth: depth } = this.#work.options;
    const isTerminal = depth === 0 || turns.length >= LONGEST || toolCallKey(reply) !== undefined;
    return createNode(parent, turns, isTerminal);
  }

  /** The nodes after the user's next message and up to `count` replies to it; none if no reply came. */
  async follow(node: Node, count: number): Promise<readonly Node[]> {
    node.query ??= await this.#imagine(node);
    const turns = [...node.turns, { role: 'user', content: node.query }];
    const replies = (await survive(this.#replies(turns, count), this.#work.call)) ?? [];
    return usableOf(replies).map((reply) => this.nodeOf(reply, node, turns));
  }

  /** The value of a node: how the dialogue is rated some turns later. Null if no rating could be read. Calls: 2d + 1. */
  async simulate(node: Node): Promise<number | null> {
    const { mcts_depth: depth } = this.#work.options;
    let last = node;
    for (let turn = 0; turn < depth && !last.isTerminal; turn++) {
      // A simulation follows one random reply, so that sampling more than one would be wasted.
      const [reply] = await this.follow(last, 1);
      if (!reply) break;
      last = reply;
    }
    return this.#rate(last);
  }

  /** Samples replies to the conversation with `turns` after it. */
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
    const limit = Math.min(limitOf(call) ?? options.max_tokens, judgeLimit(call, this.#candidates));
    const asked = call.with(
      {
        messages: usersView(messages, turns),
        temperature: 1,
        ...limitedTo(call, limit),
        // Tools stay, since the conversation may have used some; but the user calls none.
        ...(tools ? { tool_choice: 'none' } : {}),
        ...WITHOUT_ANSWER_FIELDS,
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
    return verdict ? scoreOf(verdict.text, 0, 1) : null;
  }
}

/** Removes the fields that shape the assistant's answers, which the imagined user is not bound by. */
const WITHOUT_ANSWER_FIELDS = {
  response_format: undefined,
  stop: undefined,
  logprobs: undefined,
  top_logprobs: undefined,
} as const;
