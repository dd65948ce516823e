// Run by bundle.macro.ts: makes of the pages' source what a browser loads, and prints it.

import { basename, join } from 'node:path'
import type { BuildArtifact, BuildConfig } from 'bun'

export interface Bundle {
  /** The files of `/assets/`, by their names, which have their hashes in them. */
  assets: Record<string, Asset>
  /** What each page starts with. */
  pages: Record<'app' | 'console', Start>
  /** Scripts that are known by the same name for ever. */
  widget: Asset
  serviceWorker: Asset
}

export interface Start {
  script: string
  /** What the scripts of several pages import. */
  shared: string[]
  style: string
}

export interface Asset {
  type: string
  /** Base64. */
  gzip: string
}

const COMMON = { target: 'browser', minify: true } as const
const TYPES: Record<string, string> = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' }

const outputs = await build({
  ...COMMON,
  entrypoints: [at('app/main.tsx'), at('../admin/page/console.tsx')],
  splitting: true,
  naming: { entry: '[name]-[hash].[ext]', chunk: 'shared-[hash].[ext]', asset: '[name]-[hash].[ext]' },
})
const assets = Object.fromEntries(
  await Promise.all(outputs.map(async (file) => [basename(file.path), await assetOf(file)])),
)
const named = (name: string, type: string) =>
  Object.keys(assets).find((file) => file.startsWith(`${name}-`) && file.endsWith(type)) ?? ''
const shared = Object.keys(assets).filter((name) => name.startsWith('shared-') && name.endsWith('.js'))
const pageOf = (name: string): Start => ({ script: named(name, '.js'), shared, style: named(name, '.css') })
const pages = { app: pageOf('main'), console: pageOf('console') }
const widget = await alone('widget/main.tsx', {})
const kept = Object.keys(assets).filter((name) => !name.startsWith('console-'))
const serviceWorker = await alone('service-worker.ts', { ASSETS: JSON.stringify(kept) })
const bundle: Bundle = { assets, pages, widget, serviceWorker }
process.stdout.write(JSON.stringify(bundle))

function at(path: string): string {
  return join(import.meta.dir, path)
}

async function build(config: BuildConfig): Promise<BuildArtifact[]> {
  const { outputs } = await Bun.build(config)
  return outputs
}

/** One script with all that it needs, for a page that can't know of any other. */
async function alone(path: string, define: Record<string, string>): Promise<Asset> {
  const [file] = await build({ ...COMMON, define, entrypoints: [at(path)], format: 'iife' })
  if (!file) throw new Error(`${path} came to nothing`)
  return assetOf(file)
}

async function assetOf(file: BuildArtifact): Promise<Asset> {
  const gzip = Bun.gzipSync(await file.arrayBuffer(), { level: 9 })
  return {
    type: TYPES[file.path.split('.').at(-1) ?? ''] ?? 'application/octet-stream',
    gzip: Buffer.from(gzip).toString('base64'),
  }
}
