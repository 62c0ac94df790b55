/** Members of a request that hold what a model or a program wrote: no server reads them as part of the request. */
import type { Fields } from '../bytes/json.ts';

/**
 * Is the member `key` of `object` no part of the request itself? True for the arguments of a call that a model made, and
 * for the JSON schema of a function or an answer.
 */
export function isDescription(object: Fields, key: string): boolean {
  switch (key) {
    case 'input':
      return object['type'] === 'tool_use' || object['type'] === 'server_tool_use';
    case 'input_schema':
      return typeof object['name'] === 'string';
    case 'parameters':
      return typeof object['name'] === 'string';
    case 'schema':
      return typeof object['name'] === 'string' || object['type'] === 'json_schema';
    default:
      return false;
  }
}
