/**
 * Finds where events end in the bytes of an event stream. An event ends after an empty line. Lines end with LF, CR or
 * CRLF, and a read may end anywhere, also within a CRLF.
 */

const LF = 0x0a;
const CR = 0x0d;

/**
 * The index after the last empty line in `bytes`, or 0 if there is none. Uses the native search from the end, and looks
 * at each byte once.
 * @param last        The byte before `bytes`. At the start of a stream an LF, since a line begins there, too.
 * @param beforeLast  The byte before `last`.
 */
export function lastBorder(bytes: Buffer, last: number = LF, beforeLast: number = 0): number {
  const { length } = bytes;
  if (length > 1 && bytes[length - 1] === LF && bytes[length - 2] === LF) return length;
  const at = (index: number) => (index >= 0 ? bytes[index] : index === -1 ? last : beforeLast);
  let lineFeed = bytes.lastIndexOf(LF);
  let carriageReturn = bytes.lastIndexOf(CR);
  for (;;) {
    const end = Math.max(lineFeed, carriageReturn);
    if (end < 0) return 0;
    const start = end === lineFeed && at(end - 1) === CR ? end - 1 : end;
    if (isLineEnd(at(start - 1))) return end + 1;
    // To `lastIndexOf`, a start of -1 means the end of the buffer.
    const rest = end === 0 ? -1 : bytes.lastIndexOf(end === lineFeed ? LF : CR, end - 1);
    if (end === lineFeed) lineFeed = rest;
    else carriageReturn = rest;
  }
}

/**
 * The index after each empty line in `bytes`, in order. There an event ends; what follows the last one is incomplete.
 * @param last  The byte before `bytes`. At the start of a stream an LF, since a line begins there, too.
 */
export function eventEnds(bytes: Buffer, last: number = LF): number[] {
  const ends: number[] = [];
  // The LF of a CRLF whose CR came in the read before does not end another line.
  const from = last === CR && bytes[0] === LF ? 1 : 0;
  let lineStart = isLineEnd(last) ? from : -1;
  let lineFeed = bytes.indexOf(LF, from);
  let carriageReturn = bytes.indexOf(CR, from);
  while (lineFeed >= 0 || carriageReturn >= 0) {
    const isCarriageReturn = carriageReturn >= 0 && (lineFeed < 0 || carriageReturn < lineFeed);
    const end = isCarriageReturn ? carriageReturn : lineFeed;
    const next = isCarriageReturn && bytes[end + 1] === LF ? end + 2 : end + 1;
    if (lineStart === end) ends.push(next);
    lineStart = next;
    if (carriageReturn >= 0 && carriageReturn < next) carriageReturn = bytes.indexOf(CR, next);
    if (lineFeed >= 0 && lineFeed < next) lineFeed = bytes.indexOf(LF, next);
  }
  return ends;
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === LF || byte === CR;
}
