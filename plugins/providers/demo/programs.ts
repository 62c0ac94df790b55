/** Canned programs: the demo cannot write one, but shows what an approach does with several that differ. */
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

export function asksForProgram(question: string): boolean {
  return ASKS.test(question);
}

/** The language that is asked for, where there is a program in it. */
export function languageOf(text: string): keyof typeof LANGUAGES {
  return /\b(?:javascript|typescript|node\.?js)\b/i.test(text) ? 'javascript' : 'python';
}

/** One of two programs that do the same. */
export function program(text: string, random: Random): string {
  const language = languageOf(text);
  return `This is a canned program, not a language model's.\n\n\`\`\`${language}\n${random.pick(LANGUAGES[language]) ?? ''}\n\`\`\``;
}
