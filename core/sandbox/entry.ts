/**
 * The default export of a module that a sandbox runs. It is called once, and the process is ready when it has returned.
 * @param args  The `args` of the sandbox's settings.
 */
export type SandboxEntry = (args: readonly string[]) => SandboxAnswerer | Promise<SandboxAnswerer>;

/**
 * Answers one message; both are JSON values. It may run for ever, since the process is killed when its time is over. It
 * throws if the process can no longer be used: then the process ends, and the server gets `crash` as its answer.
 */
export type SandboxAnswerer = (message: unknown) => unknown;
