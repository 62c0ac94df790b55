/** What the first bytes of a body say about it. Some servers send a stream, or an object, under another content type. */

const OPEN_OBJECT = 0x7b;
/** The fields of an event stream. A line without a name before the colon is a comment. */
const FIELDS = ['data:', 'event:', 'id:', 'retry:', ':'];
/** A byte order mark and blanks, which may stand before either. */
const BEFORE = /^(?:\xef\xbb\xbf)?\s*/;
/** How much is looked at. */
const LOOKED_AT = 256;

/**
 * Is it the beginning of an event stream, of a JSON object, or of something else? Undefined if so few bytes cannot tell.
 */
export function bodyKindOf(bytes: Buffer): 'events' | 'object' | 'other' | undefined {
  if (bytes[0] === OPEN_OBJECT) return 'object';
  const text = bytes.toString('latin1', 0, LOOKED_AT).replace(BEFORE, '');
  if (text.startsWith('{')) return 'object';
  if (FIELDS.some((field) => text.startsWith(field))) return 'events';
  return bytes.length < LOOKED_AT && FIELDS.some((field) => field.startsWith(text)) ? undefined : 'other';
}
