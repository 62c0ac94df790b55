/**
 * How many lines of `core/` and `plugins/` the tests run: `npm run coverage`. Prints a line per room, and the total last;
 * coverage/uncovered.txt names the lines that no test runs. Node itself writes down what each process ran, the programs
 * that tests start included: `NODE_V8_COVERAGE=coverage/v8 npm test`. This script adds it up: `npm run coverage:report`.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CoverageReport, type CoverageFile, type V8CoverageEntry } from 'monocart-coverage-reports';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OUT = join(ROOT, 'coverage');
const FOLDERS = ['core', 'plugins'];
const CODE = /\.[jt]s$/;

interface Lines {
  covered: number;
  total: number;
}

const report = new CoverageReport({
  outputDir: OUT,
  baseDir: ROOT,
  reports: ['lcovonly'],
  clean: false,
  cleanCache: true,
  logging: 'error',
  // What no test loads has no line covered.
  all: {
    dir: FOLDERS.map((folder) => join(ROOT, folder)),
    filter: (path) => CODE.test(path) && 'js',
    transformer: (entry: V8CoverageEntry) => Promise.resolve(void (entry.source = sourceOf(entry.url ?? ''))),
  },
});

const raw = join(OUT, 'v8');
for (const name of readdirSync(raw)) {
  const { result } = JSON.parse(readFileSync(join(raw, name), 'utf8')) as { result: V8CoverageEntry[] };
  const ours = result.filter(({ url }) => isOurs(url));
  if (ours.length > 0) await report.add(ours.map((entry) => ({ ...entry, source: sourceOf(entry.url) })));
}
const files = (await report.generate())?.files ?? [];

const byRoom = Map.groupBy(files, ({ url = '' }) => roomOf(pathOf(url)));
const rows = [...byRoom].map(([room, inIt]) => [room, sumOf(inIt)] as const).toSorted(([a], [b]) => (a < b ? -1 : 1));
for (const [room, lines] of [...rows, ['total', sumOf(files)] as const]) {
  const share = `${percentage(lines)} %`;
  process.stdout.write(`${room.padEnd(20)} ${share.padStart(8)}  ${lines.covered} of ${lines.total} lines\n`);
}
const uncovered = files.flatMap((file) => {
  const ranges = rangesOf(file);
  return ranges.length > 0 ? [`${pathOf(file.url ?? '')}: ${ranges.join(', ')}\n`] : [];
});
writeFileSync(join(OUT, 'uncovered.txt'), uncovered.toSorted().join(''));

function isOurs(url: string): boolean {
  return url.startsWith('file:') && CODE.test(url) && FOLDERS.some((folder) => pathOf(url).startsWith(`${folder}/`));
}

function pathOf(url: string): string {
  return relative(ROOT, fileURLToPath(url));
}

/** The code as Node ran it: types are blanks there, so that every line has the number it has in the file. */
function sourceOf(url: string): string {
  return stripTypeScriptTypes(readFileSync(fileURLToPath(url), 'utf8'));
}

/** `core/wire` of `core/wire/chat/chat.ts`; `core` of `core/hooks.ts`. */
function roomOf(path: string): string {
  return path.split('/').slice(0, -1).slice(0, 2).join('/');
}

/** Lines with code on them: no comments, no types. A line of which a part ran is covered. */
function sumOf(inIt: readonly CoverageFile[]): Lines {
  const hits = inIt.flatMap(({ data }) => Object.values(data?.lines ?? {}));
  return { covered: hits.filter((count) => count !== 0).length, total: hits.length };
}

function percentage({ covered, total }: Lines): string {
  return ((100 * covered) / Math.max(total, 1)).toFixed(1);
}

/** `12`, `20-24`: lines that no test runs. */
function rangesOf({ data }: CoverageFile): string[] {
  const missed = Object.entries(data?.lines ?? {}).flatMap(([line, hits]) => (hits === 0 ? [Number(line)] : []));
  const ranges: [number, number][] = [];
  for (const line of missed) {
    const last = ranges.at(-1);
    if (last?.[1] === line - 1) last[1] = line;
    else ranges.push([line, line]);
  }
  return ranges.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`));
}
