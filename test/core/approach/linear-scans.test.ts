/** What approaches read of a model's text: twice the text takes twice the time, not four times. */
import { describe, test } from 'vitest';
import {
  answerOf,
  asksForCode,
  choiceOf,
  codeBlocks,
  delimited,
  endsWhole,
  hasCode,
  normalizeAnswer,
  normalizeProgram,
  programOf,
  rankingOf,
  sameAnswer,
  scoreOf,
  stripThinking,
  tagContent,
  verdictOf,
  withoutCode,
} from '../../../core/approach/index.ts';
import { expectLinear } from '../../support/doubling.ts';

type Scan = readonly [name: string, scan: (text: string) => unknown, parts: readonly string[]];

const BLANKS = [' ', '\n', ' \n', '\t'];
const FENCES = ['```\n', '```a\n', '~~~\n', '```', ' ```', '```\n~~~\n', '`'];

const SCANS: readonly Scan[] = [
  ['thinking', stripThinking, ['<think>', '</think>', '<THINK>', '</Think>', '<', '</think><think>']],
  ['code', (text) => [codeBlocks(text), withoutCode(text)], [...FENCES, ...BLANKS]],
  ['a tag', (text) => tagContent(text, 'output'), ['<output>', '</output>', '<']],
  [
    'an answer',
    (text) => [answerOf(text), answerOf(text, { isNumeric: true })],
    [
      '\\boxed{',
      '\\boxed{}',
      '{',
      '}',
      '\\',
      'answer:',
      'answer:\n',
      'final ',
      'answer ',
      '1,',
      '1',
      '.5',
      ' A)',
      '*A',
      ...BLANKS,
    ],
  ],
  ['a normal form', normalizeAnswer, ['" ', ' "', '. ', '*', 'a*', '_ ', '\\text{', '\\text ', ',123', '(', ...BLANKS]],
  ['two answers', (text) => sameAnswer(`1${text}`, `1${text}0`), ['1', '0', '1.', '\\frac{', '1/', '-', '%']],
  [
    'a score',
    (text) => scoreOf(text, 0, 10),
    ['score', 'score ', 'score: ', 'rating is ', '1', '1 ', '{', '{"score":', '<1', '[[', ...BLANKS],
  ],
  ['a score after blanks', (text) => scoreOf(`Score:${text}x`, 0, 10), BLANKS],
  ['a score before blanks', (text) => scoreOf(`7${text}x`, 0, 10), BLANKS],
  [
    'a verdict',
    (text) => verdictOf(text, ['correct', 'incorrect']),
    ['verdict ', 'NOT ', 'overall ', 'CORRECT', ...BLANKS],
  ],
  ['a verdict after blanks', (text) => verdictOf(`Verdict${text}x`, ['correct', 'incorrect']), BLANKS],
  ['a choice', (text) => choiceOf(text, 3), ['choice ', 'best', 'choice: ', '1', '[[', ...BLANKS]],
  ['a choice after blanks', (text) => choiceOf(`Best${text}x`, 3), [...BLANKS, '[[']],
  ['a ranking', (text) => rankingOf(text, 3), ['ranking ', 'order\n', '1 > ', ...BLANKS]],
  ['a program', (text) => normalizeProgram(programOf(text)), [...FENCES, ...BLANKS, '/*\n', '#', '# \n', '-- ', '\r']],
  [
    'whether there is code',
    (text) => [hasCode(text), asksForCode(text), endsWhole(text)],
    [...FENCES, ...BLANKS, 'write ', 'class a ', 'SELECT a ', 'static ', 'import a', 'def a', 'function a '],
  ],
  ['text for a prompt', (text) => delimited('answer', text), ['<', '</answer>', '< ', '</', '<answer']],
];

describe.each(SCANS)('%s', (_, scan, parts) => {
  test.each(parts)('is read in a time that grows with the text: %j', (part) => {
    expectLinear(scan, part, 'x');
  });
});
