/** Reads observations from a reply. */
import { normalizeAnswer, stripThinking } from '../../../core/approach/index.ts';

const ITEM = /^([ \t]*)(?:[-*•+–]|\(?\d{1,2}[.):]|\*{0,2}Observation \d+[.):]\*{0,2})[ \t]+(\S.*)$/i;
const HEADING = /^\s*(?:#{1,6}\s|\*\*[^*]*\*\*:?\s*$)/;

/**
 * The items of the reply's list, or its paragraphs if it has no list; at most `count`. Headings and lead-ins (`…:`) do not
 * count, nor does the last item of a reply that was cut, which is not whole.
 */
export function observationsIn(reply: string, count: number, isCut: boolean): readonly string[] {
  const lines = stripThinking(reply).split(/\r?\n/);
  const items = itemsOf(lines);
  const found = items.length > 0 ? items : paragraphsOf(lines);
  return distinct(isCut ? found.slice(0, -1) : found).slice(0, count);
}

/** The observations without those that say the same as an earlier one. */
export function distinct(observations: readonly string[]): readonly string[] {
  const kinds = new Map<string, string>();
  for (const observation of observations) {
    const kind = normalizeAnswer(observation);
    if (kind !== '' && !kinds.has(kind)) kinds.set(kind, observation);
  }
  return [...kinds.values()];
}

/** The items of the outermost list. Lines that are wrapped or indented under an item are joined to it. */
function itemsOf(lines: readonly string[]): string[] {
  const items: string[] = [];
  let depth = Infinity;
  let isOpen = false;
  let isAfterBlank = false;
  for (const line of lines) {
    const [, indent = '', text = ''] = ITEM.exec(line) ?? [];
    if (text !== '' && indent.length < depth + 2) {
      depth = Math.min(depth, indent.length);
      items.push(text.trim());
      isOpen = true;
    } else if (line.trim() !== '') {
      const isContinued: boolean = isOpen && !HEADING.test(line) && (!isAfterBlank || /^[ \t]{2,}/.test(line));
      if (isContinued) items.push(`${items.pop()} ${line.trim()}`);
      isOpen = isContinued;
    }
    isAfterBlank = line.trim() === '';
  }
  return items;
}

function paragraphsOf(lines: readonly string[]): string[] {
  const paragraphs = lines
    .filter((line) => !HEADING.test(line))
    .join('\n')
    .split(/\n\s*\n/);
  return paragraphs
    .map((text) => text.trim().replaceAll(/\s+/g, ' '))
    .filter((text) => text !== '' && !text.endsWith(':'));
}
