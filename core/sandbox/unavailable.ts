/** There is no process for the work, and none of it has run. */
export class SandboxUnavailable extends Error {
  override readonly name = 'SandboxUnavailable';
  /**
   * `start`: no process can be started here, so another try fails, too. `busy`: too many runs are waiting right now.
   */
  readonly reason: 'start' | 'busy';

  constructor(reason: SandboxUnavailable['reason'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
