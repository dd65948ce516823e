CREATE TABLE "messages" (
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "messages_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"room_id" bigint,
	"seq" bigint,
	"count_no" bigint NOT NULL,
	"sender_no" bigint,
	"created_at" bigint NOT NULL,
	"edited_at" bigint,
	"deleted_at" bigint,
	"kind" text COLLATE "C" NOT NULL,
	"text" text COLLATE "C" NOT NULL,
	"client_id" text COLLATE "C",
	"data" text COLLATE "C",
	CONSTRAINT "messages_room_seq" PRIMARY KEY("room_id","seq")
);
--> statement-breakpoint
CREATE TABLE "meta" (
	"key" text COLLATE "C" PRIMARY KEY,
	"value" text COLLATE "C" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "presence" (
	"user_no" bigint PRIMARY KEY,
	"last_seen_at" bigint,
	"hidden_at" bigint
);
--> statement-breakpoint
CREATE TABLE "products" (
	"number" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "products_number_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"id" text COLLATE "C" NOT NULL,
	"owner_id" text COLLATE "C" NOT NULL,
	"title" text COLLATE "C" NOT NULL,
	"price_minor" bigint,
	"currency" text COLLATE "C",
	"image_url" text COLLATE "C",
	"url" text COLLATE "C",
	"created_at" bigint NOT NULL,
	"archived_at" bigint
);
--> statement-breakpoint
CREATE TABLE "revocations" (
	"number" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "revocations_number_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"kind" text COLLATE "C" NOT NULL,
	"subject" text COLLATE "C" NOT NULL,
	"at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "rooms" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "rooms_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"product_id" text COLLATE "C" NOT NULL,
	"owner_no" bigint NOT NULL,
	"customer_no" bigint NOT NULL,
	"last_seq" bigint DEFAULT 0 NOT NULL,
	"last_count" bigint DEFAULT 0 NOT NULL,
	"last_message_id" bigint DEFAULT 0 NOT NULL,
	"last_message_seq" bigint DEFAULT 0 NOT NULL,
	"min_seq" bigint DEFAULT 1 NOT NULL,
	"created_at" bigint NOT NULL,
	"owner_read_seq" bigint DEFAULT 0 NOT NULL,
	"owner_read_count" bigint DEFAULT 0 NOT NULL,
	"owner_delivered_seq" bigint DEFAULT 0 NOT NULL,
	"owner_muted_until" bigint,
	"owner_archived_at" bigint,
	"customer_read_seq" bigint DEFAULT 0 NOT NULL,
	"customer_read_count" bigint DEFAULT 0 NOT NULL,
	"customer_delivered_seq" bigint DEFAULT 0 NOT NULL,
	"customer_muted_until" bigint,
	"customer_archived_at" bigint
) WITH (fillfactor = 80);
--> statement-breakpoint
CREATE TABLE "server_keys" (
	"id" text COLLATE "C" PRIMARY KEY,
	"name" text COLLATE "C" NOT NULL,
	"key_hash" text COLLATE "C" NOT NULL,
	"scopes" text COLLATE "C" NOT NULL,
	"created_at" bigint NOT NULL,
	"last_used_at" bigint,
	"revoked_at" bigint
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"token_hash" text COLLATE "C" PRIMARY KEY,
	"user_id" text COLLATE "C" NOT NULL,
	"created_at" bigint NOT NULL,
	"expires_at" bigint NOT NULL,
	"last_used_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "tickets" (
	"ticket_hash" text COLLATE "C" PRIMARY KEY,
	"user_id" text COLLATE "C" NOT NULL,
	"session_hash" text COLLATE "C",
	"token_seen_at" bigint,
	"token_expires_at" bigint,
	"origin" text COLLATE "C",
	"expires_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "users" (
	"number" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "users_number_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"id" text COLLATE "C" NOT NULL,
	"email" text COLLATE "C",
	"username" text COLLATE "C" NOT NULL,
	"password_hash" text COLLATE "C",
	"role" text COLLATE "C" DEFAULT 'user' NOT NULL,
	"created_at" bigint NOT NULL,
	"disabled_at" bigint,
	"erased_at" bigint,
	"profile_at" bigint DEFAULT 0 NOT NULL,
	"tokens_from" bigint DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX "products_id" ON "products" ("id");--> statement-breakpoint
CREATE INDEX "products_owner" ON "products" ("owner_id","number");--> statement-breakpoint
CREATE UNIQUE INDEX "rooms_pair" ON "rooms" ("owner_no","customer_no","product_id");--> statement-breakpoint
CREATE INDEX "rooms_owner_inbox" ON "rooms" ("owner_no","last_message_id","id");--> statement-breakpoint
CREATE INDEX "rooms_customer_inbox" ON "rooms" ("customer_no","last_message_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "server_keys_hash" ON "server_keys" ("key_hash");--> statement-breakpoint
CREATE UNIQUE INDEX "server_keys_name" ON "server_keys" ("name") WHERE revoked_at IS NULL;--> statement-breakpoint
CREATE INDEX "sessions_user" ON "sessions" ("user_id");--> statement-breakpoint
CREATE INDEX "sessions_expiry" ON "sessions" ("expires_at");--> statement-breakpoint
CREATE INDEX "tickets_user" ON "tickets" ("user_id");--> statement-breakpoint
CREATE INDEX "tickets_session" ON "tickets" ("session_hash");--> statement-breakpoint
CREATE INDEX "tickets_expiry" ON "tickets" ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "users_id" ON "users" ("id");--> statement-breakpoint
CREATE UNIQUE INDEX "users_email" ON "users" ("email") WHERE password_hash IS NOT NULL;--> statement-breakpoint
ALTER TABLE "presence" ADD CONSTRAINT "presence_user_no_users_number_fkey" FOREIGN KEY ("user_no") REFERENCES "users"("number") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "products" ADD CONSTRAINT "products_owner_id_users_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "users"("id");--> statement-breakpoint
ALTER TABLE "rooms" ADD CONSTRAINT "rooms_product_id_products_id_fkey" FOREIGN KEY ("product_id") REFERENCES "products"("id");--> statement-breakpoint
ALTER TABLE "rooms" ADD CONSTRAINT "rooms_owner_no_users_number_fkey" FOREIGN KEY ("owner_no") REFERENCES "users"("number");--> statement-breakpoint
ALTER TABLE "rooms" ADD CONSTRAINT "rooms_customer_no_users_number_fkey" FOREIGN KEY ("customer_no") REFERENCES "users"("number");--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_user_id_users_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "tickets" ADD CONSTRAINT "tickets_user_id_users_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "tickets" ADD CONSTRAINT "tickets_session_hash_sessions_token_hash_fkey" FOREIGN KEY ("session_hash") REFERENCES "sessions"("token_hash") ON DELETE CASCADE;