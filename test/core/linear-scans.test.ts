/** Scans of core over text of others: twice the text takes twice the time, not four times. */
import { describe, test } from 'vitest';
import { echoed } from '../../core/echoed.ts';
import { nearest } from '../../core/nearest.ts';
import { matches } from '../../core/wildcard.ts';
import { isExpression, parseExpression } from '../../core/plan/expression.ts';
import { hasTag, mayHaveTag, withoutTags } from '../../core/plan/tags.ts';
import { routeOf } from '../../core/server/paths.ts';
import { checkJson } from '../../core/server/body.ts';
import { canonicalBytes } from '../../core/bytes/canonical-form.ts';
import { examine, findUsage } from '../../core/wire/examine.ts';
import { lastUsageIn } from '../../core/wire/event-reader.ts';
import { eventEnds, lastBorder } from '../../core/wire/event-border.ts';
import { SseDecoder } from '../../core/wire/sse.ts';
import { withoutUsage } from '../../core/wire/chat/stream-usage.ts';
import { Secrets } from '../../core/transport/secrets.ts';
import { readContentType } from '../../core/fetch/content-type.ts';
import { hostOf } from '../../core/fetch/url-rules.ts';
import { expectLinear } from '../support/doubling.ts';

/** A scan, and the parts whose repetition would cost it most. */
type Scan = readonly [name: string, scan: (text: string) => unknown, parts: readonly string[]];

const LISTED = {
  slugs: ['re2', 'bon'],
  get: (slug: string) => (['re2', 'bon'].includes(slug) ? { kind: 'answerer' as const } : undefined),
};
const attempt = (work: () => unknown) => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};
const SECRETS = new Secrets(['sk-proj-abcdefghijklmnopqrstuvwxyz']);
const said = (content: string) => [{ role: 'user', content }];

const SCANS: readonly Scan[] = [
  ['a path', (text) => routeOf(`/v1/${text}`), ['%20', '%2e', '/', '/ ', '\\', ';', 'a/']],
  ['the path of a model', (text) => routeOf(`/v1/models/${text}x`), ['%20', '/', '%2F', '.', 'a/./']],
  ['a prefix', (text) => isExpression(text, LISTED), ['bon|', 'bon&', 're2', ' ', '|', '&']],
  [
    'an expression',
    (text) => attempt(() => parseExpression(text, LISTED, 'optillm_approach')),
    ['bon|', 'bon&', 'x', ' ', '|'],
  ],
  [
    'tags that open',
    (text) => withoutTags(said(text), 'start'),
    [
      '<optillm_approach>',
      '<optillm_approach>re2</optillm_approach>',
      ' ',
      '<optillm_approach>\n',
      '</optillm_approach>',
    ],
  ],
  [
    'tags anywhere',
    (text) => withoutTags(said(text), 'anywhere'),
    ['<optillm_approach>', '<optillm_approach>re2</optillm_approach> ', ' ', '</optillm_approach> '],
  ],
  ['a tag left', (text) => hasTag(said(text)), ['<optillm_approach>', '<optillm_approach>re2</optillm_approac']],
  ['bytes for a tag', (text) => mayHaveTag(Buffer.from(text)), ['optillm_approac', 'h', 'approach']],
  ['what is quoted', echoed, ['x', 'x ', ' ', '/', `${'x'.repeat(64)} `]],
  ['a word for a suggestion', (text) => nearest(text, ['best_of_n', 'moa_proposers']), ['b', 'best_of_n']],
  ['a name for a pattern', (text) => matches('gpt*a*b*c', text), ['a', 'b', 'gpt', 'ab']],
  [
    'a body',
    (text) => attempt(() => checkJson(Buffer.from(`{"a":${JSON.stringify(text)},"b":[${text}0]}`), true)),
    ['0,', '"a",', '{"a":1},', '[],', '\\', '"'],
  ],
  [
    'the canonical form of a body',
    (text) => canonicalBytes(Buffer.from(JSON.stringify({ b: text, a: [text] }))),
    ['\\u0041', '/', 'é', '"', ' '],
  ],
  [
    'usage at the end of an answer',
    (text) => findUsage(Buffer.from(text)),
    ['"usage":{', '"usage"', '"usage":', '"usage":{}'],
  ],
  ['usage in an event', lastUsageIn, ['"usage":{', '"usage":{"a":{}', '"usage":{}', '"usage": ', '{}']],
  [
    'an answer',
    (text) =>
      examine(Buffer.from(`{"a":[${text}0]}`), true, { isAlwaysParsed: true, isAnswer: () => false, lacking: '' }),
    ['0,', '{"usage":{}},', '[],'],
  ],
  [
    'events',
    (text) => [lastBorder(Buffer.from(text)), eventEnds(Buffer.from(text))],
    ['\n', '\r', '\r\n', 'data: a\n', 'a\n\n'],
  ],
  [
    'events that come in pieces',
    (text) => {
      const decoder = new SseDecoder();
      for (let at = 0; at < text.length; at += 64) decoder.push(Buffer.from(text.slice(at, at + 64)));
    },
    ['a', 'data: a\n', 'data: a\n\n', '\r'],
  ],
  [
    'the usage of an event',
    (text) => withoutUsage(Buffer.from(`data: ${text}\n\n`)),
    ['{"usage":{}},', '"usage":', '\n'],
  ],
  [
    'keys in an error',
    (text) => SECRETS.inText(text),
    ['sk-', 'a', 'sk-proj-abcdefghijklmnop ', '\\', '\\u0073', 'sk-**', 'sk-proj-••'],
  ],
  ['a content type', readContentType, ['; charset=', ';', ' ', 'text/', '; charset']],
  ['a host', (text) => attempt(() => hostOf(new URL(`http://a${text}b/`))), ['.', '..a']],
];

describe.each(SCANS)('%s', (_, scan, parts) => {
  test.each(parts)('is read in a time that grows with its length: %j', (part) => {
    expectLinear(scan, part, 'x');
  });
});
