/** Text of others in prompts, between tags that it cannot close. */

/** What a delimited text may have beside its name. */
interface Delimiting {
  /** Attributes of the opening tag, values of ours. */
  readonly attributes?: Readonly<Record<string, string | number>>;
  /** Names of the tags around this one: the text cannot close them, either. */
  readonly within?: readonly string[];
}

/**
 * `<name>`, the text, `</name>`, each on lines of its own. Tags of that name in the text begin with `&lt;`, so that a
 * candidate, a page or a mail can neither close its delimiter nor open another one.
 */
export function delimited(name: string, text: string, { attributes = {}, within = [] }: Delimiting = {}): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${value}"`);
  return `<${name}${written.join('')}>\n${defused(text, [name, ...within])}\n</${name}>`;
}

/** One by list of names: they are constants of the program. */
const patterns = new Map<string, RegExp>();

/** The text with `&lt;` where a tag of one of these names would begin, in any case and with blanks anywhere. */
function defused(text: string, names: readonly string[]): string {
  if (!text.includes('<')) return text;
  const either = names.join('|');
  const pattern = patterns.get(either) ?? new RegExp(String.raw`<(?=[\s/]*(?:${either})(?![\w-]))`, 'gi');
  patterns.set(either, pattern);
  return text.replaceAll(pattern, '&lt;');
}
