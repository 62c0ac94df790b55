import { scanArray, scanObject, spliceObject, type ObjectScan, type Span } from './json.ts';

/** Top-level members to replace or add; `undefined` removes one. */
export type Changes<T> = { readonly [K in keyof T]?: T[K] | undefined };

/**
 * A JSON body, held as bytes, as a value, or as both. Each is made from the other when it is first read. A body that
 * nobody changes is sent on as the bytes that came in. A change by `with` is spliced into those bytes, so that the
 * other members keep their digits. Immutable.
 */
export class Payload<T extends object> {
  #bytes: Buffer | undefined;
  #value: T | undefined;
  #scan: ObjectScan | undefined;
  /** The first payload in a chain of `with`, and all changes since. */
  readonly #origin: Payload<T> | undefined;
  readonly #changes: ReadonlyMap<string, unknown> | undefined;

  private constructor(bytes?: Buffer, value?: T, origin?: Payload<T>, changes?: ReadonlyMap<string, unknown>) {
    this.#bytes = bytes;
    this.#value = value;
    this.#origin = origin;
    this.#changes = changes;
  }

  /**
   * @param value  What the bytes parse to, if that is already known.
   * @param scan  Their outline, if that is already known.
   */
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

  /** Read-only: change it by `with`. Throws a `SyntaxError` if the bytes are not JSON. */
  get value(): T {
    return (this.#value ??=
      this.#origin && this.#changes ? changed(this.#origin.value, this.#changes) : (parse(this.#bytes) as T));
  }

  /** A copy with some top-level members changed. Cheap, because its bytes are made only when somebody reads them. */
  with(changes: Changes<T>): Payload<T> {
    const base = this.#origin ?? this;
    const merged = new Map<string, unknown>(this.#changes);
    for (const [key, value] of Object.entries(changes)) merged.set(key, value);
    return new Payload<T>(undefined, undefined, base, merged);
  }

  #toBytes(): Buffer {
    const origin = this.#origin;
    // Without original bytes there are none to keep.
    if (!origin || !origin.#bytes || !this.#changes) return Buffer.from(JSON.stringify(this.value));
    return origin.#spliced(this.#changes);
  }

  #spliced(changes: ReadonlyMap<string, unknown>): Buffer {
    const { bytes } = this;
    this.#scan ??= scanObject(bytes);
    return spliceObject(bytes, this.#scan, changes, (value, old) => this.#serialize(value, old));
  }

  /**
   * A changed member as JSON. If its value is the identical old one, it keeps its bytes; so does each identical array
   * element.
   */
  #serialize(value: unknown, old: Span | undefined): string | Buffer {
    if (!old) return JSON.stringify(value);
    const oldValue: unknown = Reflect.get(this.value, old.key);
    if (Object.is(value, oldValue)) return this.bytes.subarray(old.start, old.end);
    if (!Array.isArray(value) || !Array.isArray(oldValue)) return JSON.stringify(value);
    const spans = scanArray(this.bytes, old.start, old.end);
    const sources = new Map<unknown, Buffer>();
    for (const [index, element] of oldValue.entries()) {
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
