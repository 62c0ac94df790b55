import { join } from 'node:path';

/** Makes the command that starts a process of a sandbox. It need not be Node: Deno runs the same modules. */
export type SandboxRuntime = (launch: SandboxLaunch) => { readonly command: string; readonly args: readonly string[] };

/** What a runtime starts. */
export interface SandboxLaunch {
  /** The module to run. It loads the entry, answers the server, and ends when the server does. */
  readonly file: string;
  /** For the module: the path of the entry, and the entry's own arguments. */
  readonly args: readonly string[];
  /** All that the process may read. It may write nothing, and start no other process. */
  readonly readableFolders: readonly string[];
  readonly memoryMb: number;
}

/**
 * Node with its permission model, which denies all files but the readable folders, other processes and native addons.
 * The model has gaps: it leaves the network open, and a new thread may be given more rights. So an entry runs the work
 * inside of an interpreter, such as one in WebAssembly, and gives it no function of Node.
 */
export const nodeRuntime: SandboxRuntime = ({ file, args, readableFolders, memoryMb }) => ({
  command: process.execPath,
  args: [
    '--permission',
    // A thread watches for the end of the server.
    '--allow-worker',
    // With a slash at its end a path stands for all that is in the folder.
    ...readableFolders.map((folder) => `--allow-fs-read=${join(folder, '/')}`),
    `--max-old-space-size=${memoryMb}`,
    file,
    ...args,
  ],
});
