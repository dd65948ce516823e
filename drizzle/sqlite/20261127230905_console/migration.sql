CREATE TABLE `admin_links` (
	`token_hash` text PRIMARY KEY,
	`user_id` text NOT NULL,
	`expires_at` integer NOT NULL,
	CONSTRAINT `fk_admin_links_user_id_users_id_fk` FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON DELETE CASCADE
) STRICT;
--> statement-breakpoint
CREATE TABLE `audit` (
	`number` integer PRIMARY KEY AUTOINCREMENT,
	`at` integer NOT NULL,
	`actor_kind` text NOT NULL,
	`actor_id` text,
	`action` text NOT NULL,
	`target_kind` text NOT NULL,
	`target_id` text NOT NULL,
	`details` text NOT NULL
) STRICT;
--> statement-breakpoint
ALTER TABLE `sessions` ADD `begun_by` text DEFAULT 'password' NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX `admin_links_user` ON `admin_links` (`user_id`);--> statement-breakpoint
CREATE INDEX `users_admins` ON `users` (`number`) WHERE role = 'admin';