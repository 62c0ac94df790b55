/**
 * Phase 3: several independent verifications of each solution, all at once; in arXiv:2507.15855 they follow one after the
 * other. As soon as enough verified solutions come to one answer (a consensus), all open calls are aborted.
 */
import { childSignal, type Call } from '../../../core/index.ts';
import { stripThinking, verdictOf, type Work } from '../../../core/approach/index.ts';
import type { Settings } from './settings.ts';
import { reviewed, VERIFIER } from './prompts.ts';
import { comesToTheSame, judge, VERDICTS, type Report, type Solution } from './solution.ts';

const TEMPERATURE = 0.1;

/**
 * The solution with its reports: verified if as many verdicts as required are CORRECT; else rejected if one is INCORRECT or
 * INCOMPLETE. One pass short, it gets further verifications, in a round more.
 */
export async function verify(solution: Solution, work: Work<Settings>): Promise<Solution> {
  const { verification_passes_required: required, max_verification_attempts: attempts } = work.options;
  const reports = await passes(required, solution, work);
  const isOneShort = countCorrect(reports) === required - 1;
  if (isOneShort && attempts > required) reports.push(...(await passes(attempts - required, solution, work)));
  if (countCorrect(reports) >= required)
    return { ...solution, standing: 'verified', confidence: confidenceIn(reports) ?? solution.confidence, reports };
  const isRejected = reports.some(({ verdict }) => verdict === 'incorrect' || verdict === 'incomplete');
  return { ...solution, standing: isRejected ? 'rejected' : 'unverified', reports };
}

async function passes(count: number, solution: Solution, work: Work<Settings>): Promise<Report[]> {
  const said = await Promise.all(
    Array.from({ length: count }, () =>
      judge(work, {
        system: VERIFIER,
        user: reviewed(work.call.request.value.messages, solution),
        temperature: TEMPERATURE,
        effort: 'low',
        role: 'verification',
        limit: work.options.max_tokens,
        evidence: [solution.answer],
      }),
    ),
  );
  return said.flatMap((text) => (text === undefined ? [] : [readReport(text)]));
}

/** Reads a verifier's text: its verdict, and the confidence it states. */
export function readReport(said: string): Report {
  const text = stripThinking(said).trim();
  const isNotCorrect = /\bnot\s+correct\b/i.test(text);
  return {
    verdict: verdictOf(text, VERDICTS) ?? (isNotCorrect ? 'incorrect' : null),
    confidence: statedConfidence(text),
    text,
  };
}

/** The number after the last "confidence", converted to 0 to 1: of 10, unless it names another scale or is a percentage. */
function statedConfidence(text: string): number | null {
  const stated = /\bconfidence\b[^\d\n]{0,30}(\d+(?:\.\d+)?)\s*(?:(?:\/|out of)\s*(\d+)|(%))?/gi;
  const last = [...text.matchAll(stated)].at(-1);
  if (!last) return null;
  const value = Number(last[1]) / (last[3] === undefined ? Number(last[2] ?? 10) : 100);
  return value >= 0 && value <= 1 ? value : null;
}

/** The mean confidence of the verifiers that found the solution correct; undefined if none of them states any. */
function confidenceIn(reports: readonly Report[]): number | undefined {
  const stated = reports.flatMap(({ verdict, confidence }) =>
    verdict === 'correct' && confidence !== null ? [confidence] : [],
  );
  return stated.length === 0 ? undefined : stated.reduce((sum, one) => sum + one, 0) / stated.length;
}

function countCorrect(reports: readonly Report[]): number {
  return reports.filter(({ verdict }) => verdict === 'correct').length;
}

/** Is this solution verified, and do as many verified ones as `wanted`, itself included, come to its answer? */
function isAgreed(one: Solution, solutions: readonly Solution[], wanted: number): boolean {
  if (one.standing !== 'verified') return false;
  const verified = solutions.filter(({ standing }) => standing === 'verified');
  return verified.filter((other) => other === one || comesToTheSame(other.answer, one.answer)).length >= wanted;
}

/** What `untilConsensus` came to. */
export interface Outcome {
  /** In the given order. A solution whose work was aborted is as it was given. */
  readonly solutions: readonly Solution[];
  /** Calls that were open when the consensus aborted them. */
  readonly aborted: number;
}

/** Applies `step` to all solutions at once, until all are done, or there is a consensus, which aborts the open calls. */
export async function untilConsensus(
  solutions: readonly Solution[],
  work: Work<Settings>,
  step: (solution: Solution, work: Work<Settings>) => Promise<Solution>,
): Promise<Outcome> {
  const { early_termination, consensus_threshold } = work.options;
  const results = [...solutions];
  const group = childSignal(work.call.signal);
  let open = 0;
  const countingAsk = async (asked: Call) => {
    open++;
    try {
      return await work.next.ask(asked);
    } finally {
      open--;
    }
  };
  const next = Object.assign((asked: Call) => work.next(asked), work.next, { ask: countingAsk });
  const shared = { ...work, next, call: work.call.with({}, { signal: group.signal }) };
  const consensus = Promise.withResolvers<void>();
  const working = solutions.map(async (solution, index) => {
    const worked = (results[index] = await step(solution, shared));
    if (early_termination && isAgreed(worked, results, consensus_threshold)) consensus.resolve();
  });
  try {
    await Promise.race([consensus.promise, Promise.all(working)]);
    return { solutions: [...results], aborted: open };
  } finally {
    group.release();
    group.abort(new Error('enough verified solutions agree'));
  }
}
