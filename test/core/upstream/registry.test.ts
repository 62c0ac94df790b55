/** The registry of providers, and reading lists of models. */
import { describe, expect, test } from 'vitest';
import { createProviderRegistry, modelsOf } from '../../../core/upstream/provider.ts';
import { PLAIN_PROVIDER } from '../../support/upstream-call.ts';

describe('a provider is refused', () => {
  test('under a name that is taken', () => {
    const registry = createProviderRegistry();
    registry.add(PLAIN_PROVIDER);
    expect(() => registry.add({ ...PLAIN_PROVIDER })).toThrow("a provider named 'plain' exists already");
    expect([registry.names, registry.get('plain')]).toEqual([['plain'], PLAIN_PROVIDER]);
  });

  test.each([[undefined], [[]], ['chat']])('that does not say which wires it speaks (%j)', (wires) => {
    const add = () => createProviderRegistry().add({ ...PLAIN_PROVIDER, wires: wires as never });
    expect(add).toThrow("the provider 'plain' needs 'wires', such as [wires.chat, wires.plain]");
  });
});

describe('a list of models', () => {
  const read = (body: string, status = 200) => modelsOf({ status, body: Buffer.from(body) });

  test('may stand in `data` or alone; what has no id is left out', () => {
    expect(read('{"object":"list","data":[{"id":"a","x":1},{"name":"b"},null]}')).toEqual([{ id: 'a', x: 1 }]);
    expect(read('[{"id":"a"}]')).toEqual([{ id: 'a' }]);
  });

  test('that is none, or was refused, is an error', () => {
    expect(() => read('{"data":{}}')).toThrow('the model list is none');
    expect(() => read('null')).toThrow('the model list is none');
    expect(() => read('{"data":[]}', 404)).toThrow('refused with status 404');
    expect(() => read('<html>')).toThrow(SyntaxError);
  });
});
