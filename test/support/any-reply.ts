/**
 * What a model says that plays every role of every approach: it does what the prompt asks for, by the form that the
 * prompt demands (`Score:`, `Choice:`, `VERDICT:`, a list, a program …), and answers anything else with the answer 42.
 */
import { createHash } from 'node:crypto';

interface Prompt {
  readonly messages: readonly { readonly role: string; readonly content?: unknown }[];
}

/** Lines that a prompt may demand, and what this model says in them. */
const FORMS: readonly (readonly [demanded: RegExp, line: string])[] = [
  [/\bScore:/, 'Score: 1'],
  [/\bRating:/, 'Rating: [[1]]'],
  [/\bBetter Response:/, 'Better Response: [[0]]'],
  [/\bChoice:/, 'Choice: 1'],
  [/\bBest:/, 'Best: 1'],
  [/\bRanking:/, 'Ranking: 1 > 2 > 3'],
  [/\bVERDICT:/, 'Confidence: 8\nVERDICT: CORRECT'],
];

/** @param sample  Makes samples differ in their words. */
export function replyTo({ messages }: Prompt, sample: string): string {
  const asked = messages
    .map(({ content }) => (typeof content === 'string' ? content : JSON.stringify(content)))
    .join('\n');
  const demanded = FORMS.filter(([form]) => form.test(asked)).map(([, line]) => line);
  const word = createHash('sha256').update(sample).digest('hex').slice(0, 6);
  if (demanded.length > 0) return [`Weighed, ${word}. The final answer is 42.`, ...demanded].join('\n');
  if (/write the next piece/.test(asked) && !/the last piece/.test(asked)) return `One step further, ${word}.`;
  if (/numbered list/.test(asked)) return [1, 2, 3].map((item) => `${item}. Point ${item} of ${word}.`).join('\n');
  if (/Write no code/.test(asked)) return `First six, then seven times it, ${word}. That makes 42.`;
  if (/SOLVER_CAN_BE_APPLIED/.test(asked))
    return /answer to everything/.test(asked) ? 'SOLVER_CAN_BE_APPLIED: False' : SOLVER;
  if (/<output>/.test(asked)) return `Thought, ${word}.\n<output>\n${outputFor(asked, word)}\n</output>`;
  if (/```|\bfunction\b|\bprogram\b|\bcode\b/i.test(asked))
    return `Here it is, ${word}.\n\n\`\`\`js\nconst answer = 42; // ${word}\n\`\`\``;
  return `Worked out, ${word}. The final answer is 42.`;
}

function outputFor(asked: string, word: string): string {
  if (/JSON array/.test(asked)) return JSON.stringify(EXAMPLES);
  if (/principle/.test(asked)) return `1. Check each step, ${word}.\n2. Read twice.`;
  return /mistake/.test(asked) && !/reflection/.test(asked) ? 'The final answer is 13.' : 'The final answer is 42.';
}

const EXAMPLES = [
  { question: 'What is 2 times 3?', answer: '6' },
  { question: 'What is 3 times 4?', answer: '12' },
  { question: 'What is 4 times 5?', answer: '20' },
];

const SOLVER = `SOLVER_CAN_BE_APPLIED: True
SOLVER_FORMULATION:
\`\`\`smt2
(declare-const x Int)
(assert (= x (* 6 7)))
(check-sat)
(get-value (x))
\`\`\``;
