/** The CPU time and memory of a process and its descendants, as the system counts them. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const isLinux = process.platform === 'linux';
/** Linux counts CPU time in hundredths of a second (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** User and system time so far, in microseconds. On other systems than Linux, of the process alone. */
export function cpuMicros(pid: number): number {
  if (!isLinux) return seconds(ps(pid, 'time')) * 1e6;
  return treeOf(pid).reduce((sum, each) => sum + cpuOf(each), 0);
}

/** Resident memory now, in megabytes (10⁶ bytes). On other systems than Linux, of the process alone. */
export function residentMb(pid: number): number {
  if (!isLinux) return (Number(ps(pid, 'rss')) * 1024) / 1e6;
  return treeOf(pid).reduce((sum, each) => sum + residentOf(each), 0) / 1e6;
}

function cpuOf(pid: number): number {
  const fields = read(`/proc/${pid}/stat`).split(') ')[1]?.split(' ') ?? [];
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1e6;
}

function residentOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024;
}

/** The process and all its descendants. */
function treeOf(root: number): number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), parent: parentOf(name) }));
  const tree = [root];
  for (const pid of tree) tree.push(...parents.filter(({ parent }) => parent === pid).map((child) => child.pid));
  return tree;
}

function parentOf(pid: string): number | undefined {
  try {
    return Number(read(`/proc/${pid}/stat`).split(') ')[1]?.split(' ')[1]);
  } catch {
    return undefined; // The process has ended meanwhile.
  }
}

function read(path: string): string {
  return readFileSync(path, 'utf8').trim();
}

function ps(pid: number, field: string): string {
  return execFileSync('ps', ['-o', `${field}=`, '-p', String(pid)], { encoding: 'utf8' }).trim();
}

/** `1:02.50` → 62.5. */
function seconds(clock: string): number {
  return clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}
