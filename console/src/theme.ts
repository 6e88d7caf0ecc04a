import { effect, signal } from '@preact/signals'

export type Theme = 'system' | 'light' | 'dark'
const KEY = 'fastify-openai-compat.theme'
const THEMES: readonly string[] = ['light', 'dark']
const stored = localStorage.getItem(KEY) ?? ''

export const theme = signal<Theme>(THEMES.includes(stored) ? stored as Theme : 'system')

export function setTheme (value: Theme): void {
  theme.value = value
  localStorage.setItem(KEY, value)
}

effect(() => { document.documentElement.dataset.theme = theme.value })
