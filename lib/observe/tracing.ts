import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Attributes, type Context, type Link, type Span, type Tracer } from '@opentelemetry/api'
import { ModelError, type ModelRequest } from '../models/provider.js'
import type { TokenUsage } from '../runs/job.js'
import type { JobTrace, ObservedRun, ObservedStep, RunObserver } from '../runs/observer.js'
import type { RunReport } from '../runs/report.js'

/**
 * Spans of runs, their model calls and tools, by the semantic conventions of OpenTelemetry for generative AI. The application registers the
 * SDK; without one every span is one that records nothing, and no run keeps any. What is said to models and by them is in none.
 */
export class RunTracing implements RunObserver {
  readonly #tracer: Tracer

  constructor (version: string) {
    this.#tracer = trace.getTracer('fastify-openai-compat', version)
  }

  begin (taken?: JobTrace): ObservedRun | undefined {
    const parent = taken === undefined ? context.active() : contextOf(taken.parent)
    const links: Link[] = []
    const before = taken === undefined ? undefined : trace.getSpanContext(contextOf(taken.own))
    if (before !== undefined) links.push({ context: before })
    const span = this.#tracer.startSpan('invoke_agent', { kind: SpanKind.INTERNAL, links, attributes: { 'gen_ai.operation.name': 'invoke_agent' } }, parent)
    if (!span.isRecording()) return undefined
    const above = traceparentOf(parent)
    const within = trace.setSpan(parent, span)
    return new TracedRun(this.#tracer, span, within, { own: traceparentOf(within) as string, ...above === undefined ? {} : { parent: above } })
  }
}

/**
 * Makes what a request says of its trace the context of its work, unless the application has done that already.
 *
 * @param headers those of the request.
 */
export function inTraceOf (headers: Readonly<Record<string, unknown>>, work: () => void): void {
  if (headers.traceparent === undefined || trace.getSpan(context.active()) !== undefined) return work()
  context.with(propagation.extract(context.active(), headers), work)
}

const contextOf = (traceparent: string | undefined): Context => traceparent === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, { traceparent })

function traceparentOf (of: Context): string | undefined {
  const carrier: { traceparent?: string } = {}
  propagation.inject(of, carrier)
  return carrier.traceparent
}

class TracedRun implements ObservedRun {
  readonly trace: JobTrace
  readonly #tracer: Tracer
  readonly #span: Span
  readonly #context: Context

  constructor (tracer: Tracer, span: Span, within: Context, trace: JobTrace) {
    this.#tracer = tracer
    this.#span = span
    this.#context = within
    this.trace = trace
  }

  describe ({ runId, threadId, agentId, model, takeovers }: Parameters<ObservedRun['describe']>[0]): void {
    this.#span.setAttributes({
      'gen_ai.agent.id': agentId,
      'gen_ai.conversation.id': threadId,
      'gen_ai.request.model': model,
      'openai_compat.run.id': runId,
      'openai_compat.run.takeovers': takeovers
    })
  }

  modelCall ({ provider, request }: { provider: string, request: ModelRequest }): ObservedStep<{ usage: TokenUsage, finish: string }> {
    const { model, temperature, topP, maxCompletionTokens } = request
    return this.#step<{ usage: TokenUsage, finish: string }>(`chat ${model}`, SpanKind.CLIENT, {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': provider,
      'gen_ai.request.model': model,
      ...temperature === undefined ? {} : { 'gen_ai.request.temperature': temperature },
      ...topP === undefined ? {} : { 'gen_ai.request.top_p': topP },
      ...maxCompletionTokens === undefined ? {} : { 'gen_ai.request.max_tokens': maxCompletionTokens }
    }, ({ usage, finish }) => ({ ...usageOf(usage), 'gen_ai.response.finish_reasons': [finish] }))
  }

  toolCall ({ id, name, isBuiltIn }: { id: string, name: string, isBuiltIn: boolean }): ObservedStep<void> {
    return this.#step<void>(`execute_tool ${name}`, SpanKind.INTERNAL, {
      'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': name, 'gen_ai.tool.call.id': id, 'gen_ai.tool.type': isBuiltIn ? 'extension' : 'function'
    }, () => ({}))
  }

  failed (error: unknown): void {
    fail(this.#span, error)
  }

  end (status: string, { provider, promptTokens, completionTokens, modelTurns, toolCalls }: RunReport): void {
    this.#span.setAttributes({
      ...provider === undefined ? {} : { 'gen_ai.provider.name': provider },
      'gen_ai.usage.input_tokens': promptTokens,
      'gen_ai.usage.output_tokens': completionTokens,
      'openai_compat.run.status': status,
      'openai_compat.run.model_turns': modelTurns,
      'openai_compat.run.tool_calls': toolCalls
    })
    this.#span.end()
  }

  #step<Result> (name: string, kind: SpanKind, attributes: Attributes, attributesOf: (result: Result) => Attributes): ObservedStep<Result> {
    const span = this.#tracer.startSpan(name, { kind, attributes }, this.#context)
    const inside = trace.setSpan(this.#context, span)
    return {
      within: work => context.with(inside, work),
      end (result) {
        span.setAttributes(attributesOf(result))
        span.end()
      },
      failed (error) {
        fail(span, error)
        span.end()
      }
    }
  }
}

const usageOf = ({ promptTokens, completionTokens, cachedTokens }: TokenUsage): Attributes => ({
  'gen_ai.usage.input_tokens': promptTokens, 'gen_ai.usage.output_tokens': completionTokens, 'gen_ai.usage.cache_read.input_tokens': cachedTokens
})

/** Its kind alone: messages may quote what was said. */
function fail (span: Span, error: unknown): void {
  const type = error instanceof ModelError ? error.code : error instanceof Error ? error.name : '_OTHER'
  span.setAttribute('error.type', type)
  span.setStatus({ code: SpanStatusCode.ERROR, message: type })
}
