CREATE TABLE "admin_links" (
	"token_hash" text COLLATE "C" PRIMARY KEY,
	"user_id" text COLLATE "C" NOT NULL,
	"expires_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit" (
	"number" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "audit_number_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" bigint NOT NULL,
	"actor_kind" text COLLATE "C" NOT NULL,
	"actor_id" text COLLATE "C",
	"action" text COLLATE "C" NOT NULL,
	"target_kind" text COLLATE "C" NOT NULL,
	"target_id" text COLLATE "C" NOT NULL,
	"details" text COLLATE "C" NOT NULL
);
--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "begun_by" text COLLATE "C" DEFAULT 'password' NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX "admin_links_user" ON "admin_links" ("user_id");--> statement-breakpoint
CREATE INDEX "users_admins" ON "users" ("number") WHERE role = 'admin';--> statement-breakpoint
ALTER TABLE "admin_links" ADD CONSTRAINT "admin_links_user_id_users_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE;