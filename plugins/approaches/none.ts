/**
 * The plain call: the client's request as it is, the upstream's answer as it comes. One call, one round. It changes nothing
 * in `a&b` and is the baseline in `a|b`. The prefix `none-` reaches a model whose own name begins like an approach.
 */
import { definePlugin } from '../../core/index.ts';

export default definePlugin({
  name: 'none',
  description: 'Passes the request on as it is.',
  apply({ approaches }) {
    approaches.add('none', { kind: 'answerer', isSingleCall: true, run: (call, next) => next(call) });
  },
});
