import { expect, test } from 'vitest';
import { observationsIn } from '../../../plugins/approaches/plansearch/observations.ts';

test.each([
  [
    'a heading, a lead-in, three items, one of them wrapped',
    '# Observations\nHere are three:\n1. One.\n2. Two goes\non here.\n3. Three.',
    ['One.', 'Two goes on here.', 'Three.'],
  ],
  ['dashes and bullets', '- One.\n\n* Two.\n• Three.', ['One.', 'Two.', 'Three.']],
  ['bold labels', '**Observation 1:** One.\n**Observation 2:** Two.', ['One.', 'Two.']],
  ['what is indented under an item', '1. One:\n   - a\n   - b\n2. Two.', ['One: - a - b', 'Two.']],
  ['no closing remark', '1. One.\n2. Two.\n\nI hope these help.', ['One.', 'Two.']],
  ['no second heading', '1. One.\n**More**\n2. Two.', ['One.', 'Two.']],
  ['no more than asked for', '1. a1\n2. b2\n3. c3\n4. d4\n5. e5', ['a1', 'b2', 'c3', 'd4']],
  ['each once', '1. One.\n2. one\n3. Two.', ['One.', 'Two.']],
  ['paragraphs without a list', 'Observations:\n\nOne is\nhere.\n\nTwo.', ['One is here.', 'Two.']],
  ['nothing of the reasoning', '<think>1. Hm.</think>1. One.', ['One.']],
  ['nothing', ' \n', []],
])('reads %s', (_, reply, observations) => {
  expect(observationsIn(reply, 4, false)).toEqual(observations);
});

test('of a reply that was cut the last item is not whole', () => {
  expect(observationsIn('1. One.\n2. Tw', 3, true)).toEqual(['One.']);
  expect(observationsIn('1. One.\n2. Two.\n3. Three.\n4. Fo', 3, true)).toEqual(['One.', 'Two.', 'Three.']);
});
