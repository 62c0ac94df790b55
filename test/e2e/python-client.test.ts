/** The official Python client, where python3 is at hand and the package can be had. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { mainUpstream, startProgram } from '../support/program.ts';
import {
  chatCompletion,
  CUT,
  chatChunk,
  events,
  json,
  rules,
  scriptedUpstream,
  sseChunks,
} from '../support/scripted-upstream.ts';

const execute = promisify(execFile);
/** Kept from one run to the next: installing takes a while. */
const VENV = join(
  process.env['XDG_CACHE_HOME'] ?? join(process.env['HOME'] ?? tmpdir(), '.cache'),
  'optigate-openai-python',
);
const PYTHON = join(VENV, 'bin/python');

/** Why there is no client; undefined where there is one. */
async function whyNoClient(): Promise<string | undefined> {
  try {
    if (!existsSync(PYTHON)) await execute('python3', ['-m', 'venv', VENV]);
    const hasPackage = await execute(PYTHON, ['-c', 'import openai']).then(
      () => true,
      () => false,
    );
    if (!hasPackage)
      await execute(PYTHON, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', 'openai']);
    return undefined;
  } catch (error) {
    return `no openai package for python3: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`;
  }
}

const SCRIPT = `
import sys, openai
client = openai.OpenAI(base_url=sys.argv[1], api_key="sk-own", max_retries=0)
messages = [{"role": "user", "content": "Hello"}]
print("ids", [m.id for m in client.models.list()])
answer = client.chat.completions.create(model="m", messages=messages)
print("plain", answer.choices[0].message.content, answer.usage.total_tokens, bool(answer._request_id))
answer = client.chat.completions.create(model="m", messages=messages, extra_body={"optillm_approach": "bon"})
print("bon", answer.choices[0].message.content)
stream = client.chat.completions.create(model="m", messages=messages, stream=True, seed=1)
print("stream", "".join(c.choices[0].delta.content or "" for c in stream if c.choices))
print("embedding", client.embeddings.create(model="m", input="x").data[0].embedding)
for model in ["refuse", "cut"]:
    try:
        for _ in client.chat.completions.create(model=model, messages=messages, stream=True): pass
        print(model, "nothing")
    except openai.APIError as error:
        print(model, type(error).__name__, error.code)
`;

test(
  'the openai client for Python: chat, approach, stream, models, embeddings, errors',
  { timeout: 180_000 },
  async (context) => {
    const reason = await whyNoClient();
    if (reason !== undefined) context.skip(reason);
    const embedding = Buffer.from(new Float32Array([0.5, -1]).buffer).toString('base64');
    await using upstream = await scriptedUpstream(
      rules([
        {
          path: '/v1/models',
          reply: json({ object: 'list', data: [{ id: 'm', object: 'model', created: 1, owned_by: 'x' }] }),
        },
        {
          path: '/v1/embeddings',
          reply: json({
            object: 'list',
            model: 'm',
            data: [{ object: 'embedding', index: 0, embedding }],
            usage: { prompt_tokens: 1, total_tokens: 1 },
          }),
        },
        {
          body: '"refuse"',
          reply: json(
            { error: { message: 'No.', type: 'invalid_request_error', param: null, code: 'no_such' } },
            { status: 404 },
          ),
        },
        { body: '"cut"', reply: events([chatChunk({ role: 'assistant', content: 'a' }), CUT]) },
        {
          path: '/v1/chat/completions',
          reply: ({ json: body }) =>
            body['stream'] === true ? events(sseChunks('Hel', 'lo')) : json(chatCompletion('Rating: 7')),
        },
      ]),
    );
    await using program = await startProgram({ config: `${mainUpstream(upstream)}plugins: [auth, cache, retry, bon]` });
    const { stdout } = await execute(PYTHON, ['-c', SCRIPT, program.baseUrl]);
    expect(stdout.trim().split('\n')).toEqual([
      "ids ['m']",
      'plain Rating: 7 12 True',
      'bon Rating: 7',
      'stream Hello',
      'embedding [0.5, -1.0]',
      'refuse NotFoundError no_such',
      'cut APIError upstream_stream_interrupted',
    ]);
    for (const { headers } of upstream.requests) expect(headers.authorization).toBe('Bearer sk-own');
  },
);
