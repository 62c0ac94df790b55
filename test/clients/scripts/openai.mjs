import OpenAI from 'openai';

const [baseURL, ways] = process.argv.slice(2);
const got = [];
for (const { model, headers } of JSON.parse(ways)) {
  const client = new OpenAI({ baseURL, apiKey: 'none', defaultHeaders: headers, maxRetries: 0 });
  const hello = [{ role: 'user', content: 'Say hello.' }];

  const answer = await client.chat.completions.create({ model, messages: hello });
  const stream = client.chat.completions.stream({ model, messages: hello });
  const runner = client.chat.completions.runTools({
    model,
    stream: true,
    messages: [{ role: 'user', content: 'Add 2 and 3.' }],
    tools: [
      {
        type: 'function',
        function: {
          name: 'add',
          description: 'Adds two numbers.',
          parameters: {
            type: 'object',
            properties: { a: { type: 'number' }, b: { type: 'number' } },
            required: ['a', 'b'],
          },
          parse: JSON.parse,
          function: ({ a, b }) => String(a + b),
        },
      },
    ],
  });
  const schema = {
    type: 'object',
    properties: { answer: { type: 'number' } },
    required: ['answer'],
    additionalProperties: false,
  };
  const parsed = await client.chat.completions.parse({
    model,
    messages: [{ role: 'user', content: 'What is 2 and 3?' }],
    response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema } },
  });
  got.push({
    plain: answer.choices[0].message.content,
    streamed: await stream.finalContent(),
    tools: await runner.finalContent(),
    schema: JSON.parse(parsed.choices[0].message.content),
  });
}
process.stdout.write(`\n${JSON.stringify(got)}\n`);
