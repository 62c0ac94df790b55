/** An entry for tests of the sandbox: it does what it is asked to, which is mostly what it should not. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { SandboxAnswerer } from '../../../core/index.ts';

export type Deed =
  | { readonly kind: 'echo'; readonly value: unknown }
  | {
      readonly kind:
        | 'environment'
        | 'args'
        | 'count'
        | 'loop'
        | 'hoard heap'
        | 'hoard buffers'
        | 'throw'
        | 'start a process';
    }
  | { readonly kind: 'print' | 'print later'; readonly text: string }
  | { readonly kind: 'answer'; readonly bytes: number }
  | { readonly kind: 'exit'; readonly status: number }
  | { readonly kind: 'read' | 'write'; readonly path: string };

export default function start(args: readonly string[]): SandboxAnswerer {
  if (args.includes('fail')) throw new Error('this entry does not start');
  let count = 0;
  return (message) => {
    count++;
    // Only the tests ask.
    const deed = message as Deed;
    switch (deed.kind) {
      case 'echo':
        return deed.value;
      case 'environment':
        return process.env;
      case 'args':
        return args;
      case 'count':
        return count;
      case 'loop':
        for (;;);
      case 'hoard heap':
        for (const hoard: unknown[] = []; ;) hoard.push(Array.from({ length: 10_000 }, Math.random));
      case 'hoard buffers':
        for (const hoard: Buffer[] = []; ;) hoard.push(Buffer.alloc(4_000_000, 1));
      case 'throw':
        throw new Error('of no use any more');
      case 'print':
        process.stdout.write(deed.text);
        return 'printed';
      case 'print later':
        setImmediate(() => process.stdout.write(deed.text));
        return 'printing';
      case 'answer':
        return 'x'.repeat(deed.bytes);
      case 'exit':
        return process.exit(deed.status);
      case 'read':
        return codeOf(() => readFileSync(deed.path));
      case 'write':
        return codeOf(() => writeFileSync(deed.path, 'written'));
      case 'start a process':
        return codeOf(() => spawnSync(process.execPath, ['--version']));
    }
  };
}

/** The code of the error; null if there is none. */
function codeOf(deed: () => unknown): unknown {
  try {
    deed();
    return null;
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : String(error);
  }
}
