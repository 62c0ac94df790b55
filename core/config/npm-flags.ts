/** The options of `optigate serve` that npm would keep for itself if they stand before its `--`. */
const FLAGS = ['config', 'host', 'port', 'workers', 'log-level', 'approach'] as const;

/**
 * Under `npm start --port 9000` npm takes the option for one of its own and passes only `9000` on, or nothing. The
 * message that says so; undefined if npm took none.
 */
export function takenByNpm(args: readonly string[], env = process.env): string | undefined {
  if (env['npm_lifecycle_event'] !== 'start') return undefined;
  const taken = FLAGS.filter((flag) => env[`npm_config_${flag.replaceAll('-', '_')}`] !== undefined);
  const [flag] = taken;
  if (flag === undefined) return undefined;
  const value = env[`npm_config_${flag.replaceAll('-', '_')}`];
  const given = value === 'true' || value === undefined ? (args[0] ?? '…') : value;
  return `npm took --${flag} for an option of its own. Write: npm start -- --${flag} ${given}`;
}
