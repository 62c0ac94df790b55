import { expect, test } from 'vitest';
import { startGateway } from '../../support/gateway.ts';
import { chatCompletion, HANG, json, scriptedUpstream, type ScriptedRequest } from '../../support/scripted-upstream.ts';

const YAML = 'plugins: [cache, none, bon]';
const [CHOICE] = chatCompletion('x').choices;
const CANDIDATES = json({
  ...chatCompletion(''),
  choices: ['A', 'B', 'C'].map((content, index) => ({ ...CHOICE, index, message: { role: 'assistant', content } })),
});

/** Which candidate a judge is shown. */
function ratedIn({ json: body }: ScriptedRequest): string | undefined {
  return /<answer>\n(\w)/.exec(JSON.stringify(body).replaceAll(String.raw`\n`, '\n'))?.[1];
}

test('an answer that a judge was missing from is not kept: the next try asks that judge again, and nobody else', async () => {
  let isDown = true;
  await using upstream = await scriptedUpstream((request) => {
    if (request.json['n'] === 3) return CANDIDATES;
    const rated = ratedIn(request);
    if (rated === 'C' && isDown) return json({ error: { message: 'overloaded' } }, { status: 503 });
    return json(chatCompletion(`Score: ${rated === 'C' ? 9 : 4}`));
  });
  await using gateway = await startGateway(upstream, { yaml: YAML });
  const ask = async () => {
    const before = upstream.requests.length;
    const response = await gateway.chat({ optillm_approach: 'bon' });
    const { choices } = (await response.json()) as ReturnType<typeof chatCompletion>;
    const { headers } = response;
    return {
      text: choices[0]?.message?.content,
      sent: upstream.requests.length - before,
      cache: headers.get('x-optigate-cache'),
      degraded: headers.get('x-optigate-degraded'),
    };
  };

  expect(await ask()).toMatchObject({ text: 'A', sent: 4, degraded: null });
  isDown = false;
  expect(await ask()).toMatchObject({ text: 'C', sent: 1, degraded: null });
  expect(await ask()).toMatchObject({ text: 'C', sent: 0, cache: 'hit' });
});

test('a judge that can change nothing any more loses its connection, and the answer is kept', async () => {
  await using upstream = await scriptedUpstream((request) => {
    if (request.json['n'] === 3) return CANDIDATES;
    return ratedIn(request) === 'A' ? json(chatCompletion('Score: 10')) : HANG;
  });
  await using gateway = await startGateway(upstream, { yaml: YAML });

  for (const cache of ['miss', 'hit']) {
    const response = await gateway.chat({ optillm_approach: 'bon' });
    const { choices } = (await response.json()) as ReturnType<typeof chatCompletion>;
    expect([choices[0]?.message.content, response.headers.get('x-optigate-cache')]).toEqual(['A', cache]);
  }
  for (const { aborted } of upstream.requests.filter((request) => ['B', 'C'].includes(ratedIn(request) ?? '')))
    await aborted;
});
