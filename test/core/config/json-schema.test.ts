import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { builtInPlugins, configSchema } from '../../../core/config/json-schema.ts';
import { schemaAt } from '../../../core/config/expectation.ts';

const KEPT = new URL('../../../core/config/config.schema.json', import.meta.url);

test('the schema in the repository is current (npm run schema)', async () => {
  expect(JSON.parse(await readFile(KEPT, 'utf8'))).toEqual(configSchema(await builtInPlugins()));
});

test('knows the options of built-in plugins, with defaults and descriptions', async () => {
  const schema = configSchema(await builtInPlugins());
  expect(schemaAt(schema, ['plugins', 0, 'retry', 'attempts'])).toMatchObject({
    default: 3,
    description: expect.any(String),
  });
  expect(schemaAt(schema, ['server', 'body_limit'])).toMatchObject({ default: '32mb' });
});

test('a number may also be a reference to the environment', async () => {
  const schema = configSchema(await builtInPlugins());
  expect(schemaAt(schema, ['server', 'port'])).toMatchObject({
    default: 8000,
    anyOf: [{ type: 'integer', maximum: 65535 }, { $ref: '#/$defs/reference' }],
  });
});
