//! Sessions that the service keeps alive by itself: what each file holds stands at its head. Here is what they share.
//!
//! A world's own node does nothing by itself; a second one beside it, with its workers, is the keeper.

mod day;
mod frozen;
mod handed_over;
mod once;
mod outage;
mod predecessor;
mod processes;
mod repair;

use futures_util::StreamExt as _;
use jiff::SignedDuration;
use kaspi_auth_core::error::Result;
use kaspi_auth_core::explain::Explanation;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::port::{Clock as _, JobRepository as _};
use kaspi_auth_core::session::Session;
use kaspi_auth_core::sessions::Wanted;
use kaspi_auth_core::tenant::Tenant;
use kaspi_sandbox::AccountSpec;

use crate::harness::{Node, PASSWORD, World, eventually};

/// A store whose job was put into the queue is due again after this long, as in the service.
const AGAIN: SignedDuration = SignedDuration::from_mins(15);
/// Sign-ins that run at once.
const AT_ONCE: usize = 16;

/// How a store stands in its row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    uid: String,
    validity: String,
    needs_reauth: bool,
    reason: String,
    generation: i64,
}

fn uid(text: &str) -> MerchantUid {
    MerchantUid::parse(text).unwrap()
}

/// Every store's row, by merchant.
async fn rows(world: &World) -> Vec<Row> {
    let sql = "select merchant_id || '|' || auth_validity || '|' || cast(needs_reauth as text) || '|'
                      || coalesce(reauth_reason, '') || '|' || cast(auth_generation as text)
                 from kaspi_stores order by merchant_id";
    let row = |text: String| {
        let parts: Vec<&str> = text.split('|').collect();
        Row {
            uid: parts[0].to_owned(),
            validity: parts[1].to_owned(),
            needs_reauth: matches!(parts[2], "1" | "true"),
            reason: parts[3].to_owned(),
            generation: parts[4].parse().unwrap(),
        }
    };
    world.database.texts(sql).await.into_iter().map(row).collect()
}

/// One store's row.
async fn row(world: &World, uid: &str) -> Row {
    rows(world).await.into_iter().find(|row| row.uid == uid).unwrap()
}

/// Makes stores due at once; `where_` picks them.
async fn make_due(world: &World, where_: &str) {
    world.database.execute(&format!("update kaspi_auth_keeping set due_at = 0 where {where_}")).await;
}

/// Puts what is due into the queue, without waiting for the keeper's next look, and waits until nothing is due and nothing
/// is left to do, as long as that gets less. Answers how many stores were due.
async fn settle(world: &World) -> u32 {
    let service = world.node().service();
    let (mut pushed, mut left) = (0, u64::MAX);
    while left > 0 {
        left = eventually("less is due or in the queue", async || {
            let now = world.clock.now();
            pushed += service.database.push_due_stores(now, now + AGAIN, 500).await.unwrap();
            let queued = in_queue(world).await;
            let due = format!("kaspi_auth_keeping where due_at <= {}", now.as_microsecond());
            // What was put into the queue between the two looks shows now.
            let left_now = queued + world.database.count(&due).await + in_queue(world).await;
            (left_now < left).then_some(left_now)
        })
        .await;
    }
    pushed
}

async fn in_queue(world: &World) -> u64 {
    let figures = world.node().service().records.job_figures().await.unwrap();
    figures.waiting + figures.running
}

/// A session that was seen alive this moment, if there is one to be had.
async fn serve(world: &World, node: &Node, store: &str) -> Result<Session> {
    let wanted = Wanted {
        max_age: Some(SignedDuration::ZERO),
        min_ttl: None,
        until: world.clock.now() + SignedDuration::from_secs(30),
    };
    node.service().sessions.serve(&Tenant::All, &uid(store), wanted).await
}

/// Why a store stands as it does.
async fn explain(world: &World, store: &str) -> Explanation {
    world.node().service().explanations.explain(&Tenant::All, &uid(store)).await.unwrap()
}

/// Signs in to many accounts, each with one merchant; the sessions are real ones.
async fn sign_in_to(world: &World, accounts: Vec<(AccountSpec, serde_json::Value)>) {
    let logins = accounts.into_iter().map(|(account, body)| async move {
        let to = account.email.clone().or(account.phone.clone()).unwrap();
        world.portal.add_account(account);
        let login = world.admin.sign_in(&body).await;
        let login = if login.state == "awaiting_code" {
            world.admin.answer_code(login.id, &world.code(&to)).await
        } else {
            login
        };
        login.stands("succeeded");
    });
    futures_util::stream::iter(logins).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

/// Accounts that sign in by password alone, with the merchants `from`, `from + 1` and so on.
fn plain(from: u64, count: u64) -> Vec<(AccountSpec, serde_json::Value)> {
    let account = |number: u64| {
        let email = format!("plain-{number}@shop.test");
        let body = serde_json::json!({"email": email, "password": PASSWORD});
        (AccountSpec::email(email).merchant(number.to_string()), body)
    };
    (from..from + count).map(account).collect()
}
