//! Two merchants at once in one browser: each gets its own session, and nothing of the other's.

use futures_util::future::join;
use kaspi_sandbox::{AccountSpec, CodeRule};

use crate::chromium::{Chromium, by_browser, farm, on};
use crate::harness::{Kind, Session, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_merchants_at_once_in_one_browser_share_nothing() {
    World::prove_with(Kind::Sqlite, on, async |world| {
        let coded = |name: &str, uid: &str| {
            let email = format!("{name}@shop.test");
            world.portal.add_account(AccountSpec::email(&email).merchant(uid).code(CodeRule::Always));
            email
        };
        let (one, other) = (coded("one", "92000001"), coded("other", "92000002"));
        let (first, second) = (by_browser(&one), by_browser(&other));
        let both = join(world.admin.sign_in(&first), world.admin.sign_in(&second)).await;
        let (a, b) = (both.0.stands("awaiting_code"), both.1.stands("awaiting_code"));
        let figures = farm(world.node());
        assert_eq!((figures.shards.len(), figures.held), (1, 2), "two pages wait in one browser");
        assert_eq!(Chromium::all_of(world.node()).len(), 1);

        // The code of one is no code of the other's: the portal tells them apart by what their pages hold.
        let (code_a, code_b) = (world.code(&one), world.code(&other));
        assert_ne!(code_a, code_b);
        let crossed = world.admin.answer_code(a.id, &code_b).await.stands("awaiting_code");
        assert_eq!(crossed.last(), "code_rejected");
        let both = join(world.admin.answer_code(a.id, &code_a), world.admin.answer_code(b.id, &code_b)).await;
        assert_eq!(both.0.stands("succeeded").uid(), "92000001");
        assert_eq!(both.1.stands("succeeded").uid(), "92000002");

        let (mine, yours) = (world.admin.session("92000001").await, world.admin.session("92000002").await);
        for (session, own, foreign) in [(&mine, "92000001", "92000002"), (&yours, "92000002", "92000001")] {
            let (status, shown) = world.open_cabinet(&session.cookie_header).await;
            assert!(status == 200 && shown.contains(own) && !shown.contains(foreign), "{status} {shown}");
        }
        let secrets = |session: &Session| -> Vec<String> {
            let values = session.cookies.iter().map(|cookie| cookie["value"].as_str().unwrap().to_owned());
            values.filter(|value| value.len() >= 16).collect()
        };
        assert!(!secrets(&mine).is_empty());
        assert!(secrets(&mine).iter().all(|value| !yours.cookie_header.contains(value)));
        for email in [&one, &other] {
            assert_eq!(world.portal.account_counters(email).unwrap().passwords, 1);
        }
    })
    .await;
}
