/**
 * What the server and a process write to each other: lines of JSON, through the process's standard input and output.
 */

/** The server's question. */
export interface SandboxRequest {
  readonly id: number;
  readonly message: unknown;
}

/** The process's answer. The first one, with the id 0, says that the process is ready. */
export interface SandboxReply {
  /** That of the request. */
  readonly id: number;
  readonly value?: unknown;
}

/** Parses a line from a process; undefined if it is not a reply. */
export function readReply(line: string): SandboxReply | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || !('id' in parsed) || typeof parsed.id !== 'number')
    return undefined;
  return { id: parsed.id, value: 'value' in parsed ? parsed.value : undefined };
}
