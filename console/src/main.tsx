import { render } from 'preact'
import { connect, explain } from './api.js'
import { App } from './app.js'
import './theme.js'
import './styles/main.css'

const root = document.getElementById('app')!

async function open (): Promise<void> {
  const failure = await connect().then(() => undefined, explain)
  render(<App failure={failure} onRetry={open} />, root)
}

await open()
