import bike from './pictures/bike.svg' with { type: 'text' }
import camera from './pictures/camera.svg' with { type: 'text' }
import drill from './pictures/drill.svg' with { type: 'text' }
import hanok from './pictures/hanok.svg' with { type: 'text' }
import kayak from './pictures/kayak.svg' with { type: 'text' }
import piano from './pictures/piano.svg' with { type: 'text' }
import projector from './pictures/projector.svg' with { type: 'text' }
import surfboard from './pictures/surfboard.svg' with { type: 'text' }
import tent from './pictures/tent.svg' with { type: 'text' }

export const PICTURES = { bike, camera, drill, hanok, kayak, piano, projector, surfboard, tent }
export type PictureName = keyof typeof PICTURES
// Its own keys, and no others.
export const PICTURE_NAMES = Object.keys(PICTURES) as PictureName[]

/** A path: the address of this server may change. */
export const addressOf = (picture: PictureName) => `/demo/${picture}.svg`
