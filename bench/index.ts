/**
 * What does optigate cost, compared with the least that a proxy can do? Prints one row per figure, with its budget.
 *
 *   npm run bench                       all rows, as a table
 *   npm run bench -- --only cache       questions by name or part of a name: plain stream cache-memory cache-redis
 *                                       memory start approaches accuracy
 *   npm run bench -- --seconds 5        longer rounds (default 2), --rounds 9 more of them (default 5)
 *   npm run bench -- --json             for programs
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { Row } from './measure.ts';
import { accuracy } from './rows/accuracy.ts';
import { approachRounds } from './rows/approach-rounds.ts';
import { cacheHitInMemory, cacheHitInRedis } from './rows/cache-hit.ts';
import { openStreams } from './rows/open-streams.ts';
import { plainCall } from './rows/plain-call.ts';
import { start } from './rows/start.ts';
import { streamChunk } from './rows/stream-chunk.ts';
import { setStage, type Question } from './stage.ts';
import { toTable, verdict } from './table.ts';

const QUESTIONS: readonly Question[] = [
  plainCall,
  streamChunk,
  cacheHitInMemory,
  cacheHitInRedis,
  openStreams,
  start,
  approachRounds,
  accuracy,
];

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
  },
});

const names = QUESTIONS.map(({ name }) => name);
/** A whole name selects that question; a part of a name selects all that contain it. */
const isSelected = (name: string, part: string) => (names.includes(part) ? name === part : name.includes(part));
const asked = QUESTIONS.filter(
  ({ name }) => flags.only.length === 0 || flags.only.some((part) => isSelected(name, part)),
);
const [seconds, rounds] = [Number(flags.seconds), Number(flags.rounds)];
if (asked.length === 0 || !(seconds > 0) || !(rounds >= 1)) {
  console.error(`--only takes part of ${names.join(', ')}; --seconds and --rounds take numbers`);
  process.exit(2);
}

// `process.exit` also ends the programs that were started (see `tie`); the default ending by a signal would not.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const stage = await setStage(seconds, rounds);
const rows: Row[] = [];
const failures: string[] = [];
for (const question of asked) {
  // On stderr, so that stdout holds nothing but the table or the JSON.
  console.error(question.title);
  try {
    rows.push(...(await question.ask(stage)));
  } catch (error) {
    failures.push(`${question.name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
await stage.stop();

const machine = { node: process.version, platform: `${process.platform} ${process.arch}`, cores: cpus().length };
if (flags.json)
  console.log(JSON.stringify({ machine, seconds, rounds, rows: rows.map(withVerdict), failures }, null, 2));
else {
  console.log(
    `\nNode ${machine.node}, ${machine.platform}, ${machine.cores} cores; medians (min–max) of ${rounds} rounds of ${seconds} s`,
  );
  console.log(`bare = node:http + undici alone; a ratio is optigate / bare in the same run\n`);
  console.log(toTable(rows));
  for (const failure of failures) console.log(`\nnot measured: ${failure}`);
}
process.exitCode = failures.length > 0 ? 1 : 0;

function withVerdict(row: Row) {
  return { ...row, verdict: verdict(row) };
}
