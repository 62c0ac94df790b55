/** The plugins under examples/, as a user lists them: by path, in the real pipeline. */
import { expect, test } from 'vitest';
import { startGateway } from './support/gateway.ts';
import {
  chatChunk,
  chatCompletion,
  events,
  json,
  scriptedUpstream,
  type ScriptedUpstream,
} from './support/scripted-upstream.ts';

const HOUSE_STYLE = 'plugins:\n  - ./examples/house-style.ts: { rules: "Be brief." }\n';
const SYSTEM = { role: 'system', content: 'Be brief.' };
const USER = { role: 'user', content: 'Hello' };

test('house-style appends its rules to the system text of requests that ask for it', async () => {
  await using upstream = await scriptedUpstream(json(chatCompletion('hi')));
  await using gateway = await startGateway(upstream, { yaml: HOUSE_STYLE });

  await gateway.chat();
  await gateway.chat({ model: 'house_style-test-model' });
  await gateway.chat({ optillm_approach: 'house_style', optigate: { house_style: { rules: 'Rhyme.' } } });

  expect(chats(upstream).map(({ messages }) => messages)).toEqual([
    [USER],
    [SYSTEM, USER],
    [{ ...SYSTEM, content: 'Rhyme.' }, USER],
  ]);
});

test('house-style extends a system message that is there, parts and all', async () => {
  // Not a static import: `optigate` in it means this program once the loader (behind startGateway) is there.
  const { withSystemText } = await import('../examples/house-style.ts');
  const parts = [{ type: 'text', text: 'Yes.' }];
  expect(withSystemText([{ role: 'developer', content: 'Yes.' }, USER], 'No.')).toEqual([
    { role: 'developer', content: 'Yes.\n\nNo.' },
    USER,
  ]);
  expect(withSystemText([{ role: 'system', content: parts }], 'No.')).toEqual([
    { role: 'system', content: [...parts, { type: 'text', text: 'No.' }] },
  ]);
});

test('options of a plugin that is not built in are no fields of the body: one of that name goes upstream', async () => {
  await using upstream = await scriptedUpstream(json(chatCompletion('hi')));
  await using gateway = await startGateway(upstream, { yaml: HOUSE_STYLE });

  await gateway.chat({ model: 'house_style-test-model', rules: 'those of somebody else' });

  expect(chats(upstream)[0]).toMatchObject({ rules: 'those of somebody else', messages: [SYSTEM, USER] });
});

test('house-style refuses a request whose rules are no text, and names the field', async () => {
  await using upstream = await scriptedUpstream([]);
  await using gateway = await startGateway(upstream, { yaml: HOUSE_STYLE });

  const response = await gateway.chat({ model: 'house_style-test-model', optigate: { house_style: { rules: 3 } } });

  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { param: 'optigate.house_style.rules' } });
});

test.each([
  ['test-model', 'hi', 'hi'],
  ['re2&bon-test-model', 'Score: 7', 'Score: 7'],
])('footer is appended to whole answers and to streams, once (%s)', async (model, said, answer) => {
  await using upstream = await scriptedUpstream((request) => {
    if (request.method === 'GET') return json({ object: 'list', data: [] });
    if (request.json['stream'] !== true) return json(chatCompletion(said));
    return events([chatChunk({ role: 'assistant', content: said }), chatChunk({}, 'stop'), 'data: [DONE]\n\n']);
  });
  const yaml = 'plugins:\n  - re2\n  - bon\n  - ./examples/footer.ts: { text: "End." }\n';
  await using gateway = await startGateway(upstream, { yaml });

  const whole = (await (await gateway.chat({ model })).json()) as ReturnType<typeof chatCompletion>;
  expect(whole.choices[0]?.message.content).toBe(`${answer}\n\nEnd.`);

  const text = await (await gateway.chat({ model, stream: true, optigate: { progress: false } })).text();
  const pieces = text.split('\n\n').flatMap((event) => {
    if (!event.startsWith('data: {')) return [];
    const { choices } = JSON.parse(event.slice(6)) as { choices: { delta: { content?: string } }[] };
    return choices.map(({ delta }) => delta.content ?? '');
  });
  expect(pieces.join('')).toBe(`${answer}\n\nEnd.`);
});

test('slow-call-log counts and logs the calls that took longer than its limit', async () => {
  await using upstream = await scriptedUpstream(json(chatCompletion('hi')));
  const lines: Record<string, unknown>[] = [];
  await using gateway = await startGateway(upstream, {
    yaml: 'plugins:\n  - ./examples/slow-call-log.ts: { slower_than: 0, header: x-slow-calls }\n',
    // Each look at the clock is a second later than the one before.
    clock: tickingClock(),
    log: (line) => lines.push(line),
  });

  const response = await gateway.chat();

  expect(response.headers.get('x-slow-calls')).toBe('1');
  expect(lines.find(({ msg }) => msg === 'slow upstream call')).toMatchObject({ upstream: 'main', role: 'answer' });
});

test('slow-call-log says nothing of calls within its limit', async () => {
  await using upstream = await scriptedUpstream(json(chatCompletion('hi')));
  const lines: Record<string, unknown>[] = [];
  await using gateway = await startGateway(upstream, {
    yaml: 'plugins:\n  - ./examples/slow-call-log.ts: { slower_than: 1h, header: x-slow-calls }\n',
    log: (line) => lines.push(line),
  });

  const response = await gateway.chat();

  expect(response.headers.get('x-slow-calls')).toBe('0');
  expect(lines.filter(({ msg }) => msg === 'slow upstream call')).toEqual([]);
});

/** Bodies of the chat calls; names that begin like an approach also have the list of models asked for. */
function chats({ requests }: ScriptedUpstream) {
  return requests.filter(({ path }) => path === '/v1/chat/completions').map((request) => request.json);
}

function tickingClock() {
  let now = 0;
  return { now: () => (now += 1_000), setTimeout: () => () => undefined };
}
