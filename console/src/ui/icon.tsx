const PATHS = {
  chat: 'M4 5h16v11H9l-5 4z',
  runs: 'M4 6h10M8 12h12M6 18h8',
  data: 'M4 6c0-3 16-3 16 0v12c0 3-16 3-16 0zM4 6c0 3 16 3 16 0M4 12c0 3 16 3 16 0',
  usage: 'M5 20v-7M12 20V4M19 20v-11',
  settings: 'M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4',
  plus: 'M12 5v14M5 12h14',
  send: 'M12 19V5M6 11l6-6 6 6',
  stop: 'M7 7h10v10H7z',
  clip: 'M19 12l-7 7a4.5 4.5 0 0 1-6.4-6.4l8-8a3 3 0 0 1 4.3 4.3l-8 8a1.5 1.5 0 0 1-2.2-2.2l7-7',
  close: 'M6 6l12 12M18 6L6 18',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  edit: 'M5 19l1-4L16 5l3 3L9 18zM14 7l3 3',
  trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
  retry: 'M19 12a7 7 0 1 1-2.2-5.1M19 4v4h-4',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  down: 'M12 4v12M7 11l5 5 5-5M5 20h14',
  file: 'M6 3h8l4 4v14H6zM14 3v4h4',
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l4 4',
  back: 'M15 5l-7 7 7 7',
  tool: 'M14 6a4 4 0 0 0-5 5l-5 5 4 4 5-5a4 4 0 0 0 5-5l-3 2-3-3z',
  check: 'M5 12l5 5 9-10'
} as const

export type IconName = keyof typeof PATHS

/** Says nothing to screen readers: what it stands for is written beside it, or in the label of its button. */
export function Icon ({ name }: { name: IconName }) {
  return <svg class='icon' viewBox='0 0 24 24' aria-hidden='true' focusable='false'><path d={PATHS[name]} /></svg>
}

export function IconButton ({ name, label, onClick, disabled = false, class: className = '' }: { name: IconName, label: string, onClick: () => void, disabled?: boolean, class?: string }) {
  return <button type='button' class={`button icon-button ${className}`} aria-label={label} title={label} onClick={onClick} disabled={disabled}><Icon name={name} /></button>
}
