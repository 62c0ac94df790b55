/** Reading the approaches that a model named as a JSON object of texts, which is seldom quite valid. */
import { codeBlocks, stripThinking } from '../../../core/approach/index.ts';

/** The approaches in the order of the object; empty if it cannot be read. */
export function approachesIn(text: string): readonly string[] {
  const visible = stripThinking(text);
  const [block] = codeBlocks(visible);
  const source = block?.code ?? visible;
  const object = source.slice(source.indexOf('{'), source.lastIndexOf('}') + 1);
  const parsed = parse(object) ?? parse(repaired(object));
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return [];
  const texts = Object.values(parsed).filter((value) => typeof value === 'string');
  return texts.map((value) => withCommands(value).trim()).filter((value) => value !== '');
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** The JSON without trailing commas, and with LaTeX's backslashes doubled; proper escapes stay as they are. */
function repaired(json: string): string {
  return json
    .replaceAll(/,(?=\s*\})/g, '')
    .replaceAll(/\\\\|\\(?!["\\/]|u[\da-f]{4}|[bfnrt](?![a-z]))/gi, String.raw`\\`);
}

/**
 * The text with control characters turned back into LaTeX commands: `\frac`, `\beta`, `\theta` and `\rho` begin with a
 * valid escape of JSON, so that parsing turns their first two characters into one control character.
 */
function withCommands(text: string): string {
  return text
    .replaceAll('\f', String.raw`\f`)
    .replaceAll('\b', String.raw`\b`)
    .replaceAll(/\t(?=[a-z])/g, String.raw`\t`)
    .replaceAll(/\r(?=[a-z])/g, String.raw`\r`);
}
