import { expect, test } from 'vitest';
import { Secrets } from '../../../core/transport/secrets.ts';

const KEY = 'sk-proj-Zq8/WvT3k0LmN7xYbC2d';

function struck(text: string, ...keys: readonly string[]): string {
  return new Secrets(keys).inBytes(Buffer.from(text)).toString();
}

test('keys are struck out, also where JSON escapes them', () => {
  const body = Buffer.from(String.raw`{"a":"sk-a/bcd","b":"sk-a\/bcd","c":"né"}`);
  expect(new Secrets(['sk-a/bcd']).inBytes(body).toString()).toBe('{"a":"[redacted]","b":"[redacted]","c":"né"}');
  expect(new Secrets(['other-key', '', undefined]).inBytes(body)).toBe(body);
});

test.each([
  ['letters as \\u escapes', String.raw`\u0073k-proj-\u005Aq8\/WvT3k0LmN7xYbC2d`],
  ['JSON within JSON', String.raw`{\"m\":\"\\u0073k-proj-Zq8\\/WvT3k0LmN7xYbC2d\"}`],
  ['percent-encoded in an address', 'https://x/?key=sk-proj-Zq8%2fWvT3k0LmN7xYbC2d&a=1'],
  ['masked with stars', 'Incorrect API key provided: sk-proj-********************bC2d.'],
  ['masked with dots', 'key sk-proj-...bC2d'],
  ['masked with an ellipsis', 'key sk-proj-Zq8…YbC2d'],
  ['its beginning alone', 'key sk-proj-Zq…'],
  ['masked short', 'key sk-****bC2d'],
  ['cut', 'key sk-proj-Zq8/Wv'],
  ['all but its end', 'key sk-proj-Zq8/WvT3k0LmN7xYXXXX'],
])('a key is struck out of an error: %s', (_, text) => {
  const left = struck(`{"error":{"message":"${text}","code":"c"}}`, KEY);
  expect(left).toContain('[redacted]');
  expect(left).not.toMatch(/bC2d|Zq8/);
  expect(left).toMatch(/"code":"c"/);
});

test('words that only resemble a masked key stay', () => {
  const text = '{"message":"task-...done, sk-*** is no key, use sk-proj keys"}';
  expect(struck(text, KEY)).toBe(text);
});

test('a key longer than any real one is struck out whole, in time linear in the text', () => {
  const long = `sk-${'a1'.repeat(4_000)}`;
  expect(struck(`{"m":"bad key ${long}"}`, long)).toBe('{"m":"bad key [redacted]"}');
  const hostile = '\\'.repeat(400_000) + 'sk-'.repeat(100_000);
  const from = performance.now();
  expect(struck(hostile, KEY)).toBe(hostile);
  expect(performance.now() - from).toBeLessThan(2_000);
});

test('a placeholder for a key is struck out as a word of its own, not inside others', () => {
  const body = String.raw`{"message":"max_tokens: none of k, k-1\nk","param":"max_tokens"}`;
  expect(struck(body, 'k')).toBe(
    String.raw`{"message":"max_tokens: none of [redacted], [redacted]-1\n[redacted]","param":"max_tokens"}`,
  );
  expect(struck(body, 'k.')).toBe(body);
});

test('headers of an answer lose keys, but no words that are placeholders', () => {
  const secrets = new Secrets([KEY, 'none']);
  const headers = ['cache-status', 'none at all', 'x-account', `Bearer ${KEY}`, 'x-masked', 'sk-proj-***bC2d'];
  expect(secrets.inAnswerHeaders(headers)).toEqual([
    'cache-status',
    'none at all',
    'x-account',
    'Bearer [redacted]',
    'x-masked',
    '[redacted]',
  ]);
  const clean = ['content-type', 'application/json'];
  expect(secrets.inAnswerHeaders(clean)).toBe(clean);
});
