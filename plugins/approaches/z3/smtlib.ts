/** Reads SMT-LIB, as far as is needed to check a program before it runs and to read what the solver prints. */

/** A command of a program, such as `(assert (> x 1))`. */
export interface Command {
  /** `check-sat`, `assert`; empty for `()`. */
  readonly name: string;
  /** As written, parentheses included. */
  readonly text: string;
  /** What follows the name: atoms, and lists as written. */
  readonly args: readonly string[];
}

/** In bytes. A longer program is not run: no question needs one. */
const LONGEST_PROGRAM = 65_536;

/** The commands of a program, without a last one that is not closed. Syntax errors are left to the solver. */
export function commandsOf(program: string): readonly Command[] {
  return listsIn(program).map((text) => {
    const [name = '', ...args] = itemsOf(text);
    return { name: name.replaceAll('|', ''), text, args };
  });
}

/** The pairs in a printed list of values, `((x 6) (y 4))`; empty if the text holds no list. */
export function pairsOf(output: string): readonly (readonly [term: string, value: string])[] {
  const [list] = listsIn(output);
  if (list === undefined) return [];
  return itemsOf(list).flatMap((pair) => {
    const [term, value] = itemsOf(pair);
    return term === undefined || value === undefined ? [] : [[term, value] as const];
  });
}

/** Why a program must not be run; undefined if it may. */
export function reasonToReject(program: string): string | undefined {
  if (Buffer.byteLength(program) > LONGEST_PROGRAM) return `the program is longer than ${LONGEST_PROGRAM / 1_024} kB`;
  // A lone surrogate changes the characters after it on the way to the solver, which would run another text than this
  // check reads.
  if (!program.isWellFormed()) return 'the program holds broken characters';
  // The solver knows comments of this kind, which are not SMT-LIB. This reader does not, and could overlook a command
  // after one.
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

/** Tokens as the solver reads them. Beyond the standard, a bar after a backslash does not end a quoted symbol. */
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

/** The items of a list, each as written; empty for an atom. */
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
