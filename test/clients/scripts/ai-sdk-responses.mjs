import { generateObject, generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';
import { createOpenAI } from '@ai-sdk/openai';

const [baseURL, ways] = process.argv.slice(2);
const numbers = jsonSchema({
  type: 'object',
  properties: { a: { type: 'number' }, b: { type: 'number' } },
  required: ['a', 'b'],
  additionalProperties: false,
});
const answerSchema = jsonSchema({
  type: 'object',
  properties: { answer: { type: 'number' } },
  required: ['answer'],
  additionalProperties: false,
});
const fail = ({ error }) => {
  throw error;
};
const got = [];
for (const { model: name, headers } of JSON.parse(ways)) {
  const model = createOpenAI({ baseURL, apiKey: 'none', headers })(name);

  const { text } = await generateText({ model, prompt: 'Say hello.' });
  const stream = streamText({ model, prompt: 'Say hello.', onError: fail });
  const tools = streamText({
    model,
    prompt: 'Add 2 and 3.',
    tools: { add: tool({ description: 'Adds.', inputSchema: numbers, execute: ({ a, b }) => String(a + b) }) },
    stopWhen: stepCountIs(5),
    onError: fail,
  });
  got.push({
    plain: text,
    streamed: await stream.text,
    tools: await tools.text,
    schema: (await generateObject({ model, prompt: 'What is 2 and 3?', schema: answerSchema })).object,
  });
}
process.stdout.write(`\n${JSON.stringify(got)}\n`);
