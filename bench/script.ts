/** What the bench and its upstream have agreed on. */

/** A model's name decides how the upstream answers. */
export const MODELS = {
  plain: 'bench-plain',
  stream: 'bench-stream',
  open: 'bench-open',
  delay: 'bench-delay',
} as const;

export const CHUNKS_PER_STREAM = 100;
export const DELAY_MS = 100;

const PATH = '/v1/chat/completions';
/** The access key that the benched program asks for. */
export const ACCESS_KEY = 'bench-access-key';
export const TARGET = { path: PATH, headers: ['authorization', `Bearer ${ACCESS_KEY}`] } as const;

/** A chat request of about `bytes`. `mark` goes into its text, `#######` for a number that the load generator fills in. */
export function requestBody(model: string, bytes: number, more: object = {}, mark = ''): string {
  const body = (content: string) => JSON.stringify({ model, messages: [{ role: 'user', content }], ...more });
  const text = `Question ${mark} `;
  return body(text + 'lorem ipsum '.repeat(Math.ceil(bytes / 12)).slice(0, Math.max(0, bytes - body(text).length)));
}
