/** Converts Anthropic's messages between their two forms: a whole message, and the events of a stream. */
import { isRecord, type Fields } from '../../bytes/json.ts';
import { encodeEvent, framesOf } from '../frame.ts';

/** A message or content block that is being assembled. */
type Draft = Record<string, unknown>;

/** A whole message as the events of a stream; undefined if it is none. */
export function messageToEvents(message: Fields): Buffer | undefined {
  const { content, stop_reason, stop_sequence, usage, ...rest } = message;
  const start = { ...rest, content: [], stop_reason: null, stop_sequence: null, usage };
  // A count of tokens is none, though its request may ask for a stream.
  if (!Array.isArray(content)) return undefined;
  const blocks = content.filter(isRecord);
  const events: Fields[] = [
    { type: 'message_start', message: start },
    ...blocks.flatMap((block, index) => blockEvents(block, index)),
    { type: 'message_delta', delta: { stop_reason, stop_sequence: stop_sequence ?? null }, usage },
    { type: 'message_stop' },
  ];
  return Buffer.concat(events.map((event) => encodeEvent(String(event['type']), event)));
}

/** The events of one content block. */
function blockEvents(block: Fields, index: number): Fields[] {
  const { start, deltas } = splitBlock(block);
  return [
    { type: 'content_block_start', index, content_block: start },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ];
}

/** A block as it begins, and the deltas that fill it. A block of another kind begins whole. */
function splitBlock(block: Fields): { start: Fields; deltas: Fields[] } {
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

/**
 * The message that the events of a whole stream make. Undefined if they are incomplete, or if one is of an unknown
 * kind: asking the upstream again is better than dropping part of its answer.
 */
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
        message = { ...recordOrEmpty(event['message']) };
        break;
      case 'content_block_start':
        blocks[index] = { ...recordOrEmpty(event['content_block']) };
        break;
      case 'content_block_delta':
        if (!block || !addDelta(block, recordOrEmpty(event['delta']), index, inputs)) return undefined;
        break;
      case 'message_delta':
        if (!message) return undefined;
        Object.assign(message, recordOrEmpty(event['delta']));
        // Counts are totals so far, so they replace the earlier ones.
        message['usage'] = { ...recordOrEmpty(message['usage']), ...recordOrEmpty(event['usage']) };
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

/** False if the delta is of an unknown kind. */
function addDelta(block: Draft, delta: Fields, index: number, inputs: Map<number, string>): boolean {
  switch (delta['type']) {
    case 'text_delta':
      block['text'] = stringOrEmpty(block['text']) + stringOrEmpty(delta['text']);
      return true;
    case 'thinking_delta':
      block['thinking'] = stringOrEmpty(block['thinking']) + stringOrEmpty(delta['thinking']);
      return true;
    case 'signature_delta':
      block['signature'] = stringOrEmpty(block['signature']) + stringOrEmpty(delta['signature']);
      return true;
    case 'citations_delta':
      block['citations'] = [
        ...(Array.isArray(block['citations']) ? (block['citations'] as unknown[]) : []),
        delta['citation'],
      ];
      return true;
    case 'input_json_delta':
      inputs.set(index, (inputs.get(index) ?? '') + stringOrEmpty(delta['partial_json']));
      return true;
    default:
      return false;
  }
}

/**
 * Sets the inputs of tool calls: their fragments are JSON only together, and no text means an empty input. False if one
 * is not JSON.
 */
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

function stringOrEmpty(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function recordOrEmpty(value: unknown): Fields {
  return isRecord(value) ? value : {};
}
