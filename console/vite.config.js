import { defineConfig } from 'vite'

/** The page, its script and its style, from sources to `dist/console`. Addresses are relative: the host chooses where it is. */
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  resolve: { alias: { react: 'preact/compat', 'react-dom': 'preact/compat' } },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../dist/console',
    emptyOutDir: true,
    target: 'es2022',
    // The policy of the page allows no script in it.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    license: { fileName: 'licenses.md' }
  }
})
