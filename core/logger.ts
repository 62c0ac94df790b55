import type { Logger as PinoLogger } from 'pino';

/** pino's logger; the message is a constant, the facts are fields. */
export type Logger = PinoLogger;
