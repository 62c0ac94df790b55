import { styleText } from 'node:util';
import { isRecord, type Fields } from '../bytes/json.ts';

/** The start on a terminal: where it listens, who answers, which approaches there are, and one request to try. */
export function banner(started: Fields): string {
  const { address, version, note, own_keys: ownKeys, answers, approach, approaches, example } = started;
  const base = `${text(address)}/v1`;
  const who = Array.isArray(note) ? note.map(text) : isRecord(answers) ? [answering(answers)] : [];
  const own = isRecord(ownKeys)
    ? [`A key of your own (authorization: Bearer …) goes to ${text(ownKeys['upstream'])}, ${text(ownKeys['base_url'])}`]
    : [];
  const slugs = Array.isArray(approaches) ? approaches.map(text) : [];
  const rows: [string, readonly string[]][] = [
    ['answers', [...who, ...own]],
    ['approaches', slugs.length === 0 ? ['none is listed under plugins'] : wrapped(slugs)],
    ['default', approach === 'none' ? [] : [text(approach)]],
    ['try', [`curl ${base}/chat/completions -H 'content-type: application/json' \\`, `  ${text(example)}`]],
  ];
  const lines = rows.flatMap(([name, values]) =>
    values.map((value, index) => `  ${styleText('dim', (index === 0 ? name : '').padEnd(12))}${value}`),
  );
  return `\n  ${styleText('bold', `optigate ${text(version)}`)}  ${base}\n\n${lines.join('\n')}\n\n`;
}

function answering({ upstream, base_url, key }: Fields): string {
  const url = text(base_url);
  return `${text(upstream)}${url === '' ? '' : `, ${url}`} (key: ${text(key)})`;
}

/** Words in lines that fit a narrow terminal. */
function wrapped(words: readonly string[]): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const line = lines.at(-1);
    if (line === undefined || line.length + word.length > 64) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}

function text(value: unknown): string {
  return typeof value === 'string' ? plain(value) : '';
}

/** Without control characters, by which a text of others could command the terminal. */
export function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}
