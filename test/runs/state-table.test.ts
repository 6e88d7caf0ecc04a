import { test } from 'tap'
import { canMove, isActive, transition, type Move } from '../../lib/dialects/assistants/state.js'
import { RUN_STATUSES, type Run, type RunStatus } from '../../schemas/runs.js'

/** Every move of the life cycle; what is not here does not exist. */
const MOVES: Record<RunStatus, RunStatus[]> = {
  queued: ['in_progress', 'cancelling', 'failed', 'expired'],
  in_progress: ['requires_action', 'cancelling', 'failed', 'completed', 'incomplete', 'expired'],
  requires_action: ['queued', 'cancelling', 'failed', 'expired'],
  cancelling: ['cancelled', 'failed', 'expired'],
  cancelled: [],
  failed: [],
  completed: [],
  incomplete: [],
  expired: []
}

const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2, prompt_token_details: { cached_tokens: 0 }, completion_tokens_details: { reasoning_tokens: 0 } }

function moveTo (to: RunStatus): Move {
  switch (to) {
    case 'queued':
    case 'cancelling': return { to }
    case 'in_progress': return { to, at: 7 }
    case 'requires_action': return { to, action: { type: 'submit_tool_outputs', submit_tool_outputs: { tool_calls: [] } } }
    case 'expired': return { to, usage }
    case 'incomplete': return { to, at: 7, usage, reason: 'max_prompt_tokens' }
    case 'failed': return { to, at: 7, usage, error: { code: 'server_error', message: 'x' } }
    default: return { to, at: 7, usage }
  }
}

for (const from of RUN_STATUSES) {
  test(`where a run that is ${from} can go`, async t => {
    t.equal(isActive(from), MOVES[from].length > 0, 'it is active when it can go somewhere')
    const run = Object.freeze({ id: 'run_x', status: from, started_at: null, expires_at: 600, usage: null }) as unknown as Run
    for (const to of RUN_STATUSES) {
      const legal = MOVES[from].includes(to)
      t.equal(canMove(from, to), legal, `${from} -> ${to}`)
      if (legal) t.equal(transition(run, moveTo(to)).status, to)
      else t.throws(() => transition(run, moveTo(to)), { message: `run run_x cannot go from ${from} to ${to}` })
    }
  })
}

test('a run that has ended has its usage; one that has not has none', async t => {
  const run = { id: 'run_x', status: 'in_progress', usage: null } as unknown as Run
  for (const to of MOVES.in_progress) t.strictSame(transition(run, moveTo(to)).usage, isActive(to) ? null : usage, to)
})

/** What each move changes of a run, besides its status. */
const CHANGES: Record<RunStatus, Partial<Run>> = {
  queued: {},
  in_progress: { started_at: 7 },
  requires_action: { required_action: { type: 'submit_tool_outputs', submit_tool_outputs: { tool_calls: [] } } },
  cancelling: {},
  cancelled: { cancelled_at: 7, expires_at: null, usage },
  failed: { failed_at: 7, expires_at: null, usage, last_error: { code: 'server_error', message: 'x' } },
  completed: { completed_at: 7, expires_at: null, usage },
  incomplete: { completed_at: 7, expires_at: null, usage, incomplete_details: { reason: 'max_prompt_tokens' } },
  expired: { usage }
}

test('a move stamps its own time and reason, asks for its own action, and leaves the rest of the run as it is', async t => {
  const stamps = { started_at: null, expires_at: 600, completed_at: null, cancelled_at: null, failed_at: null }
  const action = { type: 'submit_tool_outputs', submit_tool_outputs: { tool_calls: [{}] } }
  for (const from of RUN_STATUSES) {
    for (const to of MOVES[from]) {
      const before = { id: 'run_x', status: from, ...stamps, usage: null, last_error: null, incomplete_details: null, required_action: action } as unknown as Run
      t.strictSame(transition(before, moveTo(to)), { ...before, required_action: null, ...CHANGES[to], status: to }, `${from} -> ${to}`)
    }
  }
})
