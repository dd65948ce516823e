CREATE TABLE `revocations` (
	`number` integer PRIMARY KEY AUTOINCREMENT,
	`kind` text NOT NULL,
	`subject` text NOT NULL,
	`at` integer NOT NULL
) STRICT;
--> statement-breakpoint
CREATE TABLE `server_keys` (
	`id` text PRIMARY KEY,
	`name` text NOT NULL,
	`key_hash` text NOT NULL,
	`scopes` text NOT NULL,
	`created_at` integer NOT NULL,
	`last_used_at` integer,
	`revoked_at` integer
) STRICT;
--> statement-breakpoint
ALTER TABLE `tickets` ADD `token_seen_at` integer;--> statement-breakpoint
ALTER TABLE `tickets` ADD `token_expires_at` integer;--> statement-breakpoint
ALTER TABLE `users` ADD `erased_at` integer;--> statement-breakpoint
ALTER TABLE `users` ADD `profile_at` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `users` ADD `tokens_from` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX `server_keys_hash` ON `server_keys` (`key_hash`);--> statement-breakpoint
CREATE UNIQUE INDEX `server_keys_name` ON `server_keys` (`name`) WHERE revoked_at IS NULL;