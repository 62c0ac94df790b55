/**
 * The mark of progress. Clients send back what they got as reasoning, and upstreams may refuse that or take it for the
 * model's own: by its mark progress is known and removed. It is plain text, so that it survives clients that join,
 * trim or store the texts.
 */
const MARK = '[optigate] ';
const MARK_BYTES = Buffer.from(MARK);

/** A text of progress as it is sent: one marked line. */
export function markedProgress(text: string): string {
  return `${MARK}${text.replaceAll(/[\r\n]+/g, ' ')}\n`;
}

/** Can these bytes of a request hold progress? */
export function mayHoldProgress(bytes: Buffer): boolean {
  return bytes.includes(MARK_BYTES);
}

/** The text without progress: each mark is removed with the rest of its line. Everything else stays as it is. */
export function withoutProgress(text: string): string {
  let start = text.indexOf(MARK);
  if (start < 0) return text;
  const kept: string[] = [];
  let from = 0;
  while (start >= 0) {
    kept.push(text.slice(from, start));
    const end = text.indexOf('\n', start);
    from = end < 0 ? text.length : end + 1;
    start = text.indexOf(MARK, from);
  }
  kept.push(text.slice(from));
  return kept.join('');
}
