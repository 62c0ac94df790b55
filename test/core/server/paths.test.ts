import { describe, expect, test } from 'vitest';
import { routeOf } from '../../../core/server/paths.ts';

const kindOf = (path: string) => routeOf(path).kind;

describe('a path is taken as it is written', () => {
  test.each([
    '/v1/chat/completions',
    '/v1/completions',
    '/v1/embeddings',
    '/v1/responses',
    '/v1/messages',
    '/v1/messages/count_tokens',
  ])('%s is an endpoint', (path) => expect(kindOf(path)).toBe('endpoint'));

  test.each([
    '/v1/chat/completions/',
    '/v1//chat/completions',
    '/v1/chat%2Fcompletions',
    '/v1/./chat/completions',
    '/v1/x/../chat/completions',
    '/v1/%2e/chat/completions',
    '/v1/x/%2E%2e/chat/completions',
    '/v1/chat/completions;a=1',
    '/v1/chat/Completions',
    '/v1/completion%73',
    '/v1/MODELS',
    '/v1/models//x',
    '/v1/models/',
    '/v1/models/../files',
    '/v1/files/../../admin',
    '/v1/x/..%2f..%2fchat',
    '/v1/chat\\completions',
    '/v1/chat/completions#x',
    '/v1/chat/completions%23x',
    '/v1/chat/completions%20',
    '/v1/chat/completions%00',
    '/v1/chat/%09completions',
    '/v1/%zz',
    '/V1/chat/completions',
    '/v1',
    '/v1/',
    '/elsewhere',
  ])('%s is no known path and is not forwarded', (path) => expect(kindOf(path)).toBe('unknown'));

  test.each([
    '/v1/files',
    '/v1/files/abc',
    '/v1/audio/speech',
    '/v1/chat/completions/chatcmpl-1',
    '/v1/responses/resp_1',
    '/v1/messages/batches',
    '/v1/vector_stores/x/',
  ])('%s is forwarded', (path) => expect(kindOf(path)).toBe('other'));

  test('the rest of a model path is its id, decoded once', () => {
    expect(routeOf('/v1/models/org/name:tag')).toEqual({ kind: 'models', id: 'org/name:tag' });
    expect(routeOf('/v1/models/a%2Fb')).toEqual({ kind: 'models', id: 'a/b' });
    expect(routeOf('/v1/models/a%252Fb')).toEqual({ kind: 'models', id: 'a%2Fb' });
    expect(routeOf('/v1/models')).toEqual({ kind: 'models', id: undefined });
  });
});
