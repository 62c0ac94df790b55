/**
 * Converts OpenAI's responses between their two forms: a whole response, and the events of a stream. The last event of
 * a stream holds the whole response, so that reading one is simple; writing one needs events for each of its items.
 */
import { isRecord, type Fields } from '../../bytes/json.ts';
import { encodeEvent, framesOf } from '../frame.ts';

const FINAL = new Set(['response.completed', 'response.incomplete']);

/**
 * The response in the last event of a whole stream; undefined if it has no such event. If its `output` is empty, as some
 * servers send it, the items that were done before are its output.
 */
export function eventsToResponse(body: Buffer): object | undefined {
  const parts = framesOf(body).flatMap((frame) => (frame.kind === 'part' ? [frame.value] : []));
  const response = parts.findLast(({ type }) => FINAL.has(String(type)))?.['response'];
  if (!isRecord(response)) return undefined;
  const { output } = response;
  if (Array.isArray(output) && output.length > 0) return response;
  const done = parts.filter(({ type, item }) => type === 'response.output_item.done' && isRecord(item));
  const inOrder = done.toSorted((a, b) => placeOf(a) - placeOf(b));
  return done.length === 0 ? response : { ...response, output: inOrder.map(({ item }) => item) };
}

function placeOf({ output_index }: Fields): number {
  return typeof output_index === 'number' ? output_index : 0;
}

/** A whole response as the events of a stream; undefined if it is none. */
export function responseToEvents(response: Fields): Buffer | undefined {
  const begun = { ...response, status: 'in_progress', output: [], usage: null, completed_at: null };
  if (!Array.isArray(response['output'])) return undefined;
  const output = response['output'].filter(isRecord);
  const events: Fields[] = [
    { type: 'response.created', response: begun },
    { type: 'response.in_progress', response: begun },
    ...output.flatMap((item, index) => itemEvents(item, index)),
    { type: response['status'] === 'incomplete' ? 'response.incomplete' : 'response.completed', response },
  ];
  return Buffer.concat(
    events.map(({ type, ...event }, sequence_number) => encodeEvent(String(type), { type, sequence_number, ...event })),
  );
}

function itemEvents(item: Fields, outputIndex: number): Fields[] {
  const place = { item_id: item['id'], output_index: outputIndex };
  const { start, between } = splitItem(item, place);
  return [
    { type: 'response.output_item.added', output_index: outputIndex, item: start },
    ...between,
    { type: 'response.output_item.done', output_index: outputIndex, item },
  ];
}

/** An item as it begins, and the events that fill it. An item of another kind begins whole. */
function splitItem(item: Fields, place: Fields): { start: Fields; between: Fields[] } {
  const { type, content, summary } = item;
  if (type === 'message' && Array.isArray(content)) {
    const start = { ...item, status: 'in_progress', content: [] };
    return {
      start,
      between: content.filter(isRecord).flatMap((part, index) => partEvents(part, { ...place, content_index: index })),
    };
  }
  if (type === 'function_call') {
    return {
      start: { ...item, status: 'in_progress', arguments: '' },
      between: [
        { type: 'response.function_call_arguments.delta', ...place, delta: item['arguments'] },
        { type: 'response.function_call_arguments.done', ...place, arguments: item['arguments'], name: item['name'] },
      ],
    };
  }
  if (type === 'custom_tool_call') {
    return {
      start: { ...item, status: 'in_progress', input: '' },
      between: [
        { type: 'response.custom_tool_call_input.delta', ...place, delta: item['input'] },
        { type: 'response.custom_tool_call_input.done', ...place, input: item['input'] },
      ],
    };
  }
  if (type === 'reasoning' && Array.isArray(summary)) {
    const parts = summary.filter(isRecord);
    return {
      start: { ...item, summary: [] },
      between: parts.flatMap((part, index) => summaryEvents(part, { ...place, summary_index: index })),
    };
  }
  return { start: item, between: [] };
}

function partEvents(part: Fields, place: Fields): Fields[] {
  const added = { type: 'response.content_part.added', ...place };
  const done = { type: 'response.content_part.done', ...place, part };
  if (part['type'] === 'output_text') {
    const logprobs: unknown = part['logprobs'] ?? [];
    const annotations = Array.isArray(part['annotations']) ? (part['annotations'] as unknown[]) : [];
    return [
      { ...added, part: { ...part, text: '', annotations: [] } },
      { type: 'response.output_text.delta', ...place, delta: part['text'], logprobs },
      ...annotations.map((annotation, index) => ({
        type: 'response.output_text.annotation.added',
        ...place,
        annotation_index: index,
        annotation,
      })),
      { type: 'response.output_text.done', ...place, text: part['text'], logprobs },
      done,
    ];
  }
  if (part['type'] === 'refusal') {
    return [
      { ...added, part: { ...part, refusal: '' } },
      { type: 'response.refusal.delta', ...place, delta: part['refusal'] },
      { type: 'response.refusal.done', ...place, refusal: part['refusal'] },
      done,
    ];
  }
  return [{ ...added, part }, done];
}

function summaryEvents(part: Fields, place: Fields): Fields[] {
  return [
    { type: 'response.reasoning_summary_part.added', ...place, part: { ...part, text: '' } },
    { type: 'response.reasoning_summary_text.delta', ...place, delta: part['text'] },
    { type: 'response.reasoning_summary_text.done', ...place, text: part['text'] },
    { type: 'response.reasoning_summary_part.done', ...place, part },
  ];
}
