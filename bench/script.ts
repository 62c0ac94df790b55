/** What the bench and its upstream both have to know. */

/** The models of the scripted upstream. The name decides how it answers; see `upstream.ts`. */
export const MODELS = {
  plain: 'bench-plain',
  stream: 'bench-stream',
  open: 'bench-open',
  delay: 'bench-delay',
} as const;

/** How many chunks a stream of `MODELS.stream` has. */
export const CHUNKS_PER_STREAM = 100;
/** How long `MODELS.delay` takes for an answer. */
export const DELAY_MS = 100;

const PATH = '/v1/chat/completions';
/** The access key that the measured program asks for. */
export const ACCESS_KEY = 'bench-access-key';
/** Where all requests go, with the access key. */
export const TARGET = { path: PATH, headers: ['authorization', `Bearer ${ACCESS_KEY}`] } as const;

/**
 * A chat request of about `bytes` bytes.
 * @param mark  Becomes part of its text. `#######` is replaced by a number, see `Job.body`.
 */
export function requestBody(model: string, bytes: number, more: object = {}, mark = ''): string {
  const body = (content: string) => JSON.stringify({ model, messages: [{ role: 'user', content }], ...more });
  const text = `Question ${mark} `;
  return body(text + 'lorem ipsum '.repeat(Math.ceil(bytes / 12)).slice(0, Math.max(0, bytes - body(text).length)));
}
