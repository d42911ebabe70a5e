//! A service that stops: what its browsers hold fails clearly and at once, and no browser stays behind.

use std::path::Path;
use std::time::{Duration, Instant};

use kaspi_sandbox::{Fault, FaultKind};

use crate::chromium::{Chromium, by_browser, on_for};
use crate::harness::{Kind, Login, Rig, on_each, until};

/// Folders of profiles that lie in a place.
fn profiles(folder: &Path) -> usize {
    let is_ours = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("kaspi-auth-browser-");
    let ours = std::fs::read_dir(folder).unwrap().flatten().filter(|entry| is_ours(&entry.file_name()));
    ours.map(|entry| std::fs::read_dir(entry.path()).map_or(0, Iterator::count)).sum()
}

async fn a_service_that_is_told_to_stop_fails_what_it_holds_and_leaves_nothing(kind: Kind) {
    let rig = Rig::new(kind).await;
    let folder = tempfile::tempdir().unwrap();
    let process = rig.serve_with(|command| on_for(command, folder.path())).await;
    let login = process.client.sign_in(&by_browser("always@sandbox.test")).await.stands("awaiting_code");
    let chromium = Chromium::below(folder.path()).await;
    assert_eq!(profiles(folder.path()), 1);

    let began = Instant::now();
    let ended = process.terminate().await;
    assert!(ended.status.success(), "{}", ended.log);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    chromium.has_left_nothing().await;
    assert_eq!(profiles(folder.path()), 0);
    assert!(!ended.log.contains("ERROR"), "{}", ended.log);

    let next = rig.serve().await;
    let lost = next.client.login(login.id).await.stands("failed");
    assert_eq!(lost.code(), "browser_lost");
    assert!(lost.updated_at.duration_since(login.updated_at).as_secs() < 20);
    let ended = next.terminate().await;
    assert!(ended.status.success(), "{}", ended.log);
    assert_eq!(rig.portal.counters().passwords, 1);
}

on_each!(a_service_that_is_told_to_stop_fails_what_it_holds_and_leaves_nothing);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_told_to_stop_lets_a_browser_finish_its_login() {
    let rig = Rig::new(Kind::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let process = rig.serve_with(|command| on_for(command, folder.path())).await;
    let slow = Fault::new(FaultKind::Delay(1_500)).role("login").path("/api/p/login").times(1);
    rig.portal.set_fault(slow);
    let body = by_browser("plain@sandbox.test");
    let _: Login = process.client.post("/v1/logins", &body).await.is(201).read();
    until("the password is on its way", || rig.portal.counters().faults == 1).await;
    let chromium = Chromium::below(folder.path()).await;
    let ended = process.terminate().await;
    assert!(ended.status.success(), "{}", ended.log);
    chromium.has_left_nothing().await;
    assert_eq!(rig.database.texts("select state from kaspi_auth_logins").await, ["succeeded"]);
    assert_eq!((rig.portal.counters().passwords, profiles(folder.path())), (1, 0));
}
