/** Canned programs. The demo cannot write code, but can show what an approach does with several programs. */
import type { Random } from '../../../core/approach/index.ts';

const LANGUAGES = {
  python: [
    'def solve(text):\n    # Canned: reverses its input.\n    return text[::-1]',
    'def solve(text):\n    # Canned: reverses its input.\n    return "".join(reversed(text))',
  ],
  javascript: [
    '// Canned: reverses its input.\nexport function solve(text) {\n  return [...text].reverse().join("");\n}',
    '// Canned: reverses its input.\nexport const solve = (text) => Array.from(text).toReversed().join("");',
  ],
};

const ASKS = /\b(?:functions?|programs?|scripts?|code|class|algorithms?|implement)\b/i;

/** Does the question ask for code? */
export function asksForProgram(question: string): boolean {
  return ASKS.test(question);
}

/** The language that the text asks for, if there is a canned program in it; else Python. */
export function languageOf(text: string): keyof typeof LANGUAGES {
  return /\b(?:javascript|typescript|node\.?js)\b/i.test(text) ? 'javascript' : 'python';
}

/** One of two equivalent programs, as a fenced block. */
export function program(text: string, random: Random): string {
  const language = languageOf(text);
  return `This is a canned program, not a language model's.\n\n\`\`\`${language}\n${random.pick(LANGUAGES[language]) ?? ''}\n\`\`\``;
}
