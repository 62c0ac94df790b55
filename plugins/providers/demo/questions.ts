import { findSum, slipsOf } from './arithmetic.ts';
import type { Term } from './expression.ts';

/** A question whose answer the demo knows. */
export interface Problem {
  /** What it asks for, as the subject of a sentence: `17 * 23`, `the number of eggs`. */
  readonly subject: string;
  readonly answer: string;
  /** Plausible wrong answers. */
  readonly slips: readonly string[];
  /** The calculation, if the question is nothing else. */
  readonly sum?: Term;
}

interface Question extends Problem {
  readonly text: string;
}

/** Word problems and facts, with the mistakes that people make. The first slip is the most common one. */
export const QUESTIONS: readonly Question[] = [
  {
    text: 'A bat and a ball cost 1.10 dollars together. The bat costs 1 dollar more than the ball. How many cents does the ball cost?',
    subject: 'the price of the ball in cents',
    answer: '5',
    slips: ['10', '15', '1', '55'],
  },
  {
    text: 'If 5 machines take 5 minutes to make 5 widgets, how many minutes do 100 machines take to make 100 widgets?',
    subject: 'the time in minutes',
    answer: '5',
    slips: ['100', '20', '500', '1'],
  },
  {
    text: 'A patch of lily pads doubles in size every day. It covers the lake after 48 days. After how many days did it cover half of the lake?',
    subject: 'the number of days',
    answer: '47',
    slips: ['24', '46', '36', '12'],
  },
  {
    text: 'A hen house gives 16 eggs a day. 3 are eaten for breakfast and 4 go into muffins. The rest is sold at 2 dollars each. How many dollars does that make a day?',
    subject: 'the money made a day in dollars',
    answer: '18',
    slips: ['26', '9', '24', '32'],
  },
  {
    text: 'A train travels 60 kilometres in 45 minutes. What is its speed in kilometres per hour?',
    subject: 'the speed in kilometres per hour',
    answer: '80',
    slips: ['75', '45', '90', '105'],
  },
  {
    text: 'A shirt costs 40 dollars. Its price is raised by 25 percent and then lowered by 20 percent. What does it cost now, in dollars?',
    subject: 'the price in dollars',
    answer: '40',
    slips: ['42', '38', '45', '50'],
  },
  {
    text: 'Anna is twice as old as Ben. In 10 years she will be 10 years older than he is then. How old is Ben?',
    subject: "Ben's age",
    answer: '10',
    slips: ['20', '5', '15', '30'],
  },
  {
    text: 'How many handshakes are there when 8 people each shake hands once with everyone else?',
    subject: 'the number of handshakes',
    answer: '28',
    slips: ['56', '64', '36', '7'],
  },
  {
    text: 'A snail climbs 3 metres up a 10 metre well each day and slips back 2 metres each night. On which day does it reach the top?',
    subject: 'the day',
    answer: '8',
    slips: ['10', '9', '7', '5'],
  },
  {
    text: 'I drive to work at 40 km/h and back the same way at 60 km/h. What is my average speed in km/h?',
    subject: 'the average speed in km/h',
    answer: '48',
    slips: ['50', '52', '45', '100'],
  },
  {
    text: 'A recipe for 4 people needs 300 grams of flour. How many grams are needed for 10 people?',
    subject: 'the flour in grams',
    answer: '750',
    slips: ['600', '700', '1200', '3000'],
  },
  {
    text: 'How many times does the digit 9 appear in the numbers from 1 to 100?',
    subject: 'the number of nines',
    answer: '20',
    slips: ['10', '11', '19', '9'],
  },
  {
    text: 'A book has 120 pages. Mia reads a third of it on Monday and half of the rest on Tuesday. How many pages are left?',
    subject: 'the number of pages left',
    answer: '40',
    slips: ['20', '60', '80', '30'],
  },
  {
    text: 'A tank holds 240 litres. One pipe fills it in 4 hours, another in 6 hours. How many minutes do both together take?',
    subject: 'the time in minutes',
    answer: '144',
    slips: ['300', '150', '120', '240'],
  },
  {
    text: 'How many letters "r" are there in the word strawberry?',
    subject: 'the number of letters',
    answer: '3',
    slips: ['2', '1', '4', '0'],
  },
  {
    text: 'What is the sum of all whole numbers from 1 to 100?',
    subject: 'the sum',
    answer: '5050',
    slips: ['5000', '4950', '5150', '10100'],
  },
  {
    text: 'What is the capital of Australia?',
    subject: 'the capital of Australia',
    answer: 'Canberra',
    slips: ['Sydney', 'Melbourne', 'Perth', 'Brisbane'],
  },
  {
    text: 'What is the capital of Turkey?',
    subject: 'the capital of Turkey',
    answer: 'Ankara',
    slips: ['Istanbul', 'Izmir', 'Bursa', 'Antalya'],
  },
  {
    text: 'Which planet has the shortest day?',
    subject: 'the planet with the shortest day',
    answer: 'Jupiter',
    slips: ['Mercury', 'Saturn', 'Mars', 'Earth'],
  },
  {
    text: 'What is the chemical symbol of tungsten?',
    subject: 'the symbol of tungsten',
    answer: 'W',
    slips: ['Tu', 'T', 'Tn', 'Wo'],
  },
];

const CUES = QUESTIONS.map((question) => ({ cue: normalise(question.text), question }));

/** The question in a text that the demo can answer: one of `QUESTIONS`, word for word, else a calculation. */
export function findProblem(text: string): Problem | undefined {
  const plain = normalise(text);
  const known = CUES.find(({ cue }) => plain.includes(cue));
  if (known) return known.question;
  const sum = findSum(text);
  if (!sum) return undefined;
  return { subject: sum.expression, answer: String(sum.value), slips: slipsOf(sum.value).map(String), sum: sum.term };
}

/** Only words and numbers, so that quotes, line breaks and capitals make no difference. */
function normalise(text: string): string {
  return ` ${
    text
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu)
      ?.join(' ') ?? ''
  } `;
}

/** Is a stated value the answer? Numbers are compared as numbers. */
export function isAnswer(problem: Problem, stated: string): boolean {
  const plain = stated.replaceAll(/[*$,]|\.$/g, '').trim();
  const number = Number(plain);
  if (plain !== '' && !Number.isNaN(number)) return number === Number(problem.answer);
  return plain.toLowerCase() === problem.answer.toLowerCase();
}
