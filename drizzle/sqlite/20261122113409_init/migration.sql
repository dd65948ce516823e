CREATE TABLE `messages` (
	`id` integer PRIMARY KEY,
	`room_id` integer NOT NULL,
	`seq` integer NOT NULL,
	`count_no` integer NOT NULL,
	`kind` text NOT NULL,
	`sender_no` integer,
	`text` text NOT NULL,
	`client_id` text,
	`data` text,
	`created_at` integer NOT NULL,
	`edited_at` integer,
	`deleted_at` integer
) STRICT;
--> statement-breakpoint
CREATE TABLE `meta` (
	`key` text PRIMARY KEY,
	`value` text NOT NULL
) STRICT;
--> statement-breakpoint
CREATE TABLE `products` (
	`number` integer PRIMARY KEY AUTOINCREMENT,
	`id` text NOT NULL,
	`owner_id` text NOT NULL,
	`title` text NOT NULL,
	`price_minor` integer,
	`currency` text,
	`image_url` text,
	`url` text,
	`created_at` integer NOT NULL,
	`archived_at` integer,
	CONSTRAINT `fk_products_owner_id_users_id_fk` FOREIGN KEY (`owner_id`) REFERENCES `users`(`id`)
) STRICT;
--> statement-breakpoint
CREATE TABLE `rooms` (
	`id` integer PRIMARY KEY AUTOINCREMENT,
	`product_id` text NOT NULL,
	`owner_no` integer NOT NULL,
	`customer_no` integer NOT NULL,
	`last_seq` integer DEFAULT 0 NOT NULL,
	`last_count` integer DEFAULT 0 NOT NULL,
	`last_message_id` integer DEFAULT 0 NOT NULL,
	`last_message_seq` integer DEFAULT 0 NOT NULL,
	`min_seq` integer DEFAULT 1 NOT NULL,
	`created_at` integer NOT NULL,
	`owner_read_seq` integer DEFAULT 0 NOT NULL,
	`owner_read_count` integer DEFAULT 0 NOT NULL,
	`owner_delivered_seq` integer DEFAULT 0 NOT NULL,
	`owner_muted_until` integer,
	`owner_archived_at` integer,
	`customer_read_seq` integer DEFAULT 0 NOT NULL,
	`customer_read_count` integer DEFAULT 0 NOT NULL,
	`customer_delivered_seq` integer DEFAULT 0 NOT NULL,
	`customer_muted_until` integer,
	`customer_archived_at` integer,
	CONSTRAINT `fk_rooms_product_id_products_id_fk` FOREIGN KEY (`product_id`) REFERENCES `products`(`id`),
	CONSTRAINT `fk_rooms_owner_no_users_number_fk` FOREIGN KEY (`owner_no`) REFERENCES `users`(`number`),
	CONSTRAINT `fk_rooms_customer_no_users_number_fk` FOREIGN KEY (`customer_no`) REFERENCES `users`(`number`)
) STRICT;
--> statement-breakpoint
CREATE TABLE `sessions` (
	`token_hash` text PRIMARY KEY,
	`user_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`last_used_at` integer NOT NULL,
	CONSTRAINT `fk_sessions_user_id_users_id_fk` FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON DELETE CASCADE
) STRICT;
--> statement-breakpoint
CREATE TABLE `tickets` (
	`ticket_hash` text PRIMARY KEY,
	`user_id` text NOT NULL,
	`session_hash` text,
	`origin` text,
	`expires_at` integer NOT NULL,
	CONSTRAINT `fk_tickets_user_id_users_id_fk` FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON DELETE CASCADE,
	CONSTRAINT `fk_tickets_session_hash_sessions_token_hash_fk` FOREIGN KEY (`session_hash`) REFERENCES `sessions`(`token_hash`) ON DELETE CASCADE
) STRICT;
--> statement-breakpoint
CREATE TABLE `users` (
	`number` integer PRIMARY KEY AUTOINCREMENT,
	`id` text NOT NULL,
	`email` text,
	`username` text NOT NULL,
	`password_hash` text,
	`role` text DEFAULT 'user' NOT NULL,
	`created_at` integer NOT NULL,
	`disabled_at` integer
) STRICT;
--> statement-breakpoint
CREATE UNIQUE INDEX `messages_room_seq` ON `messages` (`room_id`,`seq`);--> statement-breakpoint
CREATE UNIQUE INDEX `products_id` ON `products` (`id`);--> statement-breakpoint
CREATE INDEX `products_owner` ON `products` (`owner_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `rooms_pair` ON `rooms` (`owner_no`,`customer_no`,`product_id`);--> statement-breakpoint
CREATE INDEX `rooms_product` ON `rooms` (`product_id`);--> statement-breakpoint
CREATE INDEX `rooms_owner_inbox` ON `rooms` (`owner_no`,`last_message_id`);--> statement-breakpoint
CREATE INDEX `rooms_customer_inbox` ON `rooms` (`customer_no`,`last_message_id`);--> statement-breakpoint
CREATE INDEX `sessions_user` ON `sessions` (`user_id`);--> statement-breakpoint
CREATE INDEX `sessions_expiry` ON `sessions` (`expires_at`);--> statement-breakpoint
CREATE INDEX `tickets_user` ON `tickets` (`user_id`);--> statement-breakpoint
CREATE INDEX `tickets_session` ON `tickets` (`session_hash`);--> statement-breakpoint
CREATE INDEX `tickets_expiry` ON `tickets` (`expires_at`);--> statement-breakpoint
CREATE UNIQUE INDEX `users_id` ON `users` (`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `users_email` ON `users` (`email`) WHERE password_hash IS NOT NULL;