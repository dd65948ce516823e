import type { Deed } from '../audit/model.ts'
import type { NewProduct, Product, ProductUpsert } from './model.ts'

export interface ProductFilter {
  /** Part of the title, without regard to case. */
  q: string | undefined
  ownerId: string | undefined
  /** Only products before this place in the list, as `list` gave it out. */
  before: number | undefined
  limit: number
}

/** One method is one transaction. Times in milliseconds since 1970. */
export interface ProductStore {
  /** `undefined` where the owner does not exist, or was erased. */
  create(product: Required<NewProduct> & { id: string; ownerId: string; at: number }): Promise<Product | undefined>
  find(productId: string): Promise<Product | undefined>
  /** What is offered, newest first. `place` continues the list. */
  list(filter: ProductFilter): Promise<{ product: Product; place: number }[]>
  /** Changes the given fields of the owner's product; `undefined` where the owner has no such product. */
  change(productId: string, ownerId: string, fields: Partial<Required<NewProduct>>): Promise<Product | undefined>
  /** Idempotent; `false` where the owner has no such product. */
  archive(productId: string, ownerId: string, at: number, deed?: Deed): Promise<boolean>
  /** All of them, or none: answers the place of the first one whose owner nobody is, and then nothing was stored. */
  upsert(
    products: (ProductUpsert & { id: string })[],
    at: number,
  ): Promise<{ product: Product; created: boolean }[] | { ownerless: number }>
  /** The owner's, archived ones too, oldest first; `place` continues the list. */
  ofOwner(ownerId: string, after: number, limit: number): Promise<{ product: Product; place: number }[]>
}
