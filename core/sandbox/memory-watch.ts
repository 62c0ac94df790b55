import { readFile } from 'node:fs/promises';
import type { Clock } from '../clock.ts';

const EVERY_MS = 100;

interface MemoryWatch {
  readonly pid: number | undefined;
  readonly maxMb: number;
  readonly clock: Clock;
}

/**
 * Calls `onExceeded` once if the process takes more than `maxMb`. Returns a function that ends the watch. Linux only.
 */
export function watchMemory({ pid, maxMb, clock }: MemoryWatch, onExceeded: () => void): () => void {
  if (process.platform !== 'linux' || pid === undefined) return () => undefined;
  let isWatching = true;
  let cancel: () => void = () => undefined;
  const wait = () => {
    cancel = clock.setTimeout(() => void look(), EVERY_MS);
  };
  const look = async () => {
    const mb = await residentMb(pid);
    if (!isWatching) return;
    if (mb > maxMb) onExceeded();
    else wait();
  };
  wait();
  return () => {
    isWatching = false;
    cancel();
  };
}

/** What a process holds in memory now; 0 if it is gone. */
async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1_024;
}
