/**
 * The default export of a module that a sandbox runs. It is called once, and the process is ready when it has returned.
 * @param args  Those of the sandbox's settings.
 */
export type SandboxEntry = (args: readonly string[]) => SandboxAnswerer | Promise<SandboxAnswerer>;

/**
 * Answers one message; both are JSON values. It may take all the time of the process, which is killed when the limit is
 * reached. It throws if the process is of no use any more: then the process ends, and the server reads `crash`.
 */
export type SandboxAnswerer = (message: unknown) => unknown;
