//! The contract of the database port, sentence by sentence, on both databases.

mod answers;
mod api_keys;
mod cache;
mod changes;
mod leases;
mod logins;
mod sessions;
mod stores;
mod tenants;
