// For the standalone server: npx fastify-openai-compat --config examples/openai-compat.config.js

/** @type {import('fastify-openai-compat').OpenAIServerConfig} */
export default {
  port: 8080,
  storage: 'sqlite:./data/assistants.db',
  // Two clients that do not see each other's objects.
  apiKeys: { 'sk-web': 'web-shop', 'sk-bot': 'support-bot' },
  providers: {
    ollama: { baseURL: 'http://127.0.0.1:11434/v1' },
    openai: { baseURL: 'https://api.openai.com/v1', apiKey: process.env.UPSTREAM_KEY }
  },
  defaultProvider: 'ollama',
  // Old names go to models that exist.
  aliases: { 'gpt-4o*': 'openai/gpt-4.1', 'gpt-3.5*': 'llama3.2' },
  limits: { runExpiresS: 900 }
}
