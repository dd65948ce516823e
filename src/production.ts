// Elysia reads NODE_ENV once, while it loads, and tells clients more in development. So this is imported before it.
process.env.NODE_ENV ??= 'production'
