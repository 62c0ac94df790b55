/** Finds where a request refers to things that are kept at the provider: files, responses, conversations, containers … */
import { COLON, isBlank } from '../bytes/ascii.ts';
import { isRecord, stringEnd, type Fields } from '../bytes/json.ts';
import { isDescription } from '../wire/described-members.ts';

/** A place in a body that refers to a stored object. */
export interface StoredReference {
  /** The member, for messages: `previous_response_id`. */
  readonly field: string;
  readonly id: string;
}

/** Members whose value is an id, or a list of ids. */
const ID_MEMBER =
  /^(?:.+_)?(?:file|vector_store|response|conversation|container|thread|assistant|batch|upload|video|skill|item)_ids?$/;
/** Members that hold an id, or an object with one. */
const BY_ID: ReadonlySet<string> = new Set(['conversation', 'container', 'cached_content']);
/** Members that refer to something stored only as an object with an id: a stored prompt, an earlier spoken answer. */
const BY_OBJECT: ReadonlySet<string> = new Set(['prompt', 'audio']);
/** Items of an input that are looked up by their id, unless they carry what they are about. */
const CONTENT_OF: Readonly<Record<string, string>> = {
  reasoning: 'encrypted_content',
  image_generation_call: 'result',
};
/** Notes of the client's own. They are kept, and read by nobody. */
const NOTES: ReadonlySet<string> = new Set(['metadata', 'client_metadata']);

/** What a name must have to refer to something, or an escape, which may hide it. */
const REFERRING = /_ids?$|^(?:conversation|container|cached_content|prompt|audio|input)$|\\/i;

/**
 * Can a body with these bytes hold a reference? Looks at names and short values alone, however often a name is given, and
 * skips what people wrote: much cheaper than to look at each member.
 */
export function mayRefer(bytes: Buffer): boolean {
  const text = bytes.toString('latin1');
  for (let open = text.indexOf('"'); open >= 0;) {
    const end = stringEnd(text, open);
    if (isName(text, end) ? REFERRING.test(text.slice(open + 1, end - 1)) : isReferenceType(text, open, end))
      return true;
    open = text.indexOf('"', end);
  }
  return false;
}

function isName(text: string, end: number): boolean {
  let next = end;
  while (next < text.length && isBlank(text.charCodeAt(next))) next++;
  return text.charCodeAt(next) === COLON;
}

/** A value `item_reference`, escaped or not: each of its letters takes six characters at most. */
function isReferenceType(text: string, open: number, end: number): boolean {
  if (end - open > 2 + 6 * 'item_reference'.length) return false;
  const value = text.slice(open + 1, end - 1);
  return value.includes('\\u') || /^item_reference$/i.test(value);
}

/** The first reference that is not allowed; undefined if there is none. */
export function findReference(body: unknown, isAllowed: (id: string) => boolean): StoredReference | undefined {
  if (Array.isArray(body)) {
    for (const each of body) {
      const found = findReference(each, isAllowed);
      if (found) return found;
    }
    return undefined;
  }
  if (!isRecord(body)) return undefined;
  const own = itself(body);
  if (own && !isAllowed(own.id)) return own;
  for (const key in body) {
    const member = body[key];
    const name = key.toLowerCase();
    if (NOTES.has(name) || isDescription(body, key)) continue;
    const id = idsIn(name, member).find((each) => !isAllowed(each));
    if (id !== undefined) return { field: key, id };
    const found =
      name === 'input' && Array.isArray(member) ? findInInput(member, isAllowed) : findReference(member, isAllowed);
    if (found) return found;
  }
  return undefined;
}

/** An item that is nothing but a reference. */
function itself(value: Fields): StoredReference | undefined {
  const { type, id } = value;
  return type === 'item_reference' && typeof id === 'string' ? { field: 'item_reference', id } : undefined;
}

function idsIn(name: string, member: unknown): string[] {
  if (ID_MEMBER.test(name)) return [member].flat().filter((each) => typeof each === 'string');
  if (BY_ID.has(name) && typeof member === 'string') return [member];
  const isById = BY_ID.has(name) || BY_OBJECT.has(name);
  return isById && isRecord(member) && typeof member['id'] === 'string' ? [member['id']] : [];
}

function findInInput(items: readonly unknown[], isAllowed: (id: string) => boolean): StoredReference | undefined {
  for (const item of items) {
    const id = lookedUpId(item);
    if (id !== undefined && !isAllowed(id)) return { field: 'input', id };
    const found = findReference(item, isAllowed);
    if (found) return found;
  }
  return undefined;
}

/** The id of an item that says nothing else, so that the provider looks it up. */
function lookedUpId(item: unknown): string | undefined {
  if (!isRecord(item) || typeof item['id'] !== 'string') return undefined;
  const { type, id } = item;
  if (type === undefined || type === null) return item['role'] === undefined ? id : undefined;
  const content = typeof type === 'string' && Object.hasOwn(CONTENT_OF, type) ? CONTENT_OF[type] : undefined;
  return content !== undefined && (item[content] === undefined || item[content] === null) ? id : undefined;
}
