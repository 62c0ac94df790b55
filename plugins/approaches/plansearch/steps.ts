/** The steps from a problem to a program, which chain and tree have in common. */
import type { Call } from '../../../core/index.ts';
import {
  isFreeText,
  isTruncated,
  isUsable,
  judgeCall,
  limitedTo,
  reportDegraded,
  stripThinking,
  survive,
  type Answer,
  type Work,
} from '../../../core/approach/index.ts';
import { observationsIn } from './observations.ts';
import { deriving, observing, problemView, PSEUDOCODE, RETHINK, sketching, solving, type Ideas } from './prompts.ts';
import type { Task } from './task.ts';

/** In characters. A sketch that was cut is followed all the same if it is longer. */
const LONG_ENOUGH = 200;

/** What all steps need. */
export interface Search extends Work {
  readonly task: Task;
  /** Of all calls; undefined = the request sets none, and the model's default holds. */
  readonly temperature: number | undefined;
  /** In tokens, of each call. */
  readonly limit: number;
  /** How many choices the client wants. Each is a search of its own, and they share the limit on calls. */
  readonly runs: number;
}

const NOTHING: Ideas = { observations: [], sketch: '' };

/**
 * The first observations. Throws if the call fails: nothing has worked before, so that the search fails, too. One or
 * two calls.
 */
export function observe(search: Search, count: number): Promise<readonly string[]> {
  return observations(
    search,
    ideaCall(search, { role: 'observations', system: observing(search.task, count), ideas: NOTHING }),
    count,
  );
}

/** Observations derived from others; none if the call fails or cannot be afforded. One or two calls. */
export async function derive(search: Search, given: readonly string[], count: number): Promise<readonly string[]> {
  if (!hasRoom(search)) return [];
  const system = given.length > 0 ? deriving(search.task, count) : observing(search.task, count);
  const ideas = { observations: given, sketch: '' };
  const asking = ideaCall(search, { role: 'derived_observations', system, ideas });
  return (await survive(observations(search, asking, count), search.call)) ?? [];
}

/** Asks for observations, and once more if the reply holds none. */
async function observations(search: Search, asking: Call, count: number): Promise<readonly string[]> {
  const ask = async () => read(await search.next.ask(asking));
  const read = (answer: Answer) => (isUsable(answer) ? observationsIn(answer.text, count, isTruncated(answer)) : []);
  const found = await ask();
  if (found.length > 0 || !hasRoom(search)) return found;
  return (await survive(ask(), search.call)) ?? [];
}

/** A solution in words; empty if two tries bring none. */
export function sketch(search: Search, observed: readonly string[]): Promise<string> {
  const ideas = { observations: observed, sketch: '' };
  return text(search, ideaCall(search, { role: 'sketch', system: sketching(search.task), ideas }));
}

/**
 * Another solution in words. The prompt calls the given one wrong, so that another idea comes. Empty if two tries bring
 * none.
 */
export function otherSketch(search: Search, ideas: Ideas): Promise<string> {
  return text(search, ideaCall(search, { role: 'other_sketch', system: RETHINK, ideas }));
}

/** A solution as pseudocode; empty if two tries bring none. */
export function pseudocode(search: Search, solution: string): Promise<string> {
  const ideas = { observations: [], sketch: solution };
  return text(search, ideaCall(search, { role: 'pseudocode', system: PSEUDOCODE, ideas }));
}

async function text(search: Search, asking: Call): Promise<string> {
  for (let attempt = 0; attempt < 2 && hasRoom(search); attempt++) {
    const answer = await survive(search.next.ask(asking), search.call);
    if (!answer) return '';
    const written = isUsable(answer) ? stripThinking(answer.text).trim() : '';
    if (written !== '' && (!isTruncated(answer) || written.length > LONG_ENOUGH)) return written;
  }
  return '';
}

/** The call that writes the program, not made yet: `answer` if it is shown, `candidate` if it may win. */
export function programCall({ call, task, temperature, limit }: Search, ideas: Ideas, role: 'answer' | 'candidate') {
  const messages = solving(call.request.value.messages, { task, ideas, isFree: isFreeText(call) });
  return call.with(
    { messages, ...(temperature === undefined ? {} : { temperature }), ...limitedTo(call, limit) },
    { role },
  );
}

/**
 * After one more call, is a call left for the answer of each choice? If not, tells the client that the budget is
 * exhausted.
 */
export function hasRoom({ call, runs }: Search): boolean {
  if (call.callsLeft > runs) return true;
  reportDegraded(call.exchange, 'budget');
  return false;
}

interface Thinking {
  readonly role: string;
  readonly system: string;
  /** The ideas so far. */
  readonly ideas: Ideas;
}

function ideaCall({ call, temperature, limit }: Search, { role, system, ideas }: Thinking): Call {
  const user = problemView(call.request.value.messages, ideas);
  return judgeCall(call, { system, user, limit, role, ...(temperature === undefined ? {} : { temperature }) });
}
