import type { Row, Spread } from './measure.ts';

/** The rows as a table for a terminal, with the verdict on each figure. */
export function toTable(rows: readonly Row[]): string {
  const head = ['', 'bare', 'optigate', 'unit', 'figure', 'budget', 'stretch', ''];
  const cells = rows.map((row) => [
    row.name,
    spread(row.bare),
    spread(row.optigate),
    row.unit,
    row.figure === undefined ? '–' : figure(row.figure, row.figureUnit),
    figure(row.budget, row.figureUnit),
    figure(row.stretch, row.figureUnit),
    [verdict(row), row.note].filter(Boolean).join('; '),
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...cells].map((line) => (line[column] ?? '').length)));
  const write = (line: readonly string[]) =>
    line
      .map((cell, column) => (column === 0 || column === 7 ? left(cell, widths[column]) : right(cell, widths[column])))
      .join('  ')
      .trimEnd();
  return [write(head), write(widths.map((width) => '─'.repeat(width))), ...cells.map(write)].join('\n');
}

/** `OVER` or `UNDER` the budget, `within` it, or within the `stretch`; empty if there is no figure. */
export function verdict({ figure: reached, budget, stretch, isFloor }: Row): string {
  if (reached === undefined) return '';
  if (isFloor) {
    if (reached < budget) return 'UNDER';
    return reached >= stretch ? 'stretch' : 'within';
  }
  // A figure that rounds to the budget is within it.
  if (reached > budget * 1.005) return 'OVER';
  return reached <= stretch * 1.005 ? 'stretch' : 'within';
}

/** `165 (160–171)` */
function spread(value: Spread | undefined): string {
  if (!value) return '–';
  const { median, min, max } = value;
  return `${short(median)} (${short(min)}–${short(max)})`;
}

function figure(value: number, unit: string): string {
  return unit === '×' ? `${value.toFixed(2)}×` : `${short(value)}${unit === '' ? '' : ` ${unit}`}`;
}

function short(value: number): string {
  return value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1);
}

const left = (text: string, width = 0) => text + ' '.repeat(Math.max(0, width - text.length));
const right = (text: string, width = 0) => ' '.repeat(Math.max(0, width - text.length)) + text;
