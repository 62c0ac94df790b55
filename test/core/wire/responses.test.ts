/** A whole response of OpenAI's Responses API, told as the events of a stream. */
import { expect, test } from 'vitest';
import { eventsToResponse, responseToEvents } from '../../../core/wire/responses/response-events.ts';
import { SseDecoder } from '../../../core/wire/sse.ts';

const responseOf = (...output: readonly object[]) => ({ id: 'resp_1', status: 'completed', output, usage: null });
const message = (part: object) => ({ id: 'msg_1', type: 'message', role: 'assistant', content: [part] });

/** The events of the one item, without those that begin and end the response. */
function eventsOf(item: object): Record<string, unknown>[] {
  const events = new SseDecoder()
    .push(responseToEvents(responseOf(item))!)
    .map(({ data }) => JSON.parse(data) as Record<string, unknown>);
  return events.slice(2, -1);
}
const types = (item: object) => eventsOf(item).map(({ type }) => String(type).slice('response.'.length));

test('the input of a custom tool comes as a delta', () => {
  const item = { id: 'ct_1', type: 'custom_tool_call', call_id: 'c', name: 'shell', input: 'ls' };
  expect(eventsOf(item)).toMatchObject([
    { item: { ...item, status: 'in_progress', input: '' } },
    { type: 'response.custom_tool_call_input.delta', item_id: 'ct_1', delta: 'ls' },
    { type: 'response.custom_tool_call_input.done', item_id: 'ct_1', input: 'ls' },
    { item },
  ]);
});

test('a refusal comes as a delta', () => {
  const part = { type: 'refusal', refusal: 'No.' };
  expect(eventsOf(message(part))).toMatchObject([
    {},
    { type: 'response.content_part.added', part: { type: 'refusal', refusal: '' } },
    { type: 'response.refusal.delta', delta: 'No.' },
    { type: 'response.refusal.done', refusal: 'No.' },
    { type: 'response.content_part.done', part },
    {},
  ]);
});

test('annotations of a text come each as an event', () => {
  const annotations = [{ type: 'url_citation', url: 'https://a.test' }, { type: 'file_citation' }];
  const events = eventsOf(message({ type: 'output_text', text: 'See', annotations }));
  expect(events[1]).toMatchObject({ part: { text: '', annotations: [] } });
  expect(events.slice(3, 5)).toMatchObject(
    annotations.map((annotation, annotation_index) => ({
      type: 'response.output_text.annotation.added',
      annotation_index,
      annotation,
    })),
  );
});

test('parts and items of other kinds come whole', () => {
  expect(types(message({ type: 'output_audio', data: '' }))).toEqual([
    'output_item.added',
    'content_part.added',
    'content_part.done',
    'output_item.done',
  ]);
  expect(types({ id: 'mcp_1', type: 'mcp_call' })).toEqual(['output_item.added', 'output_item.done']);
});

test.each(['completed', 'incomplete'])('the last event of one that is %s holds it whole', (status) => {
  const response = { ...responseOf(message({ type: 'output_text', text: 'Hi' })), status };
  expect(eventsToResponse(responseToEvents(response)!)).toEqual(response);
});

test('a stream that was cut has none', () => {
  const events = responseToEvents(responseOf())!;
  expect(eventsToResponse(events.subarray(0, events.lastIndexOf('event:')))).toBeUndefined();
});
