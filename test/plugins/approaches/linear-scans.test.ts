/** What plugins read of a client's or a model's text: twice the text takes twice the time, not four times. */
import { describe, test } from 'vitest';
import type { Answer } from '../../../core/approach/index.ts';
import { approachesIn } from '../../../plugins/approaches/cepo/approaches.ts';
import { LayoutReader, readLayout } from '../../../plugins/approaches/cot_reflection/layout.ts';
import { examplesIn, isRight, mayHaveExamples, outputOf } from '../../../plugins/approaches/leap/examples.ts';
import { issuesIn } from '../../../plugins/approaches/mars/improvement.ts';
import { readStrategy } from '../../../plugins/approaches/mars/strategies.ts';
import { readReport } from '../../../plugins/approaches/mars/verification.ts';
import { observationsIn } from '../../../plugins/approaches/plansearch/observations.ts';
import { isProgramming, languageIn } from '../../../plugins/approaches/plansearch/task.ts';
import { isConclusion, overlap, prefixOf } from '../../../plugins/approaches/rstar/results.ts';
import { isAboutCode } from '../../../plugins/approaches/rto/programs.ts';
import { countVotes } from '../../../plugins/approaches/self_consistency/votes.ts';
import { readFormulation } from '../../../plugins/approaches/z3/formulation.ts';
import { commandsOf, pairsOf } from '../../../plugins/approaches/z3/smtlib.ts';
import { findSum } from '../../../plugins/providers/demo/arithmetic.ts';
import { judge } from '../../../plugins/providers/demo/judge.ts';
import { solverResult } from '../../../plugins/providers/demo/solver.ts';
import { Random } from '../../../core/approach/index.ts';
import { expectLinear } from '../../support/doubling.ts';

type Scan = readonly [name: string, scan: (text: string) => unknown, parts: readonly string[]];

const BLANKS = [' ', '\n', ' \n'];
const FENCES = ['```\n', '```', '~~~\n', ' ```'];
const answer = (text: string) => ({ text, choice: { message: { content: text }, finish_reason: 'stop' } }) as Answer;
const said = (content: string) => [{ role: 'user', content }];
const inPieces = (before: string) => (text: string) => {
  const reader = new LayoutReader(true);
  reader.push(before);
  for (let at = 0; at < text.length; at += 8) reader.push(text.slice(at, at + 8));
  return reader.end(false);
};
const LAYOUT = ['<thinking>', '</thinking>', '<output>', '</output>', '<think>', '<', 'a', ...FENCES, ...BLANKS];

const SCANS: readonly Scan[] = [
  ['cot_reflection: a layout', (text) => [readLayout(text, false), readLayout(text, true)], LAYOUT],
  ['cot_reflection: an answer', (text) => readLayout(`<output>\n${text}`, false), LAYOUT],
  ['cot_reflection: a layout in pieces', inPieces(''), LAYOUT],
  ['cot_reflection: a fence in pieces', inPieces('<output>\n```\n</output>'), LAYOUT],
  ['cepo: approaches', approachesIn, ['{', '}', ', ', '\\', '{"a":"b"},', ...FENCES]],
  ['leap: examples', examplesIn, ['{', '{"a":', '{"question":"a","answer":"b"},', '}', '"', '[', '{{}}']],
  ['leap: nested examples', (text) => examplesIn(text + '}'.repeat(text.length / 5)), ['{"a":']],
  ['leap: marks of examples', (text) => mayHaveExamples(said(text)), ['Q: ', '- ', '>', 'a*', ' -> ', 'é', ...BLANKS]],
  ['leap: an output', (text) => [outputOf(text), isRight(text, `${text}1`)], ['<output>', '1', '" ', ...BLANKS]],
  [
    'mars: a report',
    (text) => [readReport(text), issuesIn(text)],
    ['confidence ', 'not ', '1', 'issues:', 'issues:\n', '- ', '*', ...BLANKS],
  ],
  ['mars: a strategy', readStrategy, ['PROBLEM_TYPE ', 'PROBLEM_TYPE:\n', '*', '- ', ...BLANKS]],
  [
    'plansearch: observations',
    (text) => observationsIn(text, 5, false),
    ['- a\n', '- ', '1. ', '**', '# ', '#\n', ...BLANKS],
  ],
  [
    'plansearch: a task',
    (text) => [isProgramming(text), languageIn(text)],
    ['in ', 'in the ', 'implement', 'list ', ...BLANKS],
  ],
  [
    'rstar: a step',
    (text) => [isConclusion(answer(text)), prefixOf(text, 0.6), overlap(text, text)],
    ['final ', '\\boxed{', 'a', 'answer:\n', ...BLANKS],
  ],
  ['rto: a question', (text) => isAboutCode(text, text), ['write ', 'def ', ...FENCES, ...BLANKS]],
  [
    'self_consistency: samples',
    (text) => countVotes([answer(text), answer(`${text}x`)], { messages: [], mode: 'auto', similarity: 0.8 }),
    ['```\na  b', 'answer:', '1 ', ...FENCES, ...BLANKS],
  ],
  [
    'z3: a formulation',
    readFormulation,
    ['SOLVER ', 'SOLVER\n', 'SOLVER CAN BE APPLIED ', '```\n(a)\n```\n', ...FENCES, ...BLANKS],
  ],
  ['z3: a program', (text) => [commandsOf(text), pairsOf(text)], ['(', '(a)', '"', '|', ';', '\\|', ')']],
  ['demo: a question', findSum, ['-', '(', '1-', '1/2a', '1 x ', '- ', '1 + ', ...BLANKS]],
  ['demo: an output', solverResult, ['((result ', '((result 1', '((result 1))', '))']],
  [
    'demo: instructions',
    (text) =>
      judge(
        {
          role: 'judge',
          instructions: text,
          candidates: ['1', '2'],
          problem: undefined,
          question: '',
          words: 0,
          toolResult: undefined,
        },
        new Random('a'),
      ),
    ['score', 'score ', 'score <', 'rat', 'from 1', 'choice ', ...BLANKS],
  ],
];

describe.each(SCANS)('%s', (_, scan, parts) => {
  test.each(parts)('is read in a time that grows with the text: %j', (part) => {
    expectLinear(scan, part, 'x');
  });
});
