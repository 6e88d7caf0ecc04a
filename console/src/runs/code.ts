import type { Run } from '../api.js'

export type Language = 'typescript' | 'python' | 'curl'

/** A run as a program: what would be asked of the API to have it again. */
export function codeOf (run: Run, language: Language, baseURL: string): string {
  const body = { assistant_id: run.assistant_id, model: run.model, ...run.instructions === '' ? {} : { instructions: run.instructions } }
  switch (language) {
    case 'typescript': return [
      'import OpenAI from \'openai\'', '',
      `const client = new OpenAI({ baseURL: '${baseURL}', apiKey: process.env.OPENAI_API_KEY ?? 'none' })`,
      `const stream = client.beta.threads.runs.stream(${JSON.stringify(run.thread_id)}, ${JSON.stringify(body, null, 2)})`,
      'stream.on(\'textDelta\', delta => process.stdout.write(delta.value ?? \'\'))',
      'await stream.finalRun()'
    ].join('\n')
    case 'python': return [
      'import os', 'from openai import OpenAI', '',
      `client = OpenAI(base_url=${JSON.stringify(baseURL)}, api_key=os.environ.get("OPENAI_API_KEY", "none"))`,
      'with client.beta.threads.runs.stream(',
      `    thread_id=${JSON.stringify(run.thread_id)},`,
      ...Object.entries(body).map(([name, value]) => `    ${name}=${JSON.stringify(value)},`),
      ') as stream:', '    for text in stream.text_deltas:', '        print(text, end="", flush=True)'
    ].join('\n')
    default: return [
      `curl -N ${baseURL}/threads/${run.thread_id}/runs \\`,
      '  -H "Authorization: Bearer $OPENAI_API_KEY" -H "OpenAI-Beta: assistants=v2" -H "Content-Type: application/json" \\',
      `  -d '${JSON.stringify({ ...body, stream: true }).replaceAll('\'', '\'\\\'\'')}'`
    ].join('\n')
  }
}
