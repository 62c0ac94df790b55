/** What an exchange may spend; the lower of the server's limits and the request's. Absent = unlimited. */
export interface Budget {
  /** Requests sent upstream, retries apart. */
  readonly maxCalls?: number;
  /** Completion tokens over all calls. */
  readonly maxTokens?: number;
  /** Milliseconds from arrival. */
  readonly deadlineMs?: number;
}
