/** SMT-LIB as far as a program must be understood before and after the solver runs it. */

export interface Command {
  /** `check-sat`, `assert`; empty where it is none. */
  readonly name: string;
  /** As written, parentheses included. */
  readonly text: string;
  /** What follows the name: atoms, and lists as written. */
  readonly args: readonly string[];
}

/** A program longer than this is no formulation of a question. In bytes. */
const LONGEST_PROGRAM = 65_536;

/** The commands of a program; what a missing parenthesis leaves open is left out. The solver itself judges the syntax. */
export function commandsOf(program: string): readonly Command[] {
  return listsIn(program).map((text) => {
    const [name = '', ...args] = itemsOf(text);
    return { name: name.replaceAll('|', ''), text, args };
  });
}

/** Pairs of a printed list of values: `((x 6) (y 4))`. */
export function pairsOf(output: string): readonly (readonly [term: string, value: string])[] {
  const [list] = listsIn(output);
  if (list === undefined) return [];
  return itemsOf(list).flatMap((pair) => {
    const [term, value] = itemsOf(pair);
    return term === undefined || value === undefined ? [] : [[term, value] as const];
  });
}

/** Why a program is not run at all; undefined where it is. */
export function reasonToReject(program: string): string | undefined {
  if (Buffer.byteLength(program) > LONGEST_PROGRAM) return `the program is longer than ${LONGEST_PROGRAM / 1_024} kB`;
  // Half a character swallows the next one on its way to the solver, which then reads another text than this reader.
  if (!program.isWellFormed()) return 'the program holds broken characters';
  // Comments of this kind are no SMT-LIB, and what hides in them is hidden from this reader.
  if (program.includes('#|')) return "'#|' is not allowed";
  for (const { name, args } of commandsOf(program)) {
    if (name === 'include') return "the command 'include' is not allowed: a program must be complete in itself";
    const option = (args[0] ?? '').toLowerCase();
    if (name === 'set-option' && OUTSIDE.test(option)) return `the option '${option}' is not allowed`;
  }
  return undefined;
}

/** Options that name a file or an output channel, or raise the limit of memory. */
const OUTSIDE = /file|path|dump|channel|memory|(?:^|[:._-])log(?:$|[._-])/;

/** As the solver reads them, beyond the standard: in a quoted symbol, a bar after a backslash does not end it. */
const TOKEN = /;[^\n]*|"(?:[^"]|"")*"?|\|(?:[^|]|(?<=\\)\|)*\|?|[()]|[^\s()";|]+/g;

/** The outermost lists of a text, each as written. */
function listsIn(text: string): readonly string[] {
  const lists: string[] = [];
  let depth = 0;
  let start = 0;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token === '(' && depth++ === 0) start = index;
    if (token !== ')' || depth === 0) continue;
    if (--depth === 0) lists.push(text.slice(start, index + 1));
  }
  return lists;
}

/** What stands in a list, each as written; an atom has nothing in it. */
function itemsOf(list: string): readonly string[] {
  const items: string[] = [];
  let depth = 0;
  let start = 0;
  for (const { 0: token, index } of list.matchAll(TOKEN)) {
    if (token.startsWith(';')) continue;
    if (token === ')') depth--;
    else if (token === '(' && depth++ === 1) start = index;
    if (depth !== 1 || (token === '(' && index === 0)) continue;
    items.push(token === ')' ? list.slice(start, index + 1) : token);
  }
  return items;
}
