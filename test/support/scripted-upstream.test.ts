import { expect, test } from 'vitest';
import {
  chatCompletion,
  CUT,
  events,
  HANG,
  hold,
  json,
  rules,
  scriptedUpstream,
  sseChunks,
} from './scripted-upstream.ts';

test('plays its list in order and records exact bytes', async () => {
  await using upstream = await scriptedUpstream([json(chatCompletion('hi')), events(sseChunks('a', 'b'))]);
  const first = await fetch(`${upstream.baseUrl}/chat/completions`, { method: 'POST', body: '{"seed":1.0}' });
  expect(await first.json()).toMatchObject({ choices: [{ message: { content: 'hi' } }] });
  const second = await fetch(`${upstream.baseUrl}/chat/completions`, { method: 'POST', body: '{}' });
  expect(await second.text()).toBe(sseChunks('a', 'b').join(''));
  expect(upstream.requests.map(({ path, body }) => [path, body.toString()])).toEqual([
    ['/v1/chat/completions', '{"seed":1.0}'],
    ['/v1/chat/completions', '{}'],
  ]);
});

test('one request too many gets a 599 and fails the test at its end', async () => {
  const upstream = await scriptedUpstream([]);
  expect((await fetch(upstream.url)).status).toBe(599);
  await expect(upstream.close()).rejects.toThrow('GET /');
});

test('cuts, ends without framing, holds, and notices a client that leaves', async () => {
  const held = hold();
  await using upstream = await scriptedUpstream(
    rules([
      { path: '/cut', reply: events(['abc', CUT]) },
      { path: '/k', reply: json('{"a":1}', { cutAfter: 3 }) },
      { path: '/held', reply: json({}, { after: held.promise }) },
      { path: '/hang', reply: HANG },
      { path: '/unframed', reply: events(['abc'], { isUnframed: true }) },
    ]),
  );
  await expect(fetch(`${upstream.url}/cut`).then((response) => response.text())).rejects.toBeInstanceOf(Error);
  await expect(fetch(`${upstream.url}/k`).then((response) => response.text())).rejects.toBeInstanceOf(Error);
  const waiting = fetch(`${upstream.url}/held`);
  await upstream.request(2);
  expect(upstream.running).toBe(1);
  held.release();
  expect((await waiting).status).toBe(200);
  const abort = new AbortController();
  const hanging = fetch(`${upstream.url}/hang`, { signal: abort.signal });
  const request = await upstream.request(3);
  abort.abort();
  await expect(hanging).rejects.toBeInstanceOf(Error);
  await request.aborted;
  expect(request.isAborted).toBe(true);
  const unframed = await fetch(`${upstream.url}/unframed`);
  expect([...unframed.headers.keys()]).not.toContain('transfer-encoding');
  expect(await unframed.text()).toBe('abc');
});
