//! The check-up: reachable, walled, broken, or not there.

use kaspi_auth_portal::Page;
use kaspi_sandbox::{Fault, FaultKind};

use crate::harness::{Desk, code_of};

#[tokio::test]
async fn a_check_up_sees_what_the_login_page_looks_like() {
    let desk = Desk::new().await;
    let seen = desk.engine.reachable().await.unwrap();
    assert_eq!((seen.status, seen.page), (200, Page::Login));
    assert!(seen.clock_ahead.is_none_or(|ahead| ahead.as_secs().abs() < 20 * 365 * 86_400));
    for (kind, page) in [
        (FaultKind::Wall(403), Page::Wall),
        (FaultKind::Wall(200), Page::Wall),
        (FaultKind::Broken, Page::ServerError),
        (FaultKind::Status(404), Page::Other),
    ] {
        desk.control().set_fault(Fault::new(kind).path("/login").times(1));
        assert_eq!(desk.engine.reachable().await.unwrap().page, page);
    }
    let Desk { sandbox, engine } = desk;
    sandbox.stop().await;
    assert_eq!(code_of(engine.reachable().await), "portal_unavailable");
}
