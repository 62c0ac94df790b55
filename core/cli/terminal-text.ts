/** The log on a terminal: the JSON lines' records as text for people. */
import { styleText } from 'node:util';
import { isRecord, parseJson, type Fields } from '../bytes/json.ts';
import { banner, plain } from './banner.ts';

const WARN = 40;
const ERROR = 50;
/** Fields that every record has, or that a line shows in a way of its own. */
const SHOWN = new Set(['level', 'time', 'msg', 'err', 'request_id', 'plugin']);

/** A log line (JSON) as the text for a terminal, line end included. */
export function terminalText(line: string): string {
  const record = parseJson(line);
  if (!isRecord(record)) return line;
  if (record['msg'] === 'optigate listens') return banner(record);
  const { level, time, msg, err, plugin } = record;
  const severity = typeof level === 'number' ? level : 0;
  const clock = styleText('dim', new Date(Number(time)).toTimeString().slice(0, 8));
  const isRequest = msg === 'request' && 'status' in record;
  const text = isRequest
    ? requestText(record)
    : `${typeof plugin === 'string' ? `${plugin}: ` : ''}${messageText(record)}`;
  const word = severity >= ERROR ? styleText('red', 'error ') : severity >= WARN ? styleText('yellow', 'warn ') : '';
  const id = severity >= WARN && typeof record['request_id'] === 'string' ? ` (${record['request_id']})` : '';
  return `${clock} ${word}${text}${styleText('dim', plain(id))}\n${isRecord(err) ? stackText(err) : ''}`;
}

/** `200 POST chat re2&bon openai gpt-4o-mini 4 calls 516 tokens 88 ms` */
function requestText(record: Fields): string {
  const { status, method, operation, path, approach, upstream, model, calls, tokens, cache, ms, error, code } = record;
  const colour = Number(status) >= 500 ? 'red' : Number(status) >= 400 ? 'yellow' : 'green';
  const place = operation === undefined || operation === 'other' ? path : operation;
  const shown = [
    method,
    place,
    approach === 'none' ? undefined : approach,
    upstream,
    model,
    typeof calls === 'number' ? `${calls} ${calls === 1 ? 'call' : 'calls'}` : undefined,
    typeof tokens === 'number' ? `${tokens} tokens` : undefined,
    typeof cache === 'string' ? `cache ${cache}` : undefined,
    typeof ms === 'number' ? `${ms < 10 ? ms : Math.round(ms)} ms` : undefined,
    record['client_gone'] === true ? 'client gone' : undefined,
    typeof error === 'string' && typeof code === 'string' ? `${code}: ${error}` : undefined,
  ];
  const words = shown.flatMap((part) => (typeof part === 'string' ? [plain(part)] : []));
  return [styleText(colour, String(status)), ...words].join(' ');
}

/** The message, and the other fields in words: `upstream call failed, retrying: upstream openai, attempt 1, wait 250 ms`. */
function messageText(record: Fields): string {
  const facts = Object.entries(record).flatMap(([key, value]) => (SHOWN.has(key) ? [] : [factText(key, value)]));
  const message = plain(typeof record['msg'] === 'string' ? record['msg'] : '');
  return facts.length === 0 ? message : `${message}: ${facts.join(', ')}`;
}

function factText(key: string, value: unknown): string {
  const text = plain(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
  const name = plain(key);
  return name.endsWith('_ms') ? `${name.slice(0, -3)} ${text} ms` : `${name.replaceAll('_', ' ')} ${text}`;
}

function stackText({ stack, message }: Fields): string {
  const text = typeof stack === 'string' ? stack : typeof message === 'string' ? message : '';
  const lines = text.split('\n');
  return styleText('dim', lines.map((line) => `    ${plain(line)}\n`).join(''));
}
