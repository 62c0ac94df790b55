/**
 * Where events end in the bytes of an event stream: after an empty line, whose ends may be LF, CR or CRLF, and may lie in
 * different reads.
 */
const LF = 0x0a;
const CR = 0x0d;

/**
 * One past the last empty line in `bytes`, or 0. Searched from the end, natively, each byte once.
 * @param last        The byte before `bytes`; at the start of a stream as if a line had ended.
 * @param beforeLast  The one before that.
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
    // A start of -1 would mean the end of the buffer.
    const rest = end === 0 ? -1 : bytes.lastIndexOf(end === lineFeed ? LF : CR, end - 1);
    if (end === lineFeed) lineFeed = rest;
    else carriageReturn = rest;
  }
}

/** One past each empty line in `bytes`, in order: where each event ends. What follows the last one is no whole event. */
export function eventEnds(bytes: Buffer, last: number = LF): number[] {
  const ends: number[] = [];
  // The rest of a CRLF that was cut in two ends no line of its own.
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
