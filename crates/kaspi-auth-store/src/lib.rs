//! SQLite and PostgreSQL behind the Store port of kaspi-auth-core.
