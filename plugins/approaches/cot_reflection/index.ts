/**
 * Chain of thought with reflection: in one call the model thinks, checks its thinking and answers, in a layout of tags. The
 * client gets the answer alone, live. Calls and rounds: 1; 2 if the thinking was cut before the answer, or nothing came.
 *
 * There is no paper of exactly this: Wei et al. 2022, "Chain-of-Thought Prompting Elicits Reasoning in Large Language Models",
 * arXiv:2201.11903, with Madaan et al. 2023, "Self-Refine", arXiv:2303.17651. Departure: the reflection happens inside one
 * generation.
 */
import { definePlugin, gatewayError, z, type Call, type Choice, type Reply } from '../../../core/index.ts';
import {
  approachOptions,
  bringsAnswer,
  bringsMedia,
  callsTool,
  changedStream,
  isFreeText,
  messageText,
  reportDegraded,
  reportLostStage,
  stripThinking,
  survive,
  toAnswers,
  wholeReply,
  withDefaultLimit,
  withInstruction,
  withReasoning,
  withTurns,
  type Next,
  type Work,
} from '../../../core/approach/index.ts';
import { readLayout } from './layout.ts';
import { liveChoices } from './live.ts';
import { countThinking } from './reasoning-tokens.ts';

const NAME = 'cot_reflection';

const LAYOUT = `Answer in this layout, with exactly these tags:
<thinking>
Work through the task step by step.
<reflection>
Check the steps above: look for errors, gaps and better ways.
</reflection>
Correct what the check found.
</thinking>
<output>
The complete final answer, and nothing else.
</output>
Nothing of the answer may stand outside the output tags; whoever asked sees only what is inside them.`;

const CONCLUDE =
  'Your thinking was cut off here. Conclude from it now: give only the complete final answer, without tags and without further thinking.';

const options = approachOptions({
  temperature: z.number().min(0).max(2).default(0.6).describe('Temperature, where the request sets none.'),
  max_tokens: z
    .int()
    .min(1)
    .default(4096)
    .describe('Limit of the whole reply, thinking included, where the request sets none.'),
  return_full_response: z.boolean().default(false).describe('Return the thinking as well, tags and all.'),
});
type Options = z.output<typeof options>;

export default definePlugin({
  name: NAME,
  description: 'Thinks, checks its thinking, and returns the answer alone, in one call.',
  options,
  apply({ approaches }) {
    approaches.add(NAME, { kind: 'answerer', isSingleCall: true, run: reflect });
  },
});

async function reflect(call: Call, next: Next, options: Options): Promise<Reply> {
  const { temperature, max_tokens, return_full_response } = options;
  const { messages, stream } = call.request.value;
  if (!isFreeText(call)) {
    // An answer in tags cannot have the client's own format, nor be a tool call, so that the call is made as it is.
    reportDegraded(call.exchange, 'cot_reflection: tools or response_format', { isLasting: true });
    return next(call);
  }
  const asked = call.with({
    messages: withInstruction(messages, LAYOUT),
    temperature: call.request.value.temperature ?? temperature,
    ...withDefaultLimit(call, max_tokens),
  });
  if (return_full_response) return next(asked);

  const repair = (thinking: string) => conclude(thinking, asked, { call, next, options });
  const reply = await next(stream === true ? asked : asked.with({}, { wantsWhole: true }));
  if (reply.status >= 400) return reply;
  if (reply.kind === 'stream')
    return changedStream(reply, call, liveChoices({ repair, wantsThinking: wantsThinking(call), call }));

  const whole = await wholeReply(reply, call);
  const answers = toAnswers(whole, call);
  const choices = await Promise.all(answers.map(({ choice }) => answered(choice, repair, wantsThinking(call))));
  if (
    choices.every(isEmpty) &&
    !choices.some(({ finish_reason }) => finish_reason === 'content_filter' || finish_reason === 'length')
  )
    throw gatewayError('upstream_error', { upstream: call.upstream.name, detail: 'answered with nothing usable' });
  const thinking = answers.map(({ text }) => readLayout(text, false).thinking);
  const usage = countThinking(thinking, whole.body.value.usage, call);
  return { ...whole, body: whole.body.with({ choices, ...(usage ? { usage } : {}) }) };
}

/**
 * The choice with the answer alone, which comes from a second call if the first brought none. A tool call, a refusal and a
 * filtered choice stay as they are.
 */
async function answered(
  choice: Choice,
  repair: (thinking: string) => Promise<Choice | undefined>,
  wantsThinking: boolean,
): Promise<Choice> {
  const { message, finish_reason } = choice;
  if (
    callsTool(message) ||
    bringsMedia(message) ||
    finish_reason === 'content_filter' ||
    typeof message.refusal === 'string'
  )
    return choice;
  const { answer, thinking, needsRepair } = readLayout(messageText(message), finish_reason === 'length');
  const shown = {
    ...message,
    content: answer,
    ...(wantsThinking && thinking !== '' ? { reasoning_content: withReasoning(message, thinking) } : {}),
  };
  const own: Choice = { ...choice, logprobs: null, message: shown };
  if (answer !== '' && !needsRepair) return own;
  const second = await repair(thinking);
  return second
    ? { ...own, message: { ...shown, content: messageText(second.message) }, finish_reason: second.finish_reason }
    : own;
}

/** The second call: continues from the thinking to the answer, or repeats the first call if nothing came at all. */
async function conclude(thinking: string, asked: Call, { call, next }: Work): Promise<Choice | undefined> {
  const turns = [
    { role: 'assistant', content: thinking },
    { role: 'user', content: CONCLUDE },
  ];
  const again = thinking === '' ? asked : asked.with({ messages: withTurns(call.request.value.messages, ...turns) });
  const why = thinking === '' ? 'nothing came at first' : 'the thinking was cut at first';
  call.trace.note({ second_call: true, why });
  const second = await survive(next.ask(again), call);
  if (!second) {
    reportLostStage(call.exchange, 'answer_failed');
    return undefined;
  }
  const { answer } = readLayout(stripThinking(second.text), second.choice.finish_reason === 'length');
  return { ...second.choice, message: { ...second.choice.message, content: answer } };
}

function isEmpty({ message }: Choice): boolean {
  return !bringsAnswer(message) && typeof message.refusal !== 'string';
}

/**
 * Does the client want the thinking, as OpenRouter's clients ask for it? It then comes in `reasoning_content`, never in
 * `content`.
 */
function wantsThinking({ request }: Call): boolean {
  return request.value['include_reasoning'] === true;
}
