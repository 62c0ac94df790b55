/** A real model server (llama.cpp), where the machine has one: `../shared/models/serve.sh PORT`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, vi } from 'vitest';
import { freePort } from './free-port.ts';

const SERVE = fileURLToPath(new URL('../../../shared/models/serve.sh', import.meta.url));
export const MODEL = 'smollm2-135m';
export const hasModel = existsSync(SERVE);

/** How many of the server's slots are at work. */
export async function busySlots(url: string): Promise<number> {
  const slots = (await (await fetch(`${url}/slots`)).json()) as { is_processing: boolean }[];
  return slots.filter(({ is_processing }) => is_processing).length;
}

export async function startModel() {
  const port = await freePort();
  // A group of its own, so that what the script starts ends with it.
  // One thread: several, which wait for each other, are far slower beside other tests.
  const child = spawn('bash', [SERVE, String(port), '1'], { detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-4_000)));
  const exited = once(child, 'exit');
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    if (child.exitCode !== null || child.pid === undefined) return;
    process.kill(-child.pid, 'SIGKILL');
    await exited;
  };
  const isUp = async () => {
    if (child.exitCode !== null) throw new Error(`${SERVE} ended: ${stderr}`);
    return (await fetch(`${url}/health`).catch(() => undefined))?.ok ?? false;
  };
  try {
    await vi.waitFor(async () => expect(await isUp()).toBe(true), { timeout: 110_000, interval: 200 });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop };
}
