import { HumanMessage, ToolMessage } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';

const [baseURL, ways] = process.argv.slice(2);
const add = {
  type: 'function',
  function: {
    name: 'add',
    description: 'Adds two numbers.',
    parameters: { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } }, required: ['a', 'b'] },
  },
};
const answer = { title: 'answer', type: 'object', properties: { answer: { type: 'number' } }, required: ['answer'] };

async function joined(stream) {
  let whole;
  for await (const chunk of stream) whole = whole === undefined ? chunk : whole.concat(chunk);
  return whole;
}

const got = [];
for (const { model, headers } of JSON.parse(ways)) {
  const chat = new ChatOpenAI({
    model,
    apiKey: 'none',
    configuration: { baseURL, defaultHeaders: headers },
    maxRetries: 0,
  });
  const plain = await chat.invoke('Say hello.');
  const streamed = await joined(await chat.stream('Say hello.'));
  const messages = [new HumanMessage('Add 2 and 3.')];
  for (;;) {
    const message = await joined(await chat.bindTools([add]).stream(messages));
    messages.push(message);
    if (message.tool_calls.length === 0) break;
    for (const { id, args } of message.tool_calls)
      messages.push(new ToolMessage({ content: String(args.a + args.b), tool_call_id: id }));
  }
  const structured = chat.withStructuredOutput(answer, { method: 'jsonSchema', name: 'answer' });
  got.push({
    plain: plain.content,
    streamed: streamed.content,
    tools: messages.at(-1).content,
    schema: await structured.invoke('What is 2 and 3?'),
  });
}
process.stdout.write(`\n${JSON.stringify(got)}\n`);
