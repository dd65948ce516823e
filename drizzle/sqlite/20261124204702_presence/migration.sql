CREATE TABLE `presence` (
	`user_no` integer PRIMARY KEY,
	`last_seen_at` integer,
	`hidden_at` integer,
	CONSTRAINT `fk_presence_user_no_users_number_fk` FOREIGN KEY (`user_no`) REFERENCES `users`(`number`) ON DELETE CASCADE
) STRICT;
