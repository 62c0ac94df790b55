import { pino } from 'pino';
import type { Logger } from 'pino';
import { CREDENTIAL_HEADERS } from '../exchange/identity.ts';

/** Struck out wherever they would be logged: keys, and what people say. Named one by one, wildcards cost on every line. */
const FIELDS = ['key', 'api_key', 'apiKey', 'authorization', 'upstream_keys', 'messages', 'body', 'request.messages'];
const PLACES = ['headers', 'client.headers', 'req.headers'];
const REDACTED = [...FIELDS, ...PLACES.flatMap((place) => CREDENTIAL_HEADERS.map((name) => `${place}["${name}"]`))];

export interface LogHandle {
  readonly log: Logger;
  /** Writes what is buffered. */
  readonly flush: () => void;
}

const BUFFERED_BYTES = 8 * 1024;
const FLUSH_MS = 100;

/** JSON lines on stdout, buffered while a write is under way; readable lines where stdout is a terminal. */
export async function createLog(level: string, { isTerminal }: { isTerminal: boolean }): Promise<LogHandle> {
  const options = { level, base: null, redact: { paths: REDACTED, censor: '[redacted]' } };
  if (isTerminal) {
    const { default: pretty } = await import('pino-pretty');
    const stream = pretty({ colorize: true, sync: true, translateTime: 'SYS:HH:MM:ss.l' });
    return { log: pino(options, stream), flush: () => undefined };
  }
  const destination = pino.destination({ dest: 1, sync: false, minLength: BUFFERED_BYTES });
  const flush = () => {
    try {
      destination.flushSync();
    } catch {
      // Not open yet, or stdout is closed: nothing to write, nobody to tell.
    }
  };
  // A write per line costs as much as the line; a reader waits at most so long for one.
  let isDue = false;
  const write = (line: string) => {
    destination.write(line);
    if (isDue) return;
    isDue = true;
    const timer = setTimeout(() => {
      isDue = false;
      destination.flush();
    }, FLUSH_MS);
    timer.unref();
  };
  return { log: pino(options, { write }), flush };
}
