/** The schema of the file's own keys. Entries of plugins are checked one by one, each by its plugin's schema. */
import { z } from 'zod';
import { duration, size } from '../units.ts';

const keepAlive = z.enum(['comment', 'chunk', 'off']);
const logLevel = z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']);

const server = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('Another than loopback needs access keys, or auth.open: true.'),
  port: z.int().min(0).max(65_535).default(8000).describe('0 = any free one; the start line says which.'),
  workers: z
    .union([z.int().min(1).max(1024), z.literal('auto')])
    .default(1)
    .describe('Processes that share the port; auto = one per core.'),
  keep_alive: keepAlive.default('comment').describe('What goes out every 15 s while a stream is silent.'),
  body_limit: size.prefault('32mb').describe('JSON bodies, after decompression.'),
  upload_limit: size.prefault('512mb').describe('Bodies that are streamed through (multipart, audio).'),
  allowed_hosts: z
    .array(z.string().min(1))
    .default([])
    .describe('Further names that `Host` may have where nobody authenticates, with * as wildcard.'),
  cors: z
    .array(z.string().min(1))
    .default([])
    .describe('Origins of web pages that may call (https://app.example.com), with * as wildcard; "*" = all.'),
  request_timeout: duration.prefault('60s').describe('To receive a request whole, else 408.'),
  drain_timeout: duration.prefault('30s').describe('On SIGTERM: how long running requests may take to finish.'),
});

const baseUrl = z
  .string()
  .regex(/^https?:\/\/[^\s/?#]+[^\s?#]*$/)
  .meta({ title: 'http(s) address without query', examples: ['https://api.openai.com/v1'] });

/** An upstream's keys. Any other key belongs to the upstream's provider. */
export const upstream = z.strictObject({
  provider: z.string().min(1).default('openai').describe('Which provider plugin speaks to it.'),
  base_url: baseUrl.optional().describe("Where it is, version included. Default: the provider's own."),
  api_key: z.string().optional().describe('The key that pays for callers without one. Best written as ${NAME}.'),
  timeout: duration.prefault('10m').describe('One attempt, up to its end.'),
  connect_timeout: duration.prefault('10s').describe('To get a connection.'),
  idle_timeout: duration.prefault('5m').describe('No byte for so long after the headers.'),
  forward_headers: z
    .union([z.string().min(1), z.array(z.string().min(1))])
    .default([])
    .describe('Client headers that pass besides the usual ones: a pattern or a list of them, with * as wildcard.'),
  tls: z
    .strictObject({
      verify: z.boolean().default(true).describe('false accepts any certificate: for tests only.'),
      ca: z.string().min(1).optional().describe('Path of a PEM file with the authorities to trust.'),
    })
    .prefault({}),
  proxy: z
    .string()
    .min(1)
    .meta({ title: 'none or the address of an HTTP proxy', examples: ['http://proxy.example:3128'] })
    .optional()
    .describe('How to get there. Default: HTTPS_PROXY, HTTP_PROXY and NO_PROXY. Loopback is always direct.'),
});

/** An upstream's name, as it stands before the slash in a model's name. */
export const upstreamName = z
  .string()
  .regex(/^[A-Za-z0-9][\w.-]*$/)
  .meta({ title: "name of letters, digits, '_', '-' and '.'" });

/** The file without `upstreams` and `plugins`, whose entries depend on plugins. */
export const fileSettings = z.strictObject({
  server: server.prefault({}).describe('Where and how it listens. host, port and workers need a restart.'),
  log: z
    .strictObject({ level: logLevel.default('info').describe('Least severe level that is written.') })
    .prefault({})
    .describe('JSON lines on stdout, pretty on a terminal.'),
  autodetect: z
    .boolean()
    .default(false)
    .describe('With no key for any upstream: use a model server that runs on this machine, else the demo.'),
  model: z.string().min(1).optional().describe('For requests that name none; without it they get 400.'),
  approach: z
    .string()
    .min(1)
    .default('auto')
    .describe('For requests that select none: auto = passthrough, or such as re2&moa.'),
  tags: z
    .union([z.enum(['start', 'anywhere']), z.boolean()])
    .default('start')
    .describe(
      'Where <optillm_approach> selects: start (it opens the last user message, else a system message; true = start), anywhere, or false.',
    ),
  approach_limits: z
    .strictObject({
      max_calls: z.int().min(1).default(200).describe('Requests sent upstream, retries apart.'),
      max_tokens: z.int().min(1).optional().describe('Completion tokens over all calls.'),
      deadline: duration.prefault('10m').describe('From the arrival of the request.'),
    })
    .prefault({})
    .describe('For every request; a request may only lower them.'),
  approach_defaults: z
    .strictObject({
      n: z.int().min(1).max(128).optional().describe('Choices where a request gives no n and an approach runs.'),
    })
    .prefault({}),
});

/** The checked file: durations in ms, sizes in bytes. */
export type FileSettings = z.output<typeof fileSettings>;
