/**
 * Unmodified clients, each as its own documentation says: a plain chat, a streamed one, a streamed loop of tools to its
 * end, an answer by a schema; without an approach, with one in the model's name, and with one in a header. What reaches
 * the upstream is what a strict one takes, the history with what was streamed before included.
 */
import { readFile } from 'node:fs/promises';
import { describe, expect, test, type TestContext } from 'vitest';
import { startGateway } from '../support/gateway.ts';
import { runClient, runCode, whyMissing, type Client, type Got, type Way } from './client-program.ts';
import { ANSWERS, strictUpstream, type StrictUpstream } from './strict-upstream.ts';

const PLAIN: Way = { model: 'gpt-strict', headers: {} };
const WAYS: readonly Way[] = [
  PLAIN,
  { model: 're2&bon-gpt-strict', headers: {} },
  { model: 'gpt-strict', headers: { 'x-optigate-approach': 're2&bon' } },
];
const ALL: Got = { plain: ANSWERS.text, streamed: ANSWERS.text, tools: ANSWERS.tools, schema: { answer: 5 } };
const WITHOUT_SCHEMA: Got = { plain: ANSWERS.text, streamed: ANSWERS.text, tools: ANSWERS.tools };

/** The clients' key is an access key, so that what they refer to in later turns must be what they got in earlier ones. */
function yamlFor({ baseUrl }: StrictUpstream): string {
  return `upstreams:
  main: { base_url: "${baseUrl}", api_key: sk-server }
  claude: { base_url: "${baseUrl}", api_key: sk-server, provider: anthropic }
plugins: [{ auth: { keys: [{ name: tester, key: none }] } }, re2, bon]`;
}

/** Runs the client by each way, and looks at what it got and what the upstream was asked. */
async function check(context: TestContext, client: Client, ways: readonly Way[], expected: Got): Promise<void> {
  const reason = await whyMissing(client);
  if (reason !== undefined) context.skip(reason);
  await using upstream = await strictUpstream();
  const ran: unknown[] = [];
  await using gateway = await startGateway(undefined, {
    yaml: yamlFor(upstream),
    log: ({ msg, approach }) => void (msg === 'request' && ran.push(approach)),
  });
  const got = await runClient(client, gateway.baseUrl, ways);
  expect(upstream.refusals).toEqual([]);
  expect(got).toEqual(ways.map(() => expected));
  const approaches = new Set(ran.filter((approach) => approach !== undefined));
  expect(approaches).toEqual(new Set(ways.length > 1 ? ['none', 're2&bon'] : ['none']));
}

describe('on chat completions', () => {
  test.for<[string, string, string]>([
    ['openai for Node', 'openai.mjs', 'openai'],
    ['AI SDK, openai.chat()', 'ai-sdk-chat.mjs', '@ai-sdk/openai'],
    ['AI SDK, openai-compatible', 'ai-sdk-compatible.mjs', '@ai-sdk/openai-compatible'],
    ['LangChain for Node', 'langchain.mjs', '@langchain/openai'],
    ['openai for Python', 'openai_client.py', 'openai'],
    ['LiteLLM', 'litellm_client.py', 'litellm'],
    ['LangChain for Python', 'langchain_client.py', 'langchain-openai'],
    ['Pydantic AI', 'pydantic_ai_client.py', 'pydantic-ai-slim[openai]'],
    ['LlamaIndex', 'llama_index_client.py', 'llama-index-llms-openai-like'],
    ['OpenAI Agents, chat model', 'openai_agents_client.py', 'openai-agents'],
  ])('%s', async ([, script, name], context) => {
    await check(context, { script, package: name }, WAYS, ALL);
  });
});

/** Until approaches come to these wires, they pass untouched. */
describe('on other wires', () => {
  test('AI SDK, openai(): Responses', async (context) => {
    await check(context, { script: 'ai-sdk-responses.mjs', package: '@ai-sdk/openai' }, [PLAIN], ALL);
  });

  test('Anthropic for Node: Messages', async (context) => {
    await check(context, { script: 'anthropic.mjs', package: '@anthropic-ai/sdk' }, [PLAIN], WITHOUT_SCHEMA);
  });
});

describe('the examples of docs/clients.md run as they stand', async () => {
  const PACKAGES: readonly (readonly [RegExp, string])[] = [
    [/from 'openai'/, 'openai'],
    [/@ai-sdk\/openai-compatible/, '@ai-sdk/openai-compatible'],
    [/@ai-sdk\/openai'/, '@ai-sdk/openai'],
    [/@langchain\/openai/, '@langchain/openai'],
    [/@anthropic-ai/, '@anthropic-ai/sdk'],
    [/import litellm/, 'litellm'],
    [/langchain_openai/, 'langchain-openai'],
    [/pydantic_ai/, 'pydantic-ai-slim[openai]'],
    [/llama_index/, 'llama-index-llms-openai-like'],
    [/from agents/, 'openai-agents'],
    [/from openai import OpenAI$/m, 'openai'],
  ];
  const page = await readFile(new URL('../../docs/clients.md', import.meta.url), 'utf8');
  const examples = [...page.matchAll(/^```(js|python)\n(.*?)^```$/gms)].map(([, language = '', code = '']) => ({
    language,
    code,
    package: PACKAGES.find(([pattern]) => pattern.test(code))?.[1] ?? 'none',
  }));

  test.for(examples)('$package ($language)', async ({ language, code, package: name }, context) => {
    const reason = await whyMissing({ script: language === 'js' ? '.mjs' : '.py', package: name });
    if (reason !== undefined) context.skip(reason);
    await using upstream = await strictUpstream();
    await using gateway = await startGateway(undefined, { yaml: yamlFor(upstream) });
    const here = code
      .replaceAll('http://127.0.0.1:8000', gateway.url)
      .replaceAll(/gpt-4o-mini|claude-sonnet-4-5/g, 'gpt-strict');
    const printed = await runCode({ language, package: name, code: here });
    expect(upstream.refusals).toEqual([]);
    if (/console\.log|print\(/.test(code)) expect(printed).toContain(ANSWERS.text);
  });
});
