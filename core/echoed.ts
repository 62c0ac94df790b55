/** Text of a client, as it is quoted in errors, headers and logs. */

const LONGEST_WORD = 64;
const LONGEST_LINE = 512;
/** Words are separated by blanks and slashes, so that paths and long model names stay readable. */
const LONG_WORDS = new RegExp(String.raw`[^\s/]{${LONGEST_WORD + 1},}`, 'g');

/** How long a sentence of ours may become that quotes several such texts. */
export const LONGEST_MESSAGE = 2_048;

/** The text with its words cut to 64 characters and its length to `longest`, 512 by default. `…` marks each cut. */
export function echoed(text: string, longest = LONGEST_LINE): string {
  if (text.length <= LONGEST_WORD) return text;
  // A word that begins later could show only if those before it were cut: so far back the end may be cut off unseen.
  const start = text.slice(0, longest * LONGEST_WORD);
  const words = start.replaceAll(LONG_WORDS, (word) => cut(word, LONGEST_WORD));
  return cut(start.length < text.length ? `${words}…` : words, longest);
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
