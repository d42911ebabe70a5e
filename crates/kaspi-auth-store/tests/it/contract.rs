//! The contract of the database port, sentence by sentence, on both databases.

mod answers;
mod api_keys;
mod audit;
mod cache;
mod changes;
mod drivers;
mod egresses;
mod events;
mod evidence;
mod figures;
mod imports;
mod leases;
mod logins;
mod nodes;
mod pins;
mod rates;
mod sessions;
mod shapes;
mod stores;
mod tenants;
mod timelines;
