/** Anthropic's messages in both forms: a whole message, and the events that tell of it. */
import { isRecord, type Fields } from '../../bytes/json.ts';
import { encodeEvent, framesOf } from '../frame.ts';

/** A message that is being put together. */
type Draft = Record<string, unknown>;

/** The events of a stream that tells of `message`. */
export function messageToEvents(message: Fields): Buffer {
  const { content, stop_reason, stop_sequence, usage, ...rest } = message;
  const start = { ...rest, content: [], stop_reason: null, stop_sequence: null, usage };
  const blocks = (Array.isArray(content) ? content : []).filter(isRecord);
  const events: Fields[] = [
    { type: 'message_start', message: start },
    ...blocks.flatMap((block, index) => blockEvents(block, index)),
    { type: 'message_delta', delta: { stop_reason, stop_sequence: stop_sequence ?? null }, usage },
    { type: 'message_stop' },
  ];
  return Buffer.concat(events.map((event) => encodeEvent(String(event['type']), event)));
}

/** Blocks of a kind that does not grow come whole in their start. */
function blockEvents(block: Fields, index: number): Fields[] {
  const { start, deltas } = taken(block);
  return [
    { type: 'content_block_start', index, content_block: start },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ];
}

function taken(block: Fields): { start: Fields; deltas: Fields[] } {
  const { type, text, thinking, signature, input, citations } = block;
  if (type === 'text') {
    const cited = Array.isArray(citations) ? (citations as unknown[]) : undefined;
    const deltas: Fields[] = [{ type: 'text_delta', text }];
    for (const citation of cited ?? []) deltas.push({ type: 'citations_delta', citation });
    return { start: { ...block, text: '', ...(cited ? { citations: [] } : {}) }, deltas };
  }
  if (type === 'thinking') {
    const deltas: Fields[] = [{ type: 'thinking_delta', thinking }];
    if (typeof signature === 'string') deltas.push({ type: 'signature_delta', signature });
    return { start: { ...block, thinking: '', ...('signature' in block ? { signature: '' } : {}) }, deltas };
  }
  if (typeof type === 'string' && type.endsWith('tool_use') && input !== undefined) {
    return {
      start: { ...block, input: {} },
      deltas: [{ type: 'input_json_delta', partial_json: JSON.stringify(input) }],
    };
  }
  return { start: block, deltas: [] };
}

/** The message of a whole stream; undefined where an event is of an unknown kind: asking again is better than dropping a part. */
export function eventsToMessage(body: Buffer): object | undefined {
  let message: Draft | undefined;
  const blocks: Draft[] = [];
  const inputs = new Map<number, string>();
  for (const frame of framesOf(body)) {
    if (frame.kind === 'failure') return undefined;
    if (frame.kind !== 'part') continue;
    const event = frame.value;
    const index = Number(event['index']);
    const block = blocks[index];
    switch (event['type']) {
      case 'ping':
      case 'content_block_stop':
        break;
      case 'message_start':
        message = { ...record(event['message']) };
        break;
      case 'content_block_start':
        blocks[index] = { ...record(event['content_block']) };
        break;
      case 'content_block_delta':
        if (!block || !addDelta(block, record(event['delta']), index, inputs)) return undefined;
        break;
      case 'message_delta':
        if (!message) return undefined;
        Object.assign(message, record(event['delta']));
        // Totals so far: they overwrite.
        message['usage'] = { ...record(message['usage']), ...record(event['usage']) };
        break;
      case 'message_stop':
        if (!message || !addInputs(blocks, inputs)) return undefined;
        return { ...message, content: blocks };
      default:
        return undefined;
    }
  }
  return undefined;
}

function addDelta(block: Draft, delta: Fields, index: number, inputs: Map<number, string>): boolean {
  switch (delta['type']) {
    case 'text_delta':
      block['text'] = text(block['text']) + text(delta['text']);
      return true;
    case 'thinking_delta':
      block['thinking'] = text(block['thinking']) + text(delta['thinking']);
      return true;
    case 'signature_delta':
      block['signature'] = text(block['signature']) + text(delta['signature']);
      return true;
    case 'citations_delta':
      block['citations'] = [
        ...(Array.isArray(block['citations']) ? (block['citations'] as unknown[]) : []),
        delta['citation'],
      ];
      return true;
    case 'input_json_delta':
      inputs.set(index, (inputs.get(index) ?? '') + text(delta['partial_json']));
      return true;
    default:
      return false;
  }
}

/** Fragments of a tool's input make JSON only together; no fragment at all means an empty input. */
function addInputs(blocks: readonly Draft[], inputs: ReadonlyMap<number, string>): boolean {
  for (const [index, json] of inputs) {
    const block = blocks[index];
    if (!block || json === '') continue;
    try {
      block['input'] = JSON.parse(json) as unknown;
    } catch {
      return false;
    }
  }
  return true;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The value where it is an object, else an empty one. */
function record(value: unknown): Fields {
  return isRecord(value) ? value : {};
}
