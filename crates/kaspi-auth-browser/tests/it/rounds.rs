//! Many logins with something dying in between: nothing is left of any. `KASPI_AUTH_TEST_ROUNDS` says how many.

use std::{collections::HashSet, env, io::Write, process::Stdio, time::Duration};

use kaspi_auth_browser::{Context, FarmError, FarmNews};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use crate::harness::{self, FILL, PASSWORD, PATIENCE, Yard, local};

/// Where a service that is started by a test and killed has its profiles.
const WORK_DIR: &str = "KASPI_AUTH_TEST_WORK_DIR";

/// What a login may take. Where a browser's network process was killed, pages that were there before wait for their answers in vain.
const STEPS: Duration = Duration::from_secs(5);

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// A login up to a step; whatever befalls it is an outcome.
async fn log_in(context: &mut Context, steps: u64) -> Result<(), FarmError> {
    if steps > 0 {
        context.call(FILL, &[json!("#user_email_field"), json!("plain@sandbox.test")]).await?;
        context.next().await?;
    }
    if steps > 1 {
        context.call(FILL, &[json!("#password_field"), json!(PASSWORD)]).await?;
        context.next().await?;
    }
    if steps > 2 {
        context.cookies().await?;
    }
    Ok(())
}

#[tokio::test]
async fn many_logins_with_random_deaths_leave_nothing() {
    let rounds = env::var("KASPI_AUTH_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(60);
    let yard = Yard::ready(|settings, _| {
        settings.shards = vec![local(harness::browser()), local(harness::browser())];
        settings.min_warm = 2;
        settings.recycle_after_logins = 25;
        settings.page_timeout = Duration::from_secs(8);
    })
    .await;
    let mut dice = Dice(7);
    let (mut through, mut lost) = (0, 0);
    let mut shards = HashSet::new();
    for _ in 0..rounds {
        let mut context = match yard.lease("one").await {
            Ok(context) => context,
            Err(error) => {
                assert!(error.is_lost(), "{error:?}");
                lost += 1;
                continue;
            }
        };
        shards.insert(context.shard());
        let steps = dice.roll(4);
        let victims = yard.processes();
        let dies = (dice.roll(4) == 0 && !victims.is_empty()).then(|| {
            let victim = dice.roll(victims.len() as u64);
            victims[usize::try_from(victim).unwrap()]
        });
        let killing = async {
            if let Some(pid) = dies {
                let _ = kill(Pid::from_raw(pid.try_into().unwrap()), Signal::SIGKILL);
            }
        };
        let login = tokio::time::timeout(STEPS, log_in(&mut context, steps));
        let (outcome, ()) = tokio::join!(login, killing);
        match outcome {
            Ok(Ok(())) => through += 1,
            Ok(Err(error)) => {
                assert!(error.is_lost() || matches!(error, FarmError::Protocol { .. }), "{error:?}");
                lost += 1;
            }
            Err(_) => lost += 1,
        }
    }
    assert!(through > rounds / 2, "{through} through, {lost} lost");
    assert!(shards.len() > 2, "browsers were replaced: {shards:?}");
    yard.until("quiet", |figures| {
        let contexts: usize = figures.shards.iter().map(|shard| shard.contexts).sum();
        figures.shards.len() == 2 && figures.running == 0 && figures.warming == 0 && contexts == figures.warm
    })
    .await;
    yard.end().await;
}

#[tokio::test]
async fn a_service_that_is_killed_leaves_no_browser() {
    if let Some(work_dir) = env::var_os(WORK_DIR) {
        return serve(work_dir.into()).await;
    }
    let work_dir = tempfile::tempdir().unwrap();
    let mut service = Command::new(env::current_exe().unwrap())
        .args(["--exact", "rounds::a_service_that_is_killed_leaves_no_browser", "--nocapture"])
        .env(WORK_DIR, work_dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(service.stdout.take().unwrap()).lines();
    while !lines.next_line().await.unwrap().expect("ready before its end").ends_with("ready") {}
    let mut groups = HashSet::new();
    assert!(harness::processes_below(work_dir.path(), &mut groups).len() > 2);
    service.kill().await.unwrap();
    let gone = tokio::time::timeout(PATIENCE, async {
        while !harness::processes_below(work_dir.path(), &mut groups).is_empty() {
            tokio::task::yield_now().await;
        }
    });
    assert!(gone.await.is_ok(), "{:?} are left", harness::processes_below(work_dir.path(), &mut groups));
    let yard = Yard::ready(|settings, _| settings.work_dir = work_dir.path().to_path_buf()).await;
    assert_eq!(std::fs::read_dir(work_dir.path()).unwrap().count(), 1, "the dead service's profile is gone");
    yard.end().await;
}

/// A service until it is killed.
async fn serve(work_dir: std::path::PathBuf) {
    let yard = Yard::ready(|settings, _| settings.work_dir = work_dir).await;
    let _context = yard.lease("one").await.unwrap();
    std::io::stdout().write_all(b"ready\n").unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_farm_that_is_dropped_ends_its_browsers() {
    let yard = Yard::ready(|_, _| {}).await;
    let mut context = yard.lease("one").await.unwrap();
    let mut groups = HashSet::new();
    assert!(!harness::processes_below(yard.work_dir.path(), &mut groups).is_empty());
    let Yard { farm, sandbox, news, work_dir, .. } = yard;
    drop(farm);
    assert_eq!(context.next().await.unwrap_err(), FarmError::Stopped);
    drop(context);
    news.until(1, "its end", |news| matches!(news, FarmNews::ShardDown { .. })).await;
    assert_eq!(harness::processes_below(work_dir.path(), &mut groups), Vec::<u32>::new());
    sandbox.stop().await;
}
