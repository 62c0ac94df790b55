import { pino, type Logger } from 'pino';
import { CREDENTIAL_HEADERS } from '../exchange/identity.ts';

/**
 * Fields that are redacted: keys, and the contents of conversations. Listed one by one, because wildcards cost time on
 * every line.
 */
const FIELDS = ['key', 'api_key', 'apiKey', 'authorization', 'upstream_keys', 'messages', 'body', 'request.messages'];
const PLACES = ['headers', 'client.headers', 'req.headers'];
const REDACTED = [...FIELDS, ...PLACES.flatMap((place) => CREDENTIAL_HEADERS.map((name) => `${place}["${name}"]`))];

/** The program's log. */
export interface LogHandle {
  readonly log: Logger;
  /** Writes what is buffered, at once. Never throws. */
  readonly flush: () => void;
}

const BUFFERED_BYTES = 8 * 1024;
const FLUSH_MS = 100;

/** Logs to stdout: JSON lines, buffered for 100 ms at most, or readable lines if it is a terminal. */
export async function createLog(level: string, { isTerminal }: { isTerminal: boolean }): Promise<LogHandle> {
  const options = { level, base: null, redact: { paths: REDACTED, censor: '[redacted]' } };
  if (isTerminal) {
    const { terminalText } = await import('./terminal-text.ts');
    const write = (line: string) => void process.stdout.write(terminalText(line));
    return { log: pino(options, { write }), flush: () => undefined };
  }
  const destination = pino.destination({ dest: 1, sync: false, minLength: BUFFERED_BYTES });
  const flush = () => {
    try {
      destination.flushSync();
    } catch {
      // stdout is not open yet, or is closed.
    }
  };
  // Lines are buffered, since writing one costs as much as making it, and flushed after `FLUSH_MS` at most.
  let isDue = false;
  let isOverdue = false;
  const flushLater = () => {
    isDue = false;
    isOverdue = true;
    destination.flush();
  };
  // While a write is under way, flush() does nothing, and what came meanwhile would stay until the next line.
  destination.on('drain', () => {
    if (!isOverdue) return;
    isOverdue = false;
    destination.flush();
  });
  const write = (line: string) => {
    destination.write(line);
    if (isDue) return;
    isDue = true;
    setTimeout(flushLater, FLUSH_MS).unref();
  };
  return { log: pino(options, { write }), flush };
}
