import type { ComponentChildren } from 'preact'

export interface Column<T> {
  name: string
  cell: (item: T) => ComponentChildren
  kind?: 'number' | 'wide' | 'actions'
}

interface TableProps<T> {
  name: string
  columns: Column<T>[]
  items: readonly T[]
  keyOf: (item: T) => string | number
}

/** On a phone each row is a card, with the names of the columns in it. The first column names the row. */
export const Table = <T,>({ name, columns: [first, ...rest], items, keyOf }: TableProps<T>) => (
  <table class="table">
    <caption class="visually-hidden">{name}</caption>
    <thead>
      <tr>
        {[first, ...rest].map((column) => (
          <th key={column?.name} scope="col" class={column?.kind}>
            {column?.name}
          </th>
        ))}
      </tr>
    </thead>
    <tbody>
      {items.map((item) => (
        <tr key={keyOf(item)}>
          <th scope="row">{first?.cell(item)}</th>
          {rest.map(({ name, kind, cell }) => (
            <td key={name} class={kind} data-name={name}>
              {cell(item)}
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  </table>
)
