/**
 * What a message and a mark leave in PostgreSQL: `bun test/bench/scale-postgres.ts postgres://…`, to a server of its own
 * that runs with `full_page_writes=off` and `autovacuum=off`. Half a minute. It makes a schema `parley_scale` with the
 * two busy tables, as drizzle/postgres/ has them, and drops it. The figures M-P of scale-inputs.ts: bytes, not times.
 */
import { SQL } from 'bun'

const ROOMS = 50_000
const MESSAGES = 200_000
const NUMBERS = ['last_seq', 'last_count', 'last_message_id', 'last_message_seq', 'min_seq', 'created_at']
const SIDE = ['read_seq', 'read_count', 'delivered_seq']
const SIDE_NULLS = ['muted_until', 'archived_at']
const sides = (columns: string[]) => ['owner', 'customer'].flatMap((side) => columns.map((name) => `${side}_${name}`))

const TABLES = `
  CREATE TABLE rooms (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, product_id text COLLATE "C" NOT NULL,
    owner_no bigint NOT NULL, customer_no bigint NOT NULL,
    ${[...NUMBERS, ...sides(SIDE)].map((name) => `${name} bigint NOT NULL DEFAULT 0`).join(', ')},
    ${sides(SIDE_NULLS)
      .map((name) => `${name} bigint`)
      .join(', ')}
  ) WITH (fillfactor = 80);
  CREATE UNIQUE INDEX rooms_pair ON rooms (owner_no, customer_no, product_id);
  CREATE INDEX rooms_owner_inbox ON rooms (owner_no, last_message_id, id);
  CREATE INDEX rooms_customer_inbox ON rooms (customer_no, last_message_id, id);
  CREATE TABLE messages (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY, room_id bigint, seq bigint, count_no bigint NOT NULL,
    sender_no bigint, created_at bigint NOT NULL, edited_at bigint, deleted_at bigint, kind text COLLATE "C" NOT NULL,
    text text COLLATE "C" NOT NULL, client_id text COLLATE "C", data text COLLATE "C",
    CONSTRAINT messages_room_seq PRIMARY KEY (room_id, seq));
  INSERT INTO rooms (product_id, owner_no, customer_no)
    SELECT gen_random_uuid()::text, floor(random() * ${ROOMS / 10}), i FROM generate_series(1, ${ROOMS}) i`

/** Each in a room by chance, a hundred in a transaction. */
const SENDS = `DO $$ DECLARE room bigint; next bigint; message bigint; BEGIN
  FOR at IN 1..${MESSAGES} LOOP
    room := 1 + floor(random() * ${ROOMS});
    SELECT last_seq + 1 INTO next FROM rooms WHERE id = room FOR UPDATE;
    INSERT INTO messages (room_id, seq, count_no, sender_no, created_at, kind, text, client_id)
      VALUES (room, next, next, room, 1764000000000, 'text', repeat('x', 100), gen_random_uuid()::text)
      RETURNING id INTO message;
    UPDATE rooms SET last_seq = next, last_count = next, last_message_id = message, last_message_seq = next,
      customer_read_seq = next, customer_read_count = next WHERE id = room;
    IF at % 100 = 0 THEN COMMIT; END IF;
  END LOOP; END $$`

const MARKS = `DO $$ DECLARE room bigint; BEGIN
  FOR at IN 1..${MESSAGES / 2} LOOP
    room := 1 + floor(random() * ${ROOMS});
    UPDATE rooms SET owner_read_seq = last_seq, owner_read_count = last_count WHERE id = room;
    IF at % 100 = 0 THEN COMMIT; END IF;
  END LOOP; END $$`

const sql = new SQL(Bun.argv[2] ?? '', { max: 1 })

async function sizes(): Promise<Map<string, number>> {
  const rows: { name: string; bytes: string }[] = await sql`
    SELECT relname AS name, pg_relation_size(oid) AS bytes FROM pg_class
    WHERE relnamespace = 'parley_scale'::regnamespace AND relkind IN ('r', 'i') ORDER BY relname`
  return new Map(rows.map(({ name, bytes }) => [name, Number(bytes)]))
}

async function walOf(work: string, count: number): Promise<string> {
  const [before] = await sql`SELECT pg_current_wal_insert_lsn()::text AS place`
  await sql.unsafe(work)
  const [after] = await sql`SELECT pg_current_wal_insert_lsn() - ${before.place}::pg_lsn AS bytes`
  return (Number(after.bytes) / count).toFixed(0)
}

async function main() {
  const [settings] =
    await sql`SELECT current_setting('full_page_writes') AS whole, current_setting('autovacuum') AS auto`
  if (settings.whole !== 'off' || settings.auto !== 'off')
    throw new Error('full_page_writes and autovacuum have to be off')
  await sql.unsafe('DROP SCHEMA IF EXISTS parley_scale CASCADE; CREATE SCHEMA parley_scale')
  await sql.unsafe('SET search_path = parley_scale')
  await sql.unsafe(TABLES)
  const fresh = await sizes()
  console.log(`WAL a message: ${await walOf(SENDS, MESSAGES)} bytes`)
  for (const [name, bytes] of await sizes()) {
    const grown = (bytes - (fresh.get(name) ?? 0)) / MESSAGES
    const atFirst = name.startsWith('rooms') ? `${((fresh.get(name) ?? 0) / ROOMS).toFixed(0)} bytes a room, ` : ''
    console.log(`${name}: ${atFirst}grows by ${grown.toFixed(1)} bytes a message`)
  }
  await sql.unsafe('VACUUM rooms')
  console.log(`WAL a mark: ${await walOf(MARKS, MESSAGES / 2)} bytes`)
  await Bun.sleep(1500)
  const [updates] = await sql`
    SELECT n_tup_upd AS all, n_tup_hot_upd AS hot FROM pg_stat_user_tables
    WHERE schemaname = 'parley_scale' AND relname = 'rooms'`
  console.log(`updates of rooms: ${updates.all}, of them HOT: ${updates.hot} (the marks are ${MESSAGES / 2})`)
  await sql.unsafe('DROP SCHEMA parley_scale CASCADE')
}

await main()
await sql.close()
