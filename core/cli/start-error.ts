import { blame } from '../config/blame.ts';
import type { Config } from '../config/config.ts';
import { GatewayError } from '../errors.ts';

/**
 * The error of a start that failed though the configuration was checked: names the file, the key and the reason. Reads
 * the key off the beginning of the message, such as `upstreams.groq.provider: …`.
 */
export function explainStart(error: unknown, config: Config): unknown {
  if (!(error instanceof Error)) return error;
  const { host, port } = config.server;
  const code = 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return blame(config, ['server', 'port'], `${host}:${port} is in use by another program`, error);
    case 'EACCES':
      return blame(config, ['server', 'port'], `${host}:${port} may not be used, ports below 1024 need rights`, error);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return blame(config, ['server', 'host'], `'${host}' is no address of this machine`, error);
    default:
      break;
  }
  if (error instanceof GatewayError && error.param !== null) return blame(config, [error.param], error.message, error);
  const [whole, path] = /^((?:server|upstreams|approach)[\w.-]*): /.exec(error.message) ?? [];
  if (whole !== undefined && path !== undefined)
    return blame(config, path.split('.'), error.message.slice(whole.length), error);
  return blame(config, [], error.message, error);
}
