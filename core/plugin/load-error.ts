/** A plugin cannot be loaded. The message names the plugin and the reason. */
export class PluginLoadError extends Error {
  override readonly name = 'PluginLoadError';
}

/** Why an import failed, in one line. Where Node's message does not point to the fix, it is replaced or completed. */
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

/** The imported name that the module does not export; undefined if the import failed for another reason. */
export function missingExport(error: unknown): { readonly specifier: string; readonly name: string } | undefined {
  const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : '';
  const [, specifier, name] = /module '([^']+)' does not provide an export named '([^']+)'/.exec(message) ?? [];
  return specifier === undefined || name === undefined ? undefined : { specifier, name };
}
