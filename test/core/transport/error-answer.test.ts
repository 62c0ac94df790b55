import { expect, test } from 'vitest';
import { strikeOut } from '../../../core/transport/error-answer.ts';

test('keys are struck out, also where JSON escapes them', () => {
  const body = Buffer.from(String.raw`{"a":"sk-a/b","b":"sk-a\/b","c":"né"}`);
  expect(strikeOut(body, ['sk-a/b']).toString()).toBe('{"a":"[redacted]","b":"[redacted]","c":"né"}');
  expect(strikeOut(body, ['other', ''])).toBe(body);
});

test('a placeholder for a key is struck out as a word of its own, not inside others', () => {
  const body = Buffer.from(String.raw`{"message":"max_tokens: none of k, k-1\nk","param":"max_tokens"}`);
  expect(strikeOut(body, ['k']).toString()).toBe(
    String.raw`{"message":"max_tokens: none of [redacted], [redacted]-1\n[redacted]","param":"max_tokens"}`,
  );
  expect(strikeOut(body, ['k.']).toString()).toBe(body.toString());
});
