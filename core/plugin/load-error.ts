/** A plugin that cannot be had. The message says which and why, in words for its author. */
export class PluginLoadError extends Error {
  override readonly name = 'PluginLoadError';
}

/** Why an import failed. Node's own words, where they would not lead to the fix, are replaced or completed. */
export function importFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const message = error.message.split('\n')[0] ?? '';
  switch ('code' in error ? error.code : undefined) {
    case 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING':
      return 'TypeScript inside node_modules is not run: the package must contain JavaScript';
    case 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX':
      return `${message} (enums, namespaces and parameter properties cannot be stripped from TypeScript)`;
    case 'ERR_MODULE_NOT_FOUND':
      return message.replace(/ imported from .*$/, '');
    default:
      break;
  }
  const missing = missingExport(error);
  if (missing) return `${message}; if '${missing.name}' is a type, write \`import { type ${missing.name} }\``;
  return error.name === 'Error' ? message : `${error.name}: ${message}`;
}

/** The name that an import asked for and the module does not have; undefined for other failures. */
export function missingExport(error: unknown): { readonly specifier: string; readonly name: string } | undefined {
  const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : '';
  const [, specifier, name] = /module '([^']+)' does not provide an export named '([^']+)'/.exec(message) ?? [];
  return specifier === undefined || name === undefined ? undefined : { specifier, name };
}
