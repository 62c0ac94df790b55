/**
 * What each process of a sandbox runs: it loads the entry, and gives it one message after the other. It imports only
 * from its own folder, since a process has no right to read the rest of the server's code.
 *
 * Ends with the server, also in the middle of work that never returns: a thread of its own watches for that.
 */
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { SandboxEntry } from './entry.ts';
import { LineReader } from './line-reader.ts';
import type { SandboxReply, SandboxRequest } from './protocol.ts';

const [entryFile = '', ...args] = process.argv.slice(2);
await serve(entryFile, args);

async function serve(entryFile: string, args: readonly string[]): Promise<void> {
  // The server ends its processes itself, after the requests that need them. A terminal and a service manager send
  // these signals to all processes at once.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => undefined);
  const isWatched = watchServer();

  const { default: start } = (await import(pathToFileURL(entryFile).href)) as { default: SandboxEntry };
  const answer = await start(args);
  await isWatched;

  const lines = new LineReader();
  const onLine = async (line: string) => {
    const { id, message } = JSON.parse(line) as SandboxRequest;
    write({ id, value: await answer(message) });
  };
  process.stdin.on('data', (bytes) => {
    // If the entry throws, the rejection ends the process.
    for (const line of lines.read(bytes)) void onLine(line);
  });
  write({ id: 0 });
}

/** The work may have printed half a line, so a reply begins with a new one. */
function write(reply: SandboxReply): void {
  process.stdout.write(`\n${JSON.stringify(reply)}\n`);
}

/** Resolves when the watch has begun. */
async function watchServer(): Promise<void> {
  // The pipe closes with the server.
  process.stdin.on('end', () => process.exit()).resume();
  // While the work keeps the main thread busy, only another thread can notice that the parent has changed.
  const watch = `
    setInterval(() => { if (process.ppid !== ${process.ppid}) process.kill(process.pid, 'SIGKILL'); }, 250);`;
  const thread = new Worker(watch, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 8 } });
  thread.unref();
  await once(thread, 'online');
}
