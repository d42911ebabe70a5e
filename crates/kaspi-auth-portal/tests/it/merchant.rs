//! The merchant's data is wanted, not needed: a login succeeds without it.

use kaspi_auth_core::merchant::Merchant;
use kaspi_sandbox::{Fault, FaultKind};
use serde_json::json;

use crate::harness::{Desk, mail};

async fn with_faults(names: bool, faults: &[(FaultKind, Option<u32>)]) -> (Merchant, u64) {
    let desk = Desk::with(|knobs| knobs.cabinet.merchants_have_names = names).await;
    for (kind, times) in faults {
        let fault = Fault::new(kind.clone()).path("/mc/facade/graphql");
        desk.control().set_fault(Fault { times: *times, ..fault });
    }
    let merchant = desk.sign_in(&mail("plain")).await.merchant;
    let asked = desk.counters().calls_to("POST", "cabinet", "/mc/facade/graphql");
    (merchant, asked)
}

#[tokio::test]
async fn a_facade_that_refuses_the_larger_query_is_asked_the_smaller_one() {
    let refused = json!({"errors": [{"message": "Cannot query field \"points\""}]});
    for status in [200, 400] {
        let fault = (FaultKind::Json { status, body: refused.clone() }, Some(1));
        let (merchant, asked) = with_faults(false, &[fault]).await;
        assert_eq!(merchant.name.as_deref(), Some("Магазин 30000001"));
        assert_eq!(asked, 2);
    }
}

#[tokio::test]
async fn without_the_facade_the_name_comes_from_the_list_or_not_at_all() {
    for kind in [
        FaultKind::Json { status: 200, body: json!({"data": {"merchant": null}}) },
        FaultKind::Status(401),
        FaultKind::Broken,
        FaultKind::Wall(403),
        FaultKind::Garbage,
        FaultKind::BrokenBody,
    ] {
        let (merchant, _) = with_faults(true, &[(kind.clone(), None)]).await;
        assert_eq!(merchant.name.as_deref(), Some("Магазин 30000001"), "{kind:?}");
        let (merchant, asked) = with_faults(false, &[(kind.clone(), None)]).await;
        assert_eq!((merchant.uid.as_str(), merchant.name, merchant.points.len()), ("30000001", None, 0));
        assert!(asked <= 2, "{kind:?}");
    }
}
