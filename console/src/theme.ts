import { effect, signal } from '@preact/signals'
import { ofBrowser } from './kept.js'

export type Theme = 'system' | 'light' | 'dark'
const KEY = 'fastify-openai-compat.theme'
const THEMES: readonly string[] = ['light', 'dark']
const stored = ofBrowser.get(KEY)

export const theme = signal<Theme>(THEMES.includes(stored) ? stored as Theme : 'system')

export function setTheme (value: Theme): void {
  theme.value = value
  ofBrowser.set(KEY, value)
}

effect(() => { document.documentElement.dataset.theme = theme.value })
