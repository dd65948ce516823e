import { bundled } from './bundle.macro.ts' with { type: 'macro' }

/** What the browser gets of `app/`, `widget/` and the console: bundled with the binary, and from source when this is imported. */
export const bundle = bundled()
