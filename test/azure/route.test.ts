import t from 'tap'
import { azureDeployment, azureRoute, rewriteAzureUrl } from '../../lib/http/azure.js'

t.test('Azure\'s addresses lead to ours', async t => {
  const cases: [string, string, string?][] = [
    ['/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21', '/v1/chat/completions?api-version=2024-10-21', 'gpt-4o'],
    ['/openai/deployments/gpt-4o/embeddings?api-version=2024-10-21', '/v1/embeddings?api-version=2024-10-21', 'gpt-4o'],
    ['/openai/deployments/ollama/llama3:8b/chat/completions', '/v1/chat/completions', 'ollama/llama3:8b'],
    ['/openai/deployments/ollama%2Fa%20b/chat/completions', '/v1/chat/completions', 'ollama/a b'],
    ['/openai/deployments/threads/models/x/embeddings', '/v1/embeddings', 'threads/models/x'],
    ['/openai/deployments/gpt-4o/threads/thread_1/runs?a=b', '/v1/threads/thread_1/runs?a=b'],
    ['/openai/deployments/gpt-4o/assistants', '/v1/assistants'],
    ['/openai/deployments/a/b/vector_stores/vs_1/files', '/v1/vector_stores/vs_1/files'],
    ['/openai/deployments/gpt-4o/images/generations', '/v1/deployments/gpt-4o/images/generations'],
    ['/openai/threads/runs?api-version=1', '/v1/threads/runs?api-version=1'],
    ['/openai/models', '/v1/models'],
    ['/openai/v1/chat/completions', '/v1/chat/completions'],
    ['/openai/v1/threads', '/v1/threads'],
    ['//openai/assistants', '/v1/assistants'],
    ['/api/projects/mine/threads?api-version=v1', '/v1/threads?api-version=v1'],
    ['/api/projects/mine/openai/v1/assistants/asst_1', '/v1/assistants/asst_1'],
    ['/api/projects/my%20own/vector_stores/vs_1/files', '/v1/vector_stores/vs_1/files'],
    ['/openai/v1', '/v1/v1']
  ]
  for (const [url, ours, deployment] of cases) t.strictSame(azureRoute(url, '/v1'), { url: ours, deployment }, url)
})

t.test('other addresses are none of ours', async t => {
  for (const url of ['/v1/chat/completions', '/openai', '/openai?x=/openai/threads', '/openaix/threads', '/x/openai/threads', '/v1/x?u=/openai/threads', '/api/projects', '/api/projects/mine', '/api/projects/mine/members', '/api/projects/mine/x/threads', '/api/projects/mine/threadsx', '/openai/deployments/%zz/chat/completions', '*', '']) {
    t.equal(azureRoute(url, '/v1'), undefined, url)
  }
})

t.test('the prefix may be any, or none', async t => {
  t.equal(azureRoute('/openai/threads', '')?.url, '/threads')
  t.equal(rewriteAzureUrl('/api/v1/')({ url: '/openai/threads' }), '/api/v1/threads')
  t.equal(rewriteAzureUrl()({ url: '/openai/v1/threads' }), '/v1/threads')
  t.equal(rewriteAzureUrl('/openai/v1')({ url: '/openai/v1/threads' }), '/openai/v1/threads')
  t.equal(rewriteAzureUrl()({}), '/')
})

t.test('a deployment belongs to one request', async t => {
  const [one, other] = [{ url: '/openai/deployments/a/embeddings' }, { url: '/v1/embeddings' }]
  rewriteAzureUrl()(one)
  rewriteAzureUrl()(other)
  t.equal(azureDeployment(one), 'a')
  t.equal(azureDeployment(other), undefined)
})
