import { isRecord } from '../bytes/json.ts';
import { printPath, type Path } from './problems.ts';

export type Members = Record<string, unknown>;

/**
 * The file's value while flags and environment variables are laid over it, before it is checked. Remembers which of them
 * each value came from, so that a bad one is told by the name the user wrote.
 */
export class Draft {
  readonly value: Members;
  readonly warnings: string[] = [];
  readonly #origins = new Map<string, string>();

  constructor(value: Members) {
    this.value = value;
  }

  /** Leaves the value alone where the file has something else than keys on the way: that is its own error. */
  set(path: Path, value: unknown, origin: string): void {
    let parent: unknown = this.value;
    for (const step of path.slice(0, -1)) {
      if (!isRecord(parent) && !Array.isArray(parent)) return;
      const members = parent as Members;
      members[step] ??= {};
      parent = members[step];
    }
    const key = path.at(-1);
    if (key === undefined || !(isRecord(parent) || Array.isArray(parent))) return;
    (parent as Members)[key] = value;
    this.#origins.set(printPath(path), origin);
  }

  /** Sets an option of a listed plugin; false where it is not listed. */
  setOption(plugin: string, option: string, value: unknown, origin: string): boolean {
    const entry = this.pluginEntry(plugin);
    if (entry) this.set([...entry, option], value, origin);
    return entry !== undefined;
  }

  /** The path of a listed plugin's options, which are then an object; undefined where it is not listed. */
  pluginEntry(plugin: string): Path | undefined {
    const list = this.value['plugins'];
    if (!Array.isArray(list)) return undefined;
    const index = list.findIndex((entry) => entry === plugin || (isRecord(entry) && Object.hasOwn(entry, plugin)));
    if (index < 0) return undefined;
    const entry: unknown = list[index];
    list[index] = { [plugin]: (isRecord(entry) ? entry[plugin] : undefined) ?? {} };
    return ['plugins', index, plugin];
  }

  addPlugin(plugin: string, options: Members, origin: string): void {
    this.value['plugins'] ??= [];
    const list = this.value['plugins'];
    if (!Array.isArray(list)) return;
    list.push({ [plugin]: options });
    this.#origins.set(printPath(['plugins', list.length - 1, plugin]), origin);
  }

  /** The name of the first upstream, which is the default. */
  firstUpstream(): string | undefined {
    const upstreams = this.value['upstreams'];
    return isRecord(upstreams) ? Object.keys(upstreams)[0] : undefined;
  }

  /** The flag or variable that the value at `path`, or something around it, came from. */
  originOf(path: Path): string | undefined {
    for (let depth = path.length; depth > 0; depth--) {
      const origin = this.#origins.get(printPath(path.slice(0, depth)));
      if (origin !== undefined) return origin;
    }
    return undefined;
  }

  /** Path → flag or variable, of everything that came from one. */
  get origins(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#origins);
  }
}
