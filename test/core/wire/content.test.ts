import { expect, test } from 'vitest';
import {
  bringsAnswer,
  bringsMedia,
  bringsThoughts,
  calledTools,
  callsTool,
  contentText,
} from '../../../core/wire/chat/content.ts';
import { endedBadly } from '../../../core/wire/chat/finish.ts';

const CALL = { name: 'f', arguments: '{}' };

test.each<[object, readonly string[]]>([
  [{ content: 'a' }, ['answer']],
  [{ content: [{ type: 'text', text: 'a' }] }, ['answer']],
  [{ content: ' \n', tool_calls: [], refusal: '', function_call: null, audio: null, images: [] }, []],
  [{ tool_calls: [{ id: 'c', function: CALL }] }, ['answer', 'call']],
  [{ tool_calls: [{ id: 'c', custom: { name: 'f', input: 'x' } }] }, ['answer', 'call']],
  [{ function_call: CALL }, ['answer', 'call']],
  [{ audio: { id: 'a' } }, ['answer', 'media']],
  [{ images: [{ type: 'image_url' }] }, ['answer', 'media']],
  [{ content: [{ type: 'image_url', image_url: {} }] }, ['answer', 'media']],
  [{ refusal: 'no' }, ['answer']],
  [{ reasoning_content: 'hm' }, ['thoughts']],
  [{ reasoning: 'hm', content: '' }, ['thoughts']],
  [{ content: [{ type: 'thinking', thinking: [] }] }, ['thoughts']],
  [{ reasoning_content: '' }, []],
  [{}, []],
])('%j brings %j', (message, expected) => {
  const brought = [
    ...(bringsAnswer(message as never) ? ['answer'] : []),
    ...(callsTool(message as never) ? ['call'] : []),
    ...(bringsMedia(message as never) ? ['media'] : []),
    ...(bringsThoughts(message as never) ? ['thoughts'] : []),
  ];
  expect(brought).toEqual(expected);
});

test('calls of both APIs are read alike, and parts that are no text are left out of it', () => {
  const message = {
    tool_calls: [{ id: 'c', function: CALL }, { custom: { name: 'g', input: 'x' } }, null, {}],
    function_call: CALL,
  };
  expect(calledTools(message)).toEqual([
    { name: 'f', input: '{}' },
    { name: 'g', input: 'x' },
    { name: undefined, input: '' },
    { name: 'f', input: '{}' },
  ]);
  expect(
    contentText([{ type: 'text', text: 'a' }, null, { type: 'image_url' }, { type: 'text', text: 'b' }], '+'),
  ).toBe('a+b');
});

test.each([
  [{ finish_reason: 'stop' }, false],
  [{ finish_reason: 'length', error: null }, false],
  [{ finish_reason: null, error: {} }, false],
  [{}, false],
  [{ finish_reason: 'error' }, true],
  [{ finish_reason: 'eos' }, true],
  [{ finish_reason: 'stop', error: 'x' }, true],
  [{ finish_reason: null, error: { message: 'x' } }, true],
])('a choice %j ended badly: %s', (choice, isBad) => {
  expect(endedBadly(choice)).toBe(isBad);
});
