/** The registry of approaches: what it refuses, and what it completes. */
import { describe, expect, test } from 'vitest';
import { createApproachRegistry } from '../../../core/plan/registry.ts';
import { definePlugin, z } from '../../../core/index.ts';
import { pluginRecord } from '../../../core/plugin/define.ts';

describe('the registry', () => {
  const run = () => Promise.reject(new Error('not run'));
  const record = pluginRecord(definePlugin({ name: 'mine', description: 'Mine.', apply: () => undefined }))!;

  test('refuses what would not work, naming plugin and slug', () => {
    const view = createApproachRegistry().viewFor(record, {});
    view.add('one', { kind: 'answerer', run });
    const add = (slug: string, approach: object) => () => view.add(slug, approach as never);
    expect(add('one', { kind: 'answerer', run })).toThrow(
      /plugin 'mine': approach 'one' is offered by the plugin 'mine'/,
    );
    expect(add('auto', { kind: 'answerer', run })).toThrow(/'auto'/);
    expect(add('A b', { kind: 'answerer', run })).toThrow(/lower case/);
    expect(add('two', { kind: 'magic', run })).toThrow(/kind/);
    expect(add('two', { kind: 'answerer' })).toThrow(/run/);
    expect(add('two', { kind: 'answerer', run, options: z.strictObject({ x: z.number() }) })).toThrow(/default.*x/);
  });

  test('completes options of an approach’s own; flat names are for built-in ones', () => {
    const registry = createApproachRegistry();
    registry.viewFor(record, {}).add('built', {
      kind: 'answerer',
      run,
      options: z.strictObject({ x: z.int().default(3), temperature: z.number().default(1) }),
    });
    registry
      .viewFor(record, {}, false)
      .add('custom', { kind: 'answerer', run, options: z.strictObject({ y: z.int().default(3) }) });
    expect(registry.get('built')?.defaults).toEqual({ x: 3, temperature: 1 });
    expect([...registry.flatOptions.keys()]).toEqual(['x', 'built_x', 'built_temperature', 'built_config']);
  });
});
