import { scanArray, scanObject, spliceObject, type ObjectScan, type Span } from './json.ts';

/** Members to replace; `undefined` removes one. */
export type Changes<T> = { readonly [K in keyof T]?: T[K] | undefined };

/**
 * A JSON body, as bytes or as a value, converted once and on demand. What nobody replaced goes on as the bytes it came
 * in; what `with` changes is spliced into them, so that the rest keeps its digits. Immutable.
 */
export class Payload<T extends object> {
  #bytes: Buffer | undefined;
  #value: T | undefined;
  #scan: ObjectScan | undefined;
  /** What this payload was made from by `with`, and how it differs. */
  readonly #origin: Payload<T> | undefined;
  readonly #changes: ReadonlyMap<string, unknown> | undefined;

  private constructor(bytes?: Buffer, value?: T, origin?: Payload<T>, changes?: ReadonlyMap<string, unknown>) {
    this.#bytes = bytes;
    this.#value = value;
    this.#origin = origin;
    this.#changes = changes;
  }

  /** @param value  What the bytes parse to, if that is known already. */
  static fromBytes<T extends object>(bytes: Buffer, value?: T, scan?: ObjectScan): Payload<T> {
    const payload = new Payload<T>(bytes, value);
    payload.#scan = scan;
    return payload;
  }

  static fromValue<T extends object>(value: T): Payload<T> {
    return new Payload<T>(undefined, value);
  }

  get bytes(): Buffer {
    return (this.#bytes ??= this.#toBytes());
  }

  /** Read-only: change it by `with`. Throws a `SyntaxError` where the bytes are no JSON. */
  get value(): T {
    return (this.#value ??=
      this.#origin && this.#changes ? changed(this.#origin.value, this.#changes) : (parse(this.#bytes) as T));
  }

  /** The same object with some top-level members replaced. Cheap: bytes are only made when somebody reads them. */
  with(changes: Changes<T>): Payload<T> {
    const base = this.#origin ?? this;
    const merged = new Map<string, unknown>(this.#changes);
    for (const [key, value] of Object.entries(changes)) merged.set(key, value);
    return new Payload<T>(undefined, undefined, base, merged);
  }

  #toBytes(): Buffer {
    const origin = this.#origin;
    // Where no bytes came in, there are none to keep.
    if (!origin || !origin.#bytes || !this.#changes) return Buffer.from(JSON.stringify(this.value));
    return origin.#spliced(this.#changes);
  }

  #spliced(changes: ReadonlyMap<string, unknown>): Buffer {
    const { bytes } = this;
    this.#scan ??= scanObject(bytes);
    return spliceObject(bytes, this.#scan, changes, (value, old) => this.#serialize(value, old));
  }

  /** What is the very value of before keeps its bytes, and so do an array's elements that are the very objects. */
  #serialize(value: unknown, old: Span | undefined): string | Buffer {
    if (!old) return JSON.stringify(value);
    const before: unknown = Reflect.get(this.value, old.key);
    if (Object.is(value, before)) return this.bytes.subarray(old.start, old.end);
    if (!Array.isArray(value) || !Array.isArray(before)) return JSON.stringify(value);
    const spans = scanArray(this.bytes, old.start, old.end);
    const sources = new Map<unknown, Buffer>();
    for (const [index, element] of before.entries()) {
      const span = spans[index];
      if (span && typeof element === 'object') sources.set(element, this.bytes.subarray(span.start, span.end));
    }
    const parts = value.flatMap((element: unknown) => [
      COMMA,
      sources.get(element) ?? Buffer.from(JSON.stringify(element ?? null)),
    ]);
    return Buffer.concat([OPEN, ...parts.slice(1), CLOSE]);
  }
}

const OPEN = Buffer.from('[');
const COMMA = Buffer.from(',');
const CLOSE = Buffer.from(']');

function parse(bytes: Buffer | undefined): unknown {
  return JSON.parse((bytes ?? Buffer.alloc(0)).toString());
}

function changed<T extends object>(value: T, changes: ReadonlyMap<string, unknown>): T {
  // A spread copies an own `__proto__` as data; assignment would not.
  const copy = { ...value };
  for (const [key, member] of changes) {
    if (member === undefined) Reflect.deleteProperty(copy, key);
    else Object.defineProperty(copy, key, { value: member, enumerable: true, configurable: true, writable: true });
  }
  return copy;
}
