import { render } from 'preact'
import { connect, explain } from './api.js'
import { App } from './app.js'
import './theme.js'
import './styles/main.css'

const root = document.getElementById('app')!
connect().then(() => render(<App failure={undefined} />, root), (error: unknown) => render(<App failure={explain(error)} />, root))
