export const NAMES = ['Minji', 'Joon', 'Sofia', 'Tom'] as const
export type Name = (typeof NAMES)[number]

export interface DemoPerson {
  username: Name
  email: string
  password: string
}

/** Passwords are new each time. */
export const drawPeople = (): DemoPerson[] =>
  NAMES.map((username) => ({
    username,
    email: `${username.toLowerCase()}@demo.example`,
    password: Buffer.from(crypto.getRandomValues(new Uint8Array(9))).toString('base64url'),
  }))
