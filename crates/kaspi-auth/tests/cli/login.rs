//! `login` for scripts: JSON, exit codes, waiting logins.

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;

use crate::room::{PASSWORD, Room, Running, finish};

const CODE: [&str; 5] = ["login", "--email", "code@sandbox.test", "--password-stdin", "--json"];

#[tokio::test]
async fn a_script_signs_in_and_reads_each_state_as_a_line_of_json() {
    let room = Room::new().await;
    let arguments =
        ["login", "--email", "plain@sandbox.test", "--password-stdin", "--json", "--user-id", "u-1"];
    let ran = room.run_with(&arguments, &format!("{PASSWORD}\n")).await.good();
    let states: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(states.iter().all(|login| login["id"] == states[0]["id"]), "{states:?}");
    let last = states.last().unwrap();
    assert_eq!((&last["state"], &last["user_id"]), (&"succeeded".into(), &"u-1".into()));
    assert_eq!(last["store"]["merchant_uid"], "30000001");
    assert!(!ran.stdout.contains(PASSWORD) && !ran.stderr.contains(PASSWORD));
}

#[tokio::test]
async fn a_script_without_a_code_stops_and_another_call_goes_on() {
    let room = Room::new().await;
    let waiting = room.run_with(&CODE, PASSWORD).await.ended(3);
    let login = waiting.last_json();
    assert_eq!(login["state"], "awaiting_code");
    let id = login["id"].as_str().unwrap();
    let error = waiting.error();
    assert_eq!(error["code"], "sms_required");
    assert!(
        error["hint"].as_str().unwrap().contains(&format!("login --resume {id} --code-stdin")),
        "{error}"
    );

    let still = room.run(&["login", "--resume", id, "--json"]).await.ended(3);
    assert_eq!(still.last_json()["state"], "awaiting_code");
    let wrong = room.run(&["login", "--resume", id, "--code", "000000", "--json"]).await.ended(3).last_json();
    assert_eq!(
        (&wrong["challenge"]["attempts_left"], &wrong["challenge"]["last_error"]["code"]),
        (&4.into(), &"code_rejected".into())
    );

    let code = room.newest_code("code@sandbox.test");
    let done = room.run_with(&["login", "--resume", id, "--code-stdin", "--json"], &code).await.good();
    assert_eq!(done.last_json()["store"]["merchant_uid"], "30000002");
    assert_eq!(room.portal().counters().codes_sent.email, 1, "no second code was asked for");
}

#[tokio::test]
async fn a_script_that_speaks_both_ways_hands_the_code_in_when_it_is_asked_for() {
    let room = Room::new().await;
    let mut arguments = CODE.to_vec();
    arguments.push("--code-stdin");
    let mut running = Running::start(room.command(&arguments));
    running.stdin.write_all(format!("{PASSWORD}\n").as_bytes()).await.unwrap();
    running.until("awaiting_code").await;
    let code = room.newest_code("code@sandbox.test");
    running.stdin.write_all(format!("{code}\n").as_bytes()).await.unwrap();
    running.until("succeeded").await;
    assert_eq!(running.end().await.code, 0);
}

#[tokio::test]
async fn of_several_merchants_the_named_one_is_taken_or_the_choice_is_left_open() {
    let room = Room::new().await;
    let several = ["login", "--email", "several@sandbox.test", "--password-stdin", "--json"];
    let named = [&several[..], &["--merchant", "SBX"]].concat();
    assert_eq!(room.run_with(&named, PASSWORD).await.good().last_json()["store"]["merchant_uid"], "SBX");

    let open = room.run_with(&several, PASSWORD).await.ended(3).last_json();
    assert_eq!(open["challenge"]["merchants"].as_array().unwrap().len(), 3);
    let id = open["id"].as_str().unwrap();
    let refused = room.run(&["login", "--resume", id, "--merchant", "1", "--json"]).await.ended(1);
    assert_eq!(refused.error()["code"], "merchant_not_listed");
    let done = room.run(&["login", "--resume", id, "--merchant", "30000012", "--json"]).await.good();
    assert_eq!(done.last_json()["store"]["merchant_uid"], "30000012");
}

#[tokio::test]
async fn a_waiting_login_can_be_given_up() {
    let room = Room::new().await;
    let login = room.run(&["login", "--phone", "8 700 000 00 01", "--json"]).await.ended(3).last_json();
    let id = login["id"].as_str().unwrap();
    assert_eq!(
        room.run(&["login", "--resume", id, "--cancel", "--json"]).await.good().last_json()["state"],
        "cancelled"
    );
    let over = room.run(&["login", "--resume", id, "--code", "123456", "--json"]).await.ended(1);
    assert_eq!(over.error()["code"], "login_cancelled");
}

#[tokio::test]
async fn the_exit_code_tells_a_wrong_password_from_a_portal_that_is_out_of_order() {
    let room = Room::new().await;
    let sign_in = |email: &'static str| ["login", "--email", email, "--password-stdin", "--json"];
    let wrong = room.run_with(&sign_in("plain@sandbox.test"), "wrong-canary").await.ended(1);
    assert_eq!(wrong.error()["code"], "invalid_credentials");
    assert!(!format!("{wrong:?}").contains("wrong-canary"));
    let again = room.run_with(&sign_in("plain@sandbox.test"), "wrong-canary").await.ended(1);
    assert_eq!(again.error()["code"], "invalid_credentials");
    assert_eq!(room.portal().counters().wrong_passwords, 1, "a refused password is not sent again");

    let wall = room.run_with(&sign_in("wall@sandbox.test"), PASSWORD).await.ended(4);
    assert_eq!((&wall.error()["code"], &wall.error()["retryable"]), (&"portal_blocked".into(), &true.into()));
}

#[tokio::test]
async fn a_script_is_never_asked() {
    let room = Room::new().await;
    for arguments in [&["login"][..], &["login", "--email", "plain@sandbox.test"]] {
        let ran = room.run(arguments).await.ended(2);
        assert!(ran.stderr.starts_with("error: ") && ran.stdout.is_empty(), "{ran:?}");
    }
    room.run_with(&["login", "--email", "plain@sandbox.test", "--password-stdin"], "").await.ended(2);
    room.run_with(&["login", "--email", "no address", "--password-stdin"], PASSWORD).await.ended(2);
    assert_eq!(room.portal().counters().passwords, 0);
}

#[tokio::test]
async fn a_password_that_is_not_to_be_kept_is_not_kept() {
    let room = Room::new().await;
    let arguments = ["login", "--email", "plain@sandbox.test", "--password-stdin", "--no-store-password"];
    room.run_with(&arguments, PASSWORD).await.good();
    let store = room.run(&["stores", "get", "30000001", "--json"]).await.good().json();
    assert_eq!(store["has_password"], false);
}

#[tokio::test]
async fn a_login_by_a_browser_goes_on_while_its_command_runs_and_not_after() {
    let room = Room::new().await;
    let by_browser = |arguments: &[&str]| {
        let mut command = room.command(arguments);
        command.env("KASPI_AUTH__BROWSER__MODE", "on_demand");
        command
    };
    let arguments = [&CODE[..], &["--engine", "browser"]].concat();
    let left = finish(by_browser(&arguments), PASSWORD).await.ended(3);
    let login = left.last_json();
    assert_eq!((&login["state"], &login["driver"]), (&"awaiting_code".into(), &"browser".into()));
    let hint = left.error()["hint"].as_str().unwrap().to_owned();
    assert!(hint.contains("--code-stdin") && !hint.contains("--resume"), "{hint}");
    let id = login["id"].as_str().unwrap();
    let over = room.run(&["login", "--resume", id, "--json"]).await.ended(4);
    assert_eq!(over.error()["code"], "browser_lost");

    let mut running = Running::start(by_browser(&[&arguments[..], &["--code-stdin"]].concat()));
    running.stdin.write_all(format!("{PASSWORD}\n").as_bytes()).await.unwrap();
    running.until("awaiting_code").await;
    let code = room.newest_code("code@sandbox.test");
    running.stdin.write_all(format!("{code}\n").as_bytes()).await.unwrap();
    running.until("succeeded").await;
    assert_eq!(running.end().await.code, 0);
    let store = room.run(&["stores", "get", "30000002", "--json"]).await.good().json();
    assert_eq!(store["driver"], "browser");
    let shown = room.run(&["stores", "get", "30000002"]).await.good().stdout;
    assert!(shown.contains(", by a browser"), "{shown}");
}
