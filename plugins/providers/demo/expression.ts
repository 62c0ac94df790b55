/** A calculation as a tree. NaN stands for a number that is missing. */
export type Term = number | { readonly sign: Sign; readonly left: Term; readonly right: Term };
/** An operator; `^` is the power. */
export type Sign = '+' | '-' | '*' | '/' | '^';

/** Parses numbers with `+ - * / ^`, leading minus signs and brackets. Undefined if something is left over. */
export function parse(expression: string): Term | undefined {
  return new Parser(expression).whole();
}

/** The result; NaN if a number is missing. */
export function evaluate(term: Term): number {
  if (typeof term === 'number') return term;
  const left = evaluate(term.left);
  const right = evaluate(term.right);
  return { '+': left + right, '-': left - right, '*': left * right, '/': left / right, '^': left ** right }[term.sign];
}

/** A recursive descent parser. */
class Parser {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(expression: string) {
    this.#tokens = expression.match(/\d+(?:\.\d+)?|\.\d+|[-+*/^()]|\S/g) ?? [];
  }

  whole(): Term | undefined {
    const term = this.#sum();
    return this.#at === this.#tokens.length ? term : undefined;
  }

  #sum(): Term {
    let left = this.#product();
    for (;;) {
      if (this.#take('+')) left = { sign: '+', left, right: this.#product() };
      else if (this.#take('-')) left = { sign: '-', left, right: this.#product() };
      else return left;
    }
  }

  #product(): Term {
    let left = this.#signed();
    for (;;) {
      if (this.#take('*')) left = { sign: '*', left, right: this.#signed() };
      else if (this.#take('/')) left = { sign: '/', left, right: this.#signed() };
      else return left;
    }
  }

  #signed(): Term {
    return this.#take('-') ? { sign: '-', left: 0, right: this.#signed() } : this.#power();
  }

  #power(): Term {
    const left = this.#atom();
    return this.#take('^') ? { sign: '^', left, right: this.#signed() } : left;
  }

  #atom(): Term {
    if (this.#take('(')) {
      const inner = this.#sum();
      return this.#take(')') ? inner : Number.NaN;
    }
    return Number.parseFloat(this.#tokens[this.#at++] ?? '');
  }

  #take(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at++;
    return true;
  }
}
