import { validateHeaderName, validateHeaderValue } from 'node:http';

/** Headers as one flat array: name, value, name, value … Names are in lower case and may repeat. */
export type HeaderList = readonly string[];

/** The first value under `name` (lower case). */
export function headerOf(headers: HeaderList, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return headers[i + 1];
  return undefined;
}

/** A copy of the list with `name` (lower case) set to one value, or removed if `value` is undefined. */
export function withHeader(headers: HeaderList, name: string, value: string | undefined): HeaderList {
  const list: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const key = headers[i];
    if (key !== undefined && key !== name) list.push(key, headers[i + 1] ?? '');
  }
  if (value !== undefined) list.push(name, value);
  return list;
}

/**
 * Throws a `TypeError` if HTTP cannot carry such a header. Call it where a header is set: an error while the answer is
 * sent would no longer show who set it.
 */
export function checkHeader(name: string, value: string): void {
  validateHeaderName(name);
  validateHeaderValue(name, value);
}

/**
 * Extra headers of an answer, set by plugins. Names are case-insensitive. Setting one that HTTP cannot carry throws.
 */
export class ResponseHeaders {
  #list: string[] | undefined;

  set(name: string, value: string | number): void {
    this.delete(name);
    this.append(name, value);
  }

  append(name: string, value: string | number): void {
    const text = String(value);
    checkHeader(name, text);
    (this.#list ??= []).push(name.toLowerCase(), text);
  }

  delete(name: string): void {
    if (this.#list) this.#list = [...withHeader(this.#list, name.toLowerCase(), undefined)];
  }

  get(name: string): string | undefined {
    return headerOf(this.#list ?? [], name.toLowerCase());
  }

  get list(): HeaderList {
    return this.#list ?? EMPTY;
  }
}

const EMPTY: HeaderList = Object.freeze([]);
