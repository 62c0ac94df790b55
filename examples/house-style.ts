/**
 * A transformer: appends your rules of style to the system text of every chat request that asks for it.
 *
 *   plugins:
 *     - ./examples/house-style.ts: { rules: "Answer in British English, in at most three sentences." }
 *
 * Ask for it by name, alone or before another approach: `"model": "house_style-gpt-4o-mini"`, or
 * `"optillm_approach": "house_style&bon"`. A request may set other rules: `"optigate": {"house_style": {"rules":
 * "…"}}`. It makes no call of its own.
 */
import { definePlugin, z, type Call, type Message } from 'optigate';
import type { Next } from 'optigate/approach';

const NAME = 'house_style';

/** Checked when the file is read, and again if a request sets options. A typo is an error that names the field. */
const options = z.strictObject({
  rules: z
    .string()
    .min(1)
    .default('Be brief, and say so when you are not sure.')
    .describe('Appended to the system text.'),
});
type Options = z.output<typeof options>;

export default definePlugin({
  name: NAME,
  description: 'Appends the rules of a house style to the system text.',
  options,
  apply({ approaches }) {
    // A transformer wraps the approaches after it, or a plain call if there are none. The approach has the plugin's
    // options and description, since none are given here.
    approaches.add(NAME, { kind: 'transformer', run: addRules });
  },
});

/** Calls are immutable: `with` makes a changed copy, in which the other fields keep the bytes that the client sent. */
function addRules(call: Call, next: Next, { rules }: Options) {
  const { messages } = call.request.value;
  return next(call.with({ messages: withSystemText(messages, rules) }));
}

/**
 * Extends the first message if it is a system or developer message (some chat templates allow only one), else adds one.
 */
export function withSystemText(messages: readonly Message[], text: string): Message[] {
  const [first, ...rest] = messages;
  if (first?.role !== 'system' && first?.role !== 'developer') return [{ role: 'system', content: text }, ...messages];
  const { content } = first;
  const extended = typeof content === 'string' ? `${content}\n\n${text}` : [...(content ?? []), { type: 'text', text }];
  return [{ ...first, content: extended }, ...rest];
}
