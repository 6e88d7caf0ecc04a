import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-node'
import { test } from 'tap'
import { KIND } from '../../storage/layout.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import { leaseRecord, type JobLease } from '../../lib/runs/lease.js'
import { newAssistant, newThread, startServer } from '../helpers/server.js'
import { error, Gate, text, toolCalls } from '../helpers/upstream.js'
import { restingRun, startRun, until } from '../runs/helpers/core.js'
import { Lives } from '../runs/helpers/lifetime.js'

const exporter = new InMemorySpanExporter()
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const CALLER = '00f067aa0ba902b7'
const traceparent = `00-${TRACE}-${CALLER}-01`
const named = (name: string): ReadableSpan | undefined => exporter.getFinishedSpans().find(span => span.name === name)
const weather = { type: 'function', function: { name: 'get_weather', parameters: { type: 'object', properties: {} } } }

// The first test: the rest of this file has an SDK.
test('without an SDK a run keeps no trace, and its lease none either', async t => {
  const records = new MemoryRecordStore()
  const gate = new Gate()
  const server = await startServer(t, { storage: records, script: [text(['Hello', gate, '!'])] })
  const assistant = await newAssistant(server)
  const thread = await newThread(server, 'Hi')
  const stream = await server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id }, { traceparent })
  await gate.reached()
  const page = await records.page<JobLease>({ project: 'default', partition: thread.id, kind: KIND.lease, limit: 1, order: 'asc' })
  t.equal(page.records.length, 1)
  t.equal(page.records[0]!.body.trace, undefined)
  gate.open()
  await stream.all()
})

test('a run is a span below its request\'s, with one below it for each model call and tool', async t => {
  new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register()
  let inTool: string | undefined
  const server = await startServer(t, {
    tools: [{ name: 'get_weather', description: 'Weather', parameters: { type: 'object' }, execute: async () => { inTool = trace.getActiveSpan()?.spanContext().spanId; return 'Sunny' } }] as never,
    script: [toolCalls([{ id: 'call_1', name: 'get_weather', arguments: {} }], { usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } }), text('Sunny.', { usage: { prompt_tokens: 20, completion_tokens: 3, total_tokens: 23 } })]
  })
  const assistant = await newAssistant(server, { tools: [weather] })
  const thread = await newThread(server, 'A secret question?')
  const events = await (await server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id, temperature: 0.5 }, { traceparent })).all()
  const runId = (events[0] as any).data.id
  await until(async () => named('invoke_agent') !== undefined)
  const [run, tool] = [named('invoke_agent')!, named('execute_tool get_weather')!]
  const chats = exporter.getFinishedSpans().filter(({ name }) => name === 'chat test-model')
  t.equal(run.spanContext().traceId, TRACE)
  t.equal(run.parentSpanContext?.spanId, CALLER)
  t.match(run.attributes, {
    'gen_ai.operation.name': 'invoke_agent',
    'gen_ai.agent.id': assistant.id,
    'gen_ai.conversation.id': thread.id,
    'gen_ai.request.model': 'test-model',
    'gen_ai.usage.input_tokens': 30,
    'gen_ai.usage.output_tokens': 8,
    'openai_compat.run.id': runId,
    'openai_compat.run.status': 'completed',
    'openai_compat.run.model_turns': 2,
    'openai_compat.run.tool_calls': 1,
    'openai_compat.run.takeovers': 0
  })
  t.equal(chats.length, 2)
  for (const span of [...chats, tool]) t.equal(span.parentSpanContext?.spanId, run.spanContext().spanId, span.name)
  t.match(chats[0]!.attributes, {
    'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'test-model', 'gen_ai.request.temperature': 0.5, 'gen_ai.usage.input_tokens': 10, 'gen_ai.usage.output_tokens': 5, 'gen_ai.response.finish_reasons': ['tool_calls']
  })
  t.equal(chats[0]!.kind, SpanKind.CLIENT)
  t.type(chats[0]!.attributes['gen_ai.provider.name'], 'string')
  t.match(tool.attributes, { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'get_weather', 'gen_ai.tool.call.id': 'call_1', 'gen_ai.tool.type': 'function' })
  t.equal(inTool, tool.spanContext().spanId, 'what a tool does belongs to its span')
  t.notMatch(JSON.stringify(exporter.getFinishedSpans().map(({ name, attributes, status }) => ({ name, attributes, status }))), /secret|Sunny/, 'nothing that was said')
  exporter.reset()
})

test('a request without a trace begins one, and one of the application is gone on with', async t => {
  const server = await startServer(t, {
    script: [text('One'), text('Two')],
    prepare: app => {
      // As an instrumentation of HTTP does.
      app.addHook('preValidation', (request, _reply, done) => {
        if (request.headers['x-traced'] === undefined) return done()
        const span = trace.getTracer('host').startSpan('POST /runs')
        context.with(trace.setSpan(context.active(), span), done)
        span.end()
      })
    }
  })
  const [assistant, thread] = [await newAssistant(server), await newThread(server, 'Hi')]
  await (await server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).all()
  await until(async () => named('invoke_agent') !== undefined)
  t.equal(named('invoke_agent')!.parentSpanContext, undefined)
  exporter.reset()
  await (await server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id }, { 'x-traced': 'yes', traceparent })).all()
  await until(async () => named('invoke_agent') !== undefined)
  t.equal(named('invoke_agent')!.parentSpanContext?.spanId, named('POST /runs')!.spanContext().spanId)
  exporter.reset()
})

test('a failure is the status of its spans, by its kind alone', async t => {
  const server = await startServer(t, { script: [error(500, 'The secret is out.')] })
  const [assistant, thread] = [await newAssistant(server), await newThread(server, 'Hi')]
  await (await server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).all()
  await until(async () => named('invoke_agent') !== undefined)
  for (const name of ['chat test-model', 'invoke_agent']) t.match(named(name), { status: { code: SpanStatusCode.ERROR, message: 'server_error' }, attributes: { 'error.type': 'server_error' } }, name)
  t.match(named('invoke_agent')!.attributes, { 'openai_compat.run.status': 'failed' })
  t.notMatch(JSON.stringify(exporter.getFinishedSpans().map(({ attributes, status, events }) => ({ attributes, status, events }))), /secret/)
  exporter.reset()
})

test('a run that is taken over stays in its trace, and links to the execution that broke off', async t => {
  const lives = await Lives.begin(t)
  const gate = new Gate()
  lives.upstream.enqueue(text(['Hello', gate, '!']), text('Hello!'))
  const request = propagation.extract(context.active(), { traceparent })
  const first = await lives.start()
  const { run } = await context.with(request, async () => await startRun(first))
  await gate.reached()
  const { body } = (await lives.records.get<JobLease>(leaseRecord({ dialect: 'assistants', project: 'default', partition: run.thread_id, jobId: run.id })))!
  t.equal(body.trace!.parent, traceparent)
  await lives.crash()
  exporter.reset()
  await lives.start()
  t.equal((await restingRun(lives.core, run)).status, 'completed')
  await until(async () => named('invoke_agent') !== undefined)
  const span = named('invoke_agent')!
  t.equal(span.spanContext().traceId, TRACE)
  t.equal(span.parentSpanContext?.spanId, CALLER)
  t.strictSame(span.links.map(({ context: { traceId, spanId } }) => `00-${traceId}-${spanId}-01`), [body.trace!.own])
  t.match(span.attributes, { 'openai_compat.run.takeovers': 1, 'openai_compat.run.status': 'completed' })
})
