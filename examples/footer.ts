/**
 * Changes what clients read, whether the answer comes whole or streamed: appends a footer.
 *
 *   plugins:
 *     - ./examples/footer.ts: { text: "Written by a machine." }
 *
 * A whole answer passes `response`. A stream passes `chunk`, chunk by chunk; what an approach has ready is cut into
 * chunks first.
 */
import { definePlugin, z, type Chunk, type LooseReply } from 'optigate';

const NAME = 'footer';

const options = z.strictObject({
  text: z.string().min(1).default('Written by a machine.').describe('Appended to each answer that ended by itself.'),
});

export default definePlugin({
  name: NAME,
  description: 'Appends a footer to answers.',
  options,
  apply({ hooks }, { text }) {
    const footer = `\n\n${text}`;
    hooks.response.tap(NAME, (reply, exchange) => {
      // The answer to a client that asked for a stream passes `chunk` afterwards, also if it is complete here.
      const isWhole = exchange.operation === 'chat' && exchange.request.value.stream !== true;
      return isWhole ? withFooter(reply, footer) : reply;
    });
    hooks.chunk.tap(NAME, (chunk) => chunkWithFooter(chunk, footer));
  },
});

/** Refusals, tool calls and answers that were cut stay as they are. */
function withFooter(reply: LooseReply, footer: string): LooseReply {
  if (reply.kind !== 'complete' || reply.status !== 200) return reply;
  const choices = reply.body.value.choices.map((choice) => {
    const { content } = choice.message;
    if (choice.finish_reason !== 'stop' || typeof content !== 'string') return choice;
    return { ...choice, message: { ...choice.message, content: content + footer } };
  });
  return { ...reply, body: reply.body.with({ choices }) };
}

/** The last chunk of a choice has its `finish_reason`. */
function chunkWithFooter(chunk: Chunk, footer: string): Chunk {
  if (!chunk.choices.some(({ finish_reason }) => finish_reason === 'stop')) return chunk;
  const choices = chunk.choices.map((choice) => {
    if (choice.finish_reason !== 'stop') return choice;
    return { ...choice, delta: { ...choice.delta, content: `${choice.delta.content ?? ''}${footer}` } };
  });
  return { ...chunk, choices };
}
