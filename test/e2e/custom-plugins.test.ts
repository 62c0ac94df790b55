/** Plugins of others, through the real program: those of `examples/`, the one of the docs, and what else they may do. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { cli } from '../support/cli.ts';
import { mainUpstream, startProgram } from '../support/program.ts';
import { contentOf, own } from '../support/own-plugin.ts';
import { STAMP } from '../support/stamp-plugin.ts';
import {
  chatChunk,
  chatCompletion,
  events,
  HANG,
  json,
  rules,
  scriptedUpstream,
  sseChunks,
} from '../support/scripted-upstream.ts';
import { tempFolder } from '../support/temp-folder.ts';

const example = (name: string) => readFile(fileURLToPath(new URL(`../../examples/${name}`, import.meta.url)), 'utf8');

const textOf = async (response: Response) => {
  const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
  return choices.map(({ message }) => message.content);
};

/** Chats as they come, for models that nobody lists. */
const chatting = (reply: Parameters<typeof rules>[0][number]['reply']) =>
  rules([
    { path: '/v1/models', reply: json({ object: 'list', data: [] }) },
    { path: '/v1/chat/completions', reply },
  ]);

describe('examples/house-style.ts', () => {
  test('is a transformer, alone and before another approach, with options of the file and of the request', async () => {
    await using upstream = await scriptedUpstream(chatting(json(chatCompletion('8'))));
    await using program = await startProgram({
      config: `${mainUpstream(upstream)}plugins: [bon, { ./house-style.ts: { rules: "Be British." } }]`,
      files: { 'house-style.ts': await example('house-style.ts') },
    });
    const chats = () => upstream.requests.filter(({ method }) => method === 'POST');
    const systemOf = (index: number) => {
      const { messages } = chats()[index]!.json as { messages: { role: string; content: string }[] };
      return messages[0];
    };

    const prefixed = await program.chat({ model: 'house_style-m' });
    expect(prefixed.headers.get('x-optigate-approach')).toBe('house_style');
    expect(chats()[0]?.json['model']).toBe('m');
    expect(systemOf(0)).toEqual({ role: 'system', content: 'Be British.' });

    await program.chat({ optillm_approach: 'house_style', optigate: { house_style: { rules: 'Rhyme.' } } });
    expect(systemOf(1)).toEqual({ role: 'system', content: 'Rhyme.' });

    const both = await program.chat({ optillm_approach: 'house_style&bon' });
    expect(both.status).toBe(200);
    expect(chats().length).toBeGreaterThan(3);

    const wrong = await program.chat({ optillm_approach: 'house_style', optigate: { house_style: { rulez: 'x' } } });
    expect(wrong.status).toBe(400);
    expect(await wrong.text()).toContain('rulez');
  });
});

describe('examples/slow-call-log.ts', () => {
  test('logs slow calls and counts them in a header', async () => {
    await using upstream = await scriptedUpstream(json(chatCompletion('hi')));
    await using program = await startProgram({
      config: `${mainUpstream(upstream)}plugins: [{ ./slow-call-log.ts: { slower_than: 0, header: x-slow-calls } }]`,
      files: { 'slow-call-log.ts': await example('slow-call-log.ts') },
    });
    expect((await program.chat()).headers.get('x-slow-calls')).toBe('1');
    await program.output(/"upstream":"main","role":"answer".*"ending":"ended","msg":"slow upstream call"/);
  });
});

describe('the plugin of the docs', () => {
  test('changes the request, sets a header, offers an approach and a route behind the access key', async () => {
    let chats = 0;
    await using upstream = await scriptedUpstream(
      rules([
        { path: '/v1/models', reply: json({ object: 'list', data: [] }) },
        { path: '/v1/embeddings', reply: json({ object: 'list', data: [] }) },
        {
          path: '/v1/chat/completions',
          reply: () => json(chatCompletion(chats++ % 2 === 0 ? 'short' : 'the longer one')),
        },
      ]),
    );
    await using program = await startProgram({
      config: `${mainUpstream(upstream)}log: { level: debug }\nplugins: [{ auth: { keys: [{ name: a, key: secret }] } }, ./stamp.ts]`,
      files: { 'stamp.ts': STAMP },
    });
    const headers = { authorization: 'Bearer secret' };

    const stamped = await program.chat({}, { headers });
    expect(stamped.headers.get('x-stamp')).toBe('yes');
    expect(await textOf(stamped)).toEqual(['short']);
    expect(upstream.requests[0]?.json['messages']).toEqual([
      { role: 'user', content: 'Hello' },
      { role: 'user', content: 'hello' },
    ]);
    await program.output(/"plugin":"stamp","status":200,"msg":"stamped"/);

    const twice = await program.chat({ model: 'twice-m' }, { headers });
    expect(await textOf(twice)).toEqual(['the longer one']);
    expect(twice.headers.get('x-optigate-approach')).toBe('twice');
    expect(twice.headers.get('x-optigate-calls')).toBe('2');
    expect(chats).toBe(3);

    const streamed = await program.chat({ model: 'twice-m', stream: true }, { headers });
    expect(contentOf(await streamed.text())).toBe('the longer one');

    const embedding = await fetch(`${program.baseUrl}/embeddings`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: '{"model":"m","input":"x"}',
    });
    expect([embedding.status, embedding.headers.get('x-stamp')]).toEqual([200, null]);

    expect((await fetch(`${program.url}/stamp`)).status).toBe(401);
    expect((await fetch(`${program.url}/stamp`, { headers: { authorization: 'Bearer sk-guessed' } })).status).toBe(401);
    const route = await fetch(`${program.url}/stamp`, { headers });
    expect([route.status, await route.json()]).toEqual([200, { ok: true }]);
  });

  test('its options come from the file, and check shows its taps', async () => {
    await using folder = await tempFolder({
      'config.yaml':
        'upstreams: { demo: { provider: demo } }\nplugins: [{ ./stamp.ts: { twice: false, text: "Mind." } }]',
      'stamp.ts': STAMP,
    });
    const { code, stdout } = await cli(['check'], { cwd: folder.path });
    expect(code).toBe(0);
    for (const hook of ['authenticate', 'request', 'upstream']) {
      expect(stdout).toMatch(new RegExp(`${hook} \\(\\w+\\)\\n( {4}.*\\n)*? +stamp`));
    }
    expect(stdout).not.toMatch(/twice/);
    await folder.write(
      'config.yaml',
      'upstreams: { demo: { provider: demo } }\nplugins: [{ ./stamp.ts: { texd: "Mind." } }]',
    );
    expect(await cli(['check'], { cwd: folder.path })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/config\.yaml:2.*texd: unknown key, did you mean 'text'/),
    });
  });
});

describe('what a plugin may do', () => {
  test('a tap on chunk sees and changes each chunk on its way to the client', async () => {
    await using upstream = await scriptedUpstream(events(sseChunks('hel', 'lo')));
    await using program = await startProgram({
      config: `${mainUpstream(upstream)}plugins: [./own.ts]`,
      files: {
        'own.ts': own(`hooks.chunk.tap('own', (chunk) => ({ ...chunk, choices: chunk.choices.map((choice) =>
          ({ ...choice, delta: choice.delta.content ? { ...choice.delta, content: choice.delta.content.toUpperCase() } : choice.delta })) }));`),
      },
    });
    const text = await (await program.chat({ stream: true })).text();
    expect(contentOf(text)).toBe('HELLO');
    expect(text).toMatch(/data: \[DONE\]\n\n$/);
  });

  test('a tap on response replaces the reply, and frees the one it replaces', async () => {
    await using upstream = await scriptedUpstream(({ json: body }) =>
      body['stream'] === true ? events([chatChunk({ content: 'a' }), HANG]) : json(chatCompletion('theirs')),
    );
    await using program = await startProgram({
      config: `${mainUpstream(upstream)}plugins: [./own.ts]`,
      files: {
        'own.ts': own(
          `hooks.response.tap('own', (reply, exchange) => {
             discard(reply);
             exchange.headers.set('x-own', 'yes');
             const completion = { id: 'own', object: 'chat.completion', created: 1, model: 'm', choices: [{ index: 0, message: { role: 'assistant', content: 'mine' }, finish_reason: 'stop', logprobs: null }] };
             return completeReply(Payload.fromValue(completion));
           });`,
          `import { discard } from 'optigate';`,
        ),
      },
    });
    const plain = await program.chat();
    expect([plain.headers.get('x-own'), await textOf(plain)]).toEqual(['yes', ['mine']]);
    expect(contentOf(await (await program.chat({ stream: true })).text())).toBe('mine');
    await upstream.requests[1]?.aborted;
  });

  test('a layer around upstream calls answers with a plain async iterable', async () => {
    await using upstream = await scriptedUpstream([]);
    await using program = await startProgram({
      config: `${mainUpstream(upstream)}plugins: [./own.ts]`,
      files: {
        'own.ts': own(
          `hooks.upstream.tap('own', async (call) => ({ kind: 'stream', status: 200, headers: ['content-type', 'text/event-stream'], body: words(['one ', 'two']) }));`,
          `async function* words(list: string[]) {
             const chunk = (delta: object, finish_reason: string | null) => Buffer.from('data: ' + JSON.stringify({ id: 'own', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason }] }) + '\\n\\n');
             for (const content of list) yield chunk({ role: 'assistant', content }, null);
             yield chunk({}, 'stop');
             yield Buffer.from('data: [DONE]\\n\\n');
           }`,
        ),
      },
    });
    const streamed = await (await program.chat({ stream: true })).text();
    expect(contentOf(streamed)).toBe('one two');
    expect(streamed).toMatch(/data: \[DONE\]\n\n$/);
    // Also where the client wants a plain answer, and where an approach reads it.
    expect(await textOf(await program.chat())).toEqual(['one two']);
  });

  test('a refusal of its own reaches the client as it is; so does a check in /ready', async () => {
    await using upstream = await scriptedUpstream([]);
    await using program = await startProgram({
      config: `${mainUpstream(upstream)}plugins: [./own.ts]`,
      files: {
        'own.ts': own(`hooks.request.tapPromise('own', async () => {
            throw new GatewayError({ status: 451, code: 'own_reason', message: 'Not here.', headers: { 'x-law': 'yes' } });
          });
          checks.add('law', async () => 'down');`),
      },
    });
    const response = await program.chat();
    expect([response.status, response.headers.get('x-law')]).toEqual([451, 'yes']);
    expect(await response.json()).toMatchObject({
      error: { code: 'own_reason', message: 'Not here.', type: 'invalid_request_error' },
    });
    expect(await (await fetch(`${program.url}/ready`)).json()).toMatchObject({ checks: { law: 'down' } });
  });
});
