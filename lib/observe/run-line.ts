import type { Run } from '../../schemas/runs.js'
import type { JobKey } from '../runs/job.js'
import type { RunReport } from '../runs/report.js'
import type { Logger } from '../shared/log.js'

/** A line of the log for each run that has stopped on this instance: it has ended, or waits for its client. */
export function logRun (log: Logger, { project }: JobKey, run: Run, report: RunReport): void {
  const { id, thread_id: threadId, assistant_id: assistantId, status, last_error: error } = run
  const { provider, model, keyName, firstTokenMs, takeovers } = report
  const line = {
    run_id: id,
    thread_id: threadId,
    assistant_id: assistantId,
    project,
    ...keyName === undefined ? {} : { key: keyName },
    ...provider === undefined ? {} : { provider },
    model: model ?? run.model,
    status,
    prompt_tokens: report.promptTokens,
    completion_tokens: report.completionTokens,
    model_turns: report.modelTurns,
    tool_calls: report.toolCalls,
    ...firstTokenMs === undefined ? {} : { first_token_ms: Math.round(firstTokenMs) },
    duration_ms: Math.round(report.durationMs),
    ...takeovers === 0 ? {} : { takeovers },
    ...error === null ? {} : { error }
  }
  if (status === 'failed') log.warn(line, 'run failed')
  else log.info(line, `run ${status}`)
}
