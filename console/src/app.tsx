import { useEffect, useErrorBoundary, useState } from 'preact/hooks'
import { admitted, explain, key, useKey } from './api.js'
import { ChatScreen } from './chat/screen.js'
import { DataScreen } from './data/screen.js'
import { hrefTo, route } from './router.js'
import { RunsScreen } from './runs/screen.js'
import { SettingsScreen } from './settings.js'
import { Confirmation } from './ui/dialog.js'
import { Icon, type IconName } from './ui/icon.js'
import { NoPage, Problem, Retry } from './ui/load.js'
import { Field } from './ui/parts.js'
import { Toaster } from './ui/toast.js'
import { UsageScreen } from './usage.js'

const SCREENS: readonly { name: string, label: string, icon: IconName, Screen: () => preact.ComponentChild }[] = [
  { name: 'chat', label: 'Chat', icon: 'chat', Screen: ChatScreen },
  { name: 'runs', label: 'Runs', icon: 'runs', Screen: RunsScreen },
  { name: 'data', label: 'Data', icon: 'data', Screen: DataScreen },
  { name: 'usage', label: 'Usage', icon: 'usage', Screen: UsageScreen },
  { name: 'settings', label: 'Settings', icon: 'settings', Screen: SettingsScreen }
]

/** @param onRetry connects again, and renders what came of it */
export function App ({ failure, onRetry }: { failure: string | undefined, onRetry: () => Promise<void> }) {
  const label = SCREENS.find(({ name }) => name === route.value[0])?.label
  useEffect(() => { document.title = label === undefined ? 'Console' : `${label} · Console` }, [label])
  if (failure !== undefined) return <main class='page'><Problem text={failure} /><Retry onClick={onRetry} /></main>
  if (admitted.value !== true) return <KeyForm />
  const current = SCREENS.find(({ name }) => name === route.value[0])
  return (
    <div class='app'>
      <nav class='rail' aria-label='Console'>
        <span class='logo' aria-hidden='true'><svg viewBox='0 0 32 32'><path d='M8 11h16M8 16h11M8 21h7' /></svg></span>
        {SCREENS.map(({ name, label, icon }) => (
          <a key={name} class='rail-link' href={hrefTo(name)} aria-current={current?.name === name ? 'page' : undefined}><Icon name={icon} />{label}</a>
        ))}
      </nav>
      <main class='main'>{current === undefined ? <NoPage /> : <Guarded key={`${current.name} ${key.value}`} Screen={current.Screen} />}</main>
      <Confirmation />
      <Toaster />
    </div>
  )
}

/** A fault of one screen leaves the others. */
function Guarded ({ Screen }: { Screen: () => preact.ComponentChild }) {
  const [error, reset] = useErrorBoundary()
  useEffect(() => { if (error !== undefined) reset() }, [route.value])
  if (error === undefined) return <Screen />
  return <div class='page'><Problem text={`This cannot be shown: ${explain(error)}`} /><Retry onClick={async () => reset()} /></div>
}

function KeyForm () {
  const [value, setValue] = useState('')
  const [error, setError] = useState<string>()
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    try {
      setError(await useKey(value.trim()) ? undefined : 'The server does not accept this key.')
    } catch (problem) {
      setError(explain(problem))
    }
  }
  return (
    <main class='gate'>
      <form class='card form' onSubmit={event => { void submit(event) }}>
        <h1>This server asks for a key</h1>
        {error !== undefined && <Problem text={error} />}
        <Field label='API key' hint='It is kept until this tab is closed, and sent to this server only.'>
          {(id, hint) => <input id={id} class='input mono' type='password' required autocomplete='off' aria-describedby={hint} value={value} onInput={event => setValue(event.currentTarget.value)} />}
        </Field>
        <div class='actions'><button type='submit' class='button primary'>Continue</button></div>
      </form>
    </main>
  )
}
