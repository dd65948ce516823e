import type { Name } from './people.ts'
import type { PictureName } from './pictures.ts'

export interface DemoProduct {
  owner: Name
  title: string
  priceMinor: number
  currency: 'KRW' | 'EUR' | 'USD'
  hoursAgo: number
}

/** Each by what its picture shows. */
export const PRODUCTS: Record<PictureName, DemoProduct> = {
  surfboard: {
    owner: 'Tom',
    title: 'Surfboard 7′2″, Yangyang',
    priceMinor: 40_000,
    currency: 'KRW',
    hoursAgo: 720,
  },
  camera: {
    owner: 'Joon',
    title: 'Film camera, 1978, with a 50 mm',
    priceMinor: 18_000,
    currency: 'KRW',
    hoursAgo: 650,
  },
  projector: {
    owner: 'Sofia',
    title: 'Projector and screen, Lisbon',
    priceMinor: 22_00,
    currency: 'EUR',
    hoursAgo: 603,
  },
  bike: {
    owner: 'Minji',
    title: 'Road bike, 54 cm, by the day',
    priceMinor: 15_000,
    currency: 'KRW',
    hoursAgo: 432,
  },
  tent: {
    owner: 'Minji',
    title: 'Four-person tent',
    priceMinor: 20_000,
    currency: 'KRW',
    hoursAgo: 431,
  },
  drill: {
    owner: 'Joon',
    title: 'Cordless drill, 18 V',
    priceMinor: 8000,
    currency: 'KRW',
    hoursAgo: 385,
  },
  kayak: {
    owner: 'Tom',
    title: 'Kayak for two, with vests',
    priceMinor: 45_00,
    currency: 'USD',
    hoursAgo: 220,
  },
  hanok: {
    owner: 'Minji',
    title: 'Hanok guest room, Seochon, by the night',
    priceMinor: 95_000,
    currency: 'KRW',
    hoursAgo: 100,
  },
  piano: {
    owner: 'Sofia',
    title: 'E-piano, 61 keys, with stand',
    priceMinor: 12_50,
    currency: 'EUR',
    hoursAgo: 0.1,
  },
}

/** The newest thing of the demo. */
export const NEWEST = 'piano'

/** As the marketplace's backend would name it. */
export const productIdOf = (picture: PictureName) => `demo-${picture}`
