import { isRecord } from '../bytes/json.ts';
import { printPath, type Path } from './problems.ts';

/** The keys and values of an object that is not checked yet. */
export type Members = Record<string, unknown>;

/**
 * The file's value while flags and environment variables are applied to it, before it is checked. Remembers which of
 * them a value came from, so that an error can name it.
 */
export class Draft {
  readonly value: Members;
  readonly warnings: string[] = [];
  readonly #origins = new Map<string, string>();

  constructor(value: Members) {
    this.value = value;
  }

  /**
   * Sets the value at a path, and creates missing objects on the way. Does nothing if the file has something else than
   * keys there: the check reports that.
   * @param origin  The flag or variable that the value comes from.
   */
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

  /** Sets an option of a listed plugin; false if it is not listed. */
  setOption(plugin: string, option: string, value: unknown, origin: string): boolean {
    const entry = this.pluginEntry(plugin);
    if (entry) this.set([...entry, option], value, origin);
    return entry !== undefined;
  }

  /**
   * The path of a listed plugin's options; undefined if it is not listed. Rewrites its entry as an object, if it was a
   * name.
   */
  pluginEntry(plugin: string): Path | undefined {
    const list = this.value['plugins'];
    if (!Array.isArray(list)) return undefined;
    const index = list.findIndex((entry) => entry === plugin || (isRecord(entry) && Object.hasOwn(entry, plugin)));
    if (index < 0) return undefined;
    const entry: unknown = list[index];
    list[index] = { [plugin]: (isRecord(entry) ? entry[plugin] : undefined) ?? {} };
    return ['plugins', index, plugin];
  }

  /** Lists one more plugin. Does nothing if the file has something else than a list there. */
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

  /** The flag or variable that the value at a path, or an object around it, came from; undefined = the file. */
  originOf(path: Path): string | undefined {
    for (let depth = path.length; depth > 0; depth--) {
      const origin = this.#origins.get(printPath(path.slice(0, depth)));
      if (origin !== undefined) return origin;
    }
    return undefined;
  }

  /** Path → flag or variable, for each value that came from one. */
  get origins(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#origins);
  }
}
