//! The sandbox over real HTTP, as its clients see it. One program, so that it links once.
//! No test here waits for time to pass: they move the sandbox's clock.

mod answers;
mod cabinet_api;
mod choice;
mod client;
mod codes;
mod control_api;
mod cookies;
mod cors;
mod docs;
mod faults;
mod fixture;
mod graphql;
mod guards;
mod heavy;
mod hosts;
mod inbox;
mod limits;
mod login_first;
mod mailed_code;
mod oauth;
mod open_cabinet;
mod open_login;
mod pages;
mod phone_first;
mod program;
mod repeatable;
mod sessions;
mod stories;
mod tls;
