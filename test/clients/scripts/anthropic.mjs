import Anthropic from '@anthropic-ai/sdk';

const [baseURL, ways] = process.argv.slice(2);
const got = [];
for (const { model, headers } of JSON.parse(ways)) {
  const client = new Anthropic({
    baseURL: baseURL.replace(/\/v1$/, ''),
    apiKey: 'none',
    defaultHeaders: headers,
    maxRetries: 0,
  });
  const hello = { model, max_tokens: 100, messages: [{ role: 'user', content: 'Say hello.' }] };
  const textOf = ({ content }) => content.map((block) => block.text ?? '').join('');

  const plain = textOf(await client.messages.create(hello));
  const streamed = textOf(await client.messages.stream(hello).finalMessage());
  const messages = [{ role: 'user', content: 'Add 2 and 3.' }];
  const tools = [
    {
      name: 'add',
      description: 'Adds two numbers.',
      input_schema: { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } } },
    },
  ];
  let message;
  do {
    message = await client.messages.stream({ ...hello, messages, tools }).finalMessage();
    const results = message.content
      .filter(({ type }) => type === 'tool_use')
      .map(({ id, input: { a, b } }) => ({ type: 'tool_result', tool_use_id: id, content: String(a + b) }));
    messages.push({ role: 'assistant', content: message.content }, { role: 'user', content: results });
  } while (message.stop_reason === 'tool_use');
  got.push({ plain, streamed, tools: textOf(message) });
}
process.stdout.write(`\n${JSON.stringify(got)}\n`);
