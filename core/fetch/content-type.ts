/** A content type without its parameters, in lower case, and the name of its charset. */
export interface ContentType {
  readonly type: string;
  readonly charset: string | undefined;
}

/** Parses a `content-type` header; undefined if it is missing or malformed. */
export function readContentType(header: string | undefined): ContentType | undefined {
  const type = header?.split(';', 1)[0]?.trim().toLowerCase();
  if (type === undefined || !/^[^\s/]+\/[^\s/]+$/.test(type)) return undefined;
  return { type, charset: /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(header ?? '')?.[1]?.toLowerCase() };
}

/**
 * Is a type one of these, all in lower case? In a pattern `text/*` means all of text, and a star on both sides
 * everything.
 */
export function matchesType(type: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => {
    if (pattern === '*/*') return true;
    return pattern.endsWith('/*') ? type.startsWith(pattern.slice(0, -1)) : type === pattern;
  });
}

/** Does a body that claims to be text begin like something else? Looks at its first 512 bytes. */
export function isDisguised({ type, charset }: ContentType, body: Buffer): boolean {
  if (!isTextual(type)) return false;
  const start = body.subarray(0, 512);
  if (start.toString('latin1', 0, 5) === '%PDF-') return true;
  return !hasWideLetters(start, charset) && start.some(isBinaryByte);
}

function isTextual(type: string): boolean {
  return type.startsWith('text/') || /^application\/(?:.+\+)?(?:json|xml|javascript)$/.test(type);
}

/** In UTF-16 and UTF-32 every ASCII letter has a zero byte. */
function hasWideLetters(start: Buffer, charset: string | undefined): boolean {
  const mark = start.toString('latin1', 0, 2);
  return mark === '\xfe\xff' || mark === '\xff\xfe' || /^utf-?(?:16|32)/.test(charset ?? '');
}

/** A byte that no text has, if its charset extends ASCII (WHATWG MIME Sniffing, "binary data byte"). */
function isBinaryByte(byte: number): boolean {
  return byte <= 0x08 || byte === 0x0b || (byte >= 0x0e && byte <= 0x1a) || (byte >= 0x1c && byte <= 0x1f);
}
