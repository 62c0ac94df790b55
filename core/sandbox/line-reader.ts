const NEWLINE = 0x0a;

/**
 * Cuts bytes into lines, wherever the pipe cut them. Holds an unfinished line without a limit, so its user must set
 * one.
 */
export class LineReader {
  #open: Buffer[] = [];

  /** The lines that end in these bytes. */
  read(bytes: Buffer): readonly string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      lines.push(Buffer.concat([...this.#open, bytes.subarray(start, end)]).toString());
      this.#open = [];
      start = end + 1;
    }
    if (start < bytes.length) this.#open.push(bytes.subarray(start));
    return lines;
  }
}
