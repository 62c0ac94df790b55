/** There is no process for the work, and none of it has run. */
export class SandboxUnavailable extends Error {
  override readonly name = 'SandboxUnavailable';
  /** `start`: a process does not start here, which lasts. `busy`: too much work waits already, which passes. */
  readonly reason: 'start' | 'busy';

  constructor(reason: SandboxUnavailable['reason'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
