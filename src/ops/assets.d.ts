declare module '*.md' {
  const text: string
  export = text
}

declare module '*.svg' {
  const text: string
  export = text
}

declare module '*.css' {
  const text: string
  export = text
}

declare module '*.svg' {
  const text: string
  export = text
}

/** With `{ type: 'file' }`: where the file lies, on the disk or in the binary. */
declare module 'swagger-ui-dist/*' {
  const path: string
  export = path
}
