import { describe, expect, test } from 'vitest';
import { definePlugin, z, type GatewayError } from '../../../core/index.ts';
import { approachOptions, randomOf } from '../../../core/approach/index.ts';
import none from '../../../plugins/approaches/none.ts';
import { prepare, runApproach, type RunOptions } from '../../support/scripted-handler.ts';

/** Asks one call after the other, as many as it may, and gives the last answer. */
const patient = definePlugin({
  name: 'patient',
  description: 'Asks again and again.',
  options: approachOptions({
    times: z.int().min(1).max(20).default(5),
    patient_depth: z.number().default(1),
    max_tokens: z.int().default(100),
    word: z.string().default('x'),
  }),
  apply: ({ approaches }) =>
    approaches.add('patient', {
      kind: 'answerer',
      async run(call, next, { times }) {
        let answer = await next.ask(call);
        for (let i = 1; i < times && call.canSpend() && !call.signal.aborted; i++) answer = await next.ask(call);
        return answer.reply;
      },
    }),
});

const script = { answer: (_: unknown, index: number) => `answer ${index}` };
const fileOf = (limits?: object) => ({ patient: { at_most: { times: 8 }, ...(limits ? { limits } : {}) } });
const ask = (options: Partial<RunOptions> = {}, limits?: object, approach = 'patient') =>
  runApproach(approach, { plugins: [none, patient], file: fileOf(limits), script, ...options });
const effective = async (request: object) => {
  const { plan: decide, exchange } = await prepare('patient', {
    plugins: [patient],
    file: fileOf(),
    request: { ...request },
  });
  return (await decide(exchange)).options['patient'];
};
const refusal = async (request: object) => {
  try {
    await effective(request);
  } catch (error) {
    const { status, param, message } = error as GatewayError;
    return { status, param, message };
  }
  return undefined;
};

describe('forms of an option in a body', () => {
  test.each([
    ['flat', { times: 2 }],
    ['flat, with the approach in front', { patient_times: 2 }],
    ['an object of the approach', { patient_config: { times: 2 } }],
    ['nested', { optigate: { patient: { times: 2 } } }],
    ['nested beats the object', { patient_config: { times: 3 }, optigate: { patient: { times: 2 } } }],
    ['the object beats flat', { times: 3, patient_config: { times: 2 } }],
  ])('%s', async (_, request) => {
    expect(await effective(request)).toMatchObject({ times: 2 });
  });

  test('none of them goes upstream', async () => {
    const request = { times: 1, patient_times: 1, patient_config: { word: 'y' }, patient_max_tokens: 7, max_tokens: 9 };
    const { calls } = await ask({ request });
    expect(Object.keys(calls[0]!.request).toSorted()).toEqual(['max_tokens', 'messages', 'model']);
    expect(calls[0]!.request.max_tokens).toBe(9);
  });

  test.each([
    [{ times: 'many' }, 'times'],
    [{ patient_times: 'many' }, 'patient_times'],
    [{ patient_config: { times: 0 } }, 'patient_config.times'],
    [{ patient_config: 5 }, 'patient_config'],
    [{ patient_config: { tmes: 5 } }, 'patient_config.tmes'],
    [{ optigate: { patient: { times: 0 } } }, 'optigate.patient.times'],
    [{ optigate: { patient: { limits: { max_calls: 0 } } } }, 'optigate.patient.limits.max_calls'],
    [{ optigate: { patient: { limits: { max_cals: 2 } } } }, 'optigate.patient.limits.max_cals'],
  ])('a bad value names its field: %o', async (request, param) => {
    expect(await refusal(request)).toMatchObject({ status: 400, param });
  });
});

test('a bad duration is refused in words', async () => {
  expect(await refusal({ optigate: { patient: { limits: { deadline: 'soon' } } } })).toMatchObject({
    param: 'optigate.patient.limits.deadline',
    message: expect.stringContaining('expected duration such as 500ms, 30s') as string,
  });
});

describe('at_most', () => {
  test('caps what a request may give, whatever the form', async () => {
    const capped = { status: 400, message: expect.stringContaining('at most 8') as string };
    expect(await refusal({ times: 9 })).toMatchObject({ ...capped, param: 'times' });
    expect(await refusal({ optigate: { patient: { times: 9 } } })).toMatchObject(capped);
    expect(await effective({ times: 8 })).toMatchObject({ times: 8 });
  });

  test('holds for the file’s own value, too', () => {
    const schema = approachOptions({ times: z.int().default(5) });
    expect(schema.safeParse({ at_most: { times: 5 } }).success).toBe(true);
    const refused = schema.safeParse({ at_most: { times: 4 } });
    expect(refused.error?.issues).toMatchObject([{ path: ['times'], message: 'at most 4, as at_most.times says' }]);
  });

  test('is the server’s alone', async () => {
    expect(await refusal({ optigate: { patient: { at_most: { times: 20 } } } })).toMatchObject({
      status: 400,
      param: 'optigate.patient.at_most',
    });
  });
});

describe('an option that only the server may set', () => {
  const serverOnly = z.int().min(1).max(9).meta({ serverOnly: true });
  const caged = definePlugin({
    name: 'caged',
    description: 'Has options of the server’s.',
    options: approachOptions({
      bars: z.int().min(1).max(9).default(2).meta({ serverOnly: true }).describe('How many bars it has.'),
      locks: serverOnly.default(1),
      doors: serverOnly.nullable().optional(),
      keys: serverOnly.prefault(1).readonly(),
      visitors: z.int().default(3),
    }),
    apply: ({ approaches }) => approaches.add('caged', { kind: 'answerer', run: (call, next) => next(call) }),
  });
  const decided = async (request: Readonly<Record<string, unknown>>, file: object = {}, approach = 'caged') => {
    const { plan: decide, exchange } = await prepare(approach, {
      plugins: [none, caged],
      file: { caged: file },
      request,
    });
    return (await decide(exchange)).options['caged'];
  };

  test('is set by the file', async () => {
    const file = { bars: 5, locks: 6, doors: 7, keys: 8 };
    expect(await decided({ visitors: 4 }, file)).toMatchObject({ ...file, visitors: 4 });
  });

  test.each([
    [{ optigate: { caged: { bars: 3 } } }, 'optigate.caged.bars'],
    [{ optigate: { caged: { bars: 2 } } }, 'optigate.caged.bars'],
    [{ optigate: { caged: { locks: 3 } } }, 'optigate.caged.locks'],
    [{ optigate: { caged: { doors: null } } }, 'optigate.caged.doors'],
    [{ optigate: { caged: { keys: 3 } } }, 'optigate.caged.keys'],
    [{ bars: 3 }, 'bars'],
    [{ caged_bars: 3 }, 'caged_bars'],
    [{ caged_config: { bars: 3 } }, 'caged_config.bars'],
  ])('is refused in a request, by the field: %o', async (request, param) => {
    const refused = { status: 400, param, message: expect.stringContaining('only the server may set it') as string };
    await expect(decided(request)).rejects.toMatchObject(refused);
  });

  test('is refused whatever approach runs', async () => {
    await expect(decided({ bars: 3 }, {}, 'none')).rejects.toMatchObject({ status: 400, param: 'bars' });
  });
});

describe('limits of an approach', () => {
  test('end it with the best so far, without one call over', async () => {
    const run = await ask({}, { max_calls: 3 });
    expect([run.calls.length, run.text]).toEqual([3, 'answer 2']);
  });

  test('count tokens, too', async () => {
    expect((await ask({}, { max_tokens: 10 })).calls).toHaveLength(2);
  });

  test('may be lowered by a request, not raised', async () => {
    const limited = (max_calls: number) => ({ request: { optigate: { patient: { limits: { max_calls } } } } });
    expect((await ask(limited(2), { max_calls: 3 })).calls).toHaveLength(2);
    expect((await ask(limited(5), { max_calls: 3 })).calls).toHaveLength(3);
  });

  test('hold for all runs of a request together, beside the request’s own', async () => {
    const run = await ask({ request: { n: 2 } }, { max_calls: 4 });
    expect([run.calls.length, run.completion.choices.length]).toEqual([4, 2]);
    expect((await ask({ request: { optigate: { max_calls: 2 } } }, { max_calls: 4 })).calls).toHaveLength(2);
  });

  test('leave other branches alone', async () => {
    const run = await ask({}, { max_calls: 1 }, 'patient|none');
    expect([run.calls.length, run.completion.choices.length]).toEqual([2, 2]);
  });

  test('a deadline ends it', async () => {
    const run = await ask({ script: { answer: [{ hangs: true }] } }, { deadline: 20 }).catch((error: unknown) => error);
    expect(run).toMatchObject({ status: 504, code: 'deadline_exceeded' });
  });
});

describe('random choices', () => {
  const dice = definePlugin({
    name: 'dice',
    description: 'Throws dice.',
    apply: ({ approaches }) =>
      approaches.add('dice', {
        kind: 'answerer',
        run: (call, next) => {
          const random = randomOf(call);
          return next(call.with({ user: String(random.next()) }));
        },
      }),
  });
  const thrown = async (request: object) =>
    (await runApproach('dice', { plugins: [dice], script, request: { ...request } })).calls.map(
      ({ request }) => request['user'],
    );

  test('repeat with the request, and differ with its seed, its text and its run', async () => {
    const [first] = await thrown({});
    expect(await thrown({})).toEqual([first]);
    expect(await thrown({ seed: 1 })).not.toEqual([first]);
    expect(await thrown({ messages: [{ role: 'user', content: 'else' }] })).not.toEqual([first]);
    const runs = await thrown({ n: 3 });
    expect(new Set(runs).size).toBe(3);
    expect(await thrown({ n: 3 })).toEqual(runs);
  });

  test('are the same in a stream', async () => {
    expect(await thrown({ stream: true })).toEqual(await thrown({}));
  });
});
