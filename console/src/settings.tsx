import { useState } from 'preact/hooks'
import { client, config, forgetKey, key, serverInfo } from './api.js'
import { count } from './format.js'
import { Loadable, Problem, useLoad } from './ui/load.js'
import { Facts, Field, Status } from './ui/parts.js'
import { attempt } from './ui/toast.js'
import { setTheme, theme, type Theme } from './theme.js'

/** How the server is set up. Nothing that is secret: the API does not tell it. */
export function SettingsScreen () {
  const info = useLoad(async () => await serverInfo(), [])
  const models = useLoad(async () => (await client.value.models.list()).data, [])
  return (
    <div class='page'>
      <h1>Settings</h1>
      <section class='card'>
        <h2>This console</h2>
        <Field label='Appearance'>
          {id => (
            <select id={id} class='input short' value={theme.value} onChange={event => setTheme(event.currentTarget.value as Theme)}>
              <option value='system'>As the system</option><option value='light'>Light</option><option value='dark'>Dark</option>
            </select>
          )}
        </Field>
        <Facts rows={[['Version', config.value.version], ['API', client.value.baseURL]]} />
        {key.value !== '' && <button type='button' class='button' onClick={() => { void attempt(forgetKey) }}>Forget the key</button>}
      </section>
      <Loadable from={info}>
        {({ providers, default_model: defaultModel, aliases, limits }) => (
          <>
            <section class='card'>
              <h2>Model providers</h2>
              <ul class='rows'>
                {providers.map(provider => (
                  <li key={provider.name} class='row'>
                    <strong>{provider.name}</strong>
                    <span class={`status ${provider.answers ? 'good' : 'bad'}`}>{provider.answers ? 'answers' : 'does not answer'}</span>
                    <span class='quiet'>{provider.models === 1 ? '1 model' : `${count(provider.models)} models`}{provider.default ? ' · serves names without a prefix' : ''}</span>
                  </li>
                ))}
              </ul>
            </section>
            <section class='card'>
              <h2>Model names</h2>
              <Facts rows={[['Default model', defaultModel ?? 'none'], ...Object.entries(aliases).map(([from, to]) => [from, `→ ${to}`] as const)]} />
              <TryName />
            </section>
            <section class='card'>
              <h2>Models</h2>
              <Loadable from={models}>{list => list.length === 0 ? <p class='quiet'>None are listed.</p> : <ul class='chips'>{list.map(({ id }) => <li key={id} class='chip'>{id}</li>)}</ul>}</Loadable>
            </section>
            <section class='card'>
              <h2>Limits</h2>
              <Facts rows={Object.entries(limits).map(([name, value]) => [name, value === null ? 'none' : count(value)] as const)} />
            </section>
          </>
        )}
      </Loadable>
    </div>
  )
}

function TryName () {
  const [name, setName] = useState('')
  const [found, setFound] = useState<{ asked: string, provider: string, model: string, listed: boolean }>()
  const look = async (event: Event): Promise<void> => {
    event.preventDefault()
    await attempt(async () => setFound((await serverInfo(name)).resolved))
  }
  return (
    <form onSubmit={event => { void look(event) }}>
      <Field label='Try a name'>
        {id => <span class='toolbar'><input id={id} class='input' required value={name} placeholder='gpt-4-turbo' onInput={event => setName(event.currentTarget.value)} /><button type='submit' class='button'>Look up</button></span>}
      </Field>
      {found !== undefined && (
        <p role='status'><code>{found.asked}</code> is <code>{found.model}</code> of <strong>{found.provider}</strong>. <Status of={found.listed ? 'listed' : 'not listed'} /></p>
      )}
      {found !== undefined && !found.listed && <Problem text='The provider does not list this model: a run with it may fail.' />}
    </form>
  )
}
