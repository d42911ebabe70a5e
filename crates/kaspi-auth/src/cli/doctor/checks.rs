//! The checks, each on its own feet: what one finds keeps no other from looking. None changes anything.

use std::path::Path;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use kaspi_auth_core::port::{ApiKeyRepository as _, Database as _};
use kaspi_auth_portal::{Page, Reachability};
use kaspi_auth_store::{OpenDatabaseError, Settings, SqlDatabase};
use kaspi_auth_vault::KeyRing;

use super::super::files;
use super::SharedClock;
use super::finding::Finding;
use crate::config::Config;
use crate::process::Chain;
use crate::wiring;

/// Years in which this program can run.
const YEARS: std::ops::RangeInclusive<i16> = 2025..=2100;
/// Clocks that differ by less make no trouble.
const FINE: SignedDuration = SignedDuration::from_secs(5);
/// Clocks that differ by more break tokens and expiries.
const TOO_FAR: SignedDuration = SignedDuration::from_secs(60);
/// A key of this name was never made: writing down its use changes nothing.
const NO_KEY: &str = "doctor";

/// What is looked at.
pub struct Checks<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// Its file.
    pub file: Option<&'a Path>,
    /// Our time.
    pub clock: SharedClock,
}

impl Checks<'_> {
    /// Everything; without the portal when `offline`.
    pub async fn all(&self, offline: bool) -> Vec<Finding> {
        let mut findings = vec![self.configuration()];
        let (key, ring) = self.key();
        findings.push(key);
        findings.push(self.database(ring).await);
        findings.extend(self.files());
        let reached = if offline { None } else { Some(self.portal().await) };
        let ahead = reached.as_ref().and_then(|(_, ahead)| *ahead);
        findings.extend(reached.map(|(finding, _)| finding));
        findings.push(super::browser::check(self.config, &self.clock).await);
        findings.push(clock(&self.clock, ahead));
        findings
    }

    fn configuration(&self) -> Finding {
        match self.file {
            Some(file) => Finding::ok("configuration", format!("{} and the environment", file.display())),
            None => Finding::ok("configuration", "the environment and the defaults; no file is named"),
        }
    }

    fn key(&self) -> (Finding, Option<Arc<KeyRing>>) {
        match wiring::key_ring(&self.config.encryption) {
            Ok(ring) => {
                let found = match &ring.fingerprints()[..] {
                    [only] => format!("one key, fingerprint {only}"),
                    [newest, others @ ..] => {
                        format!(
                            "newest key {newest}, and {} that still open: {}",
                            others.len(),
                            others.join(", ")
                        )
                    }
                    [] => "none".to_owned(),
                };
                (Finding::ok("key", found), Some(ring))
            }
            Err(error) => {
                let advice =
                    "`kaspi-auth keys generate` makes one; keep it apart from the database's backups";
                (Finding::fail("key", error.to_string(), advice), None)
            }
        }
    }

    async fn database(&self, ring: Option<Arc<KeyRing>>) -> Finding {
        const NAME: &str = "database";
        if let Some(file) = files::sqlite(&self.config.database)
            && !file.exists()
        {
            let found = format!("the file {} is not there yet", file.display());
            return Finding::warn(
                NAME,
                found,
                "`kaspi-auth migrate` makes it, and so does the first `kaspi-auth serve`",
            );
        }
        let Some(ring) = ring else {
            return Finding::fail(NAME, "was not opened: there is no key for it", "mend the key first");
        };
        let settings = Settings { migrate: false, ..wiring::database_settings(&self.config.database) };
        match SqlDatabase::open(&settings, ring, self.clock.now()).await {
            Ok(database) => {
                let tried = async {
                    database.ping().await?;
                    database.touch_api_key(NO_KEY, self.clock.now()).await
                };
                let finding = match tried.await {
                    Ok(()) => Finding::ok(
                        NAME,
                        "answers, takes writes, has this program's schema, and the key opens it",
                    ),
                    Err(error) => {
                        let advice = "see that its disk is not full, that it is no read-only copy, and that this user may write";
                        Finding::fail(NAME, Chain(&error).to_string(), advice)
                    }
                };
                database.close().await;
                finding
            }
            Err(error) => self.unopened(&error),
        }
    }

    fn unopened(&self, error: &OpenDatabaseError) -> Finding {
        let found = Chain(error).to_string();
        match error {
            OpenDatabaseError::NotMigrated if self.config.database.migrate_at_start => {
                Finding::warn("database", found, "nothing: `kaspi-auth serve` migrates when it starts")
            }
            OpenDatabaseError::NotMigrated => Finding::fail("database", found, "run `kaspi-auth migrate`"),
            OpenDatabaseError::WrongKey { .. } => Finding::fail(
                "database",
                found,
                "`kaspi-auth keys check` tells the fingerprints of the configured keys",
            ),
            _ => Finding::fail(
                "database",
                found,
                "check database.url, DATABASE_URL or POSTGRES_*: `kaspi-auth config show`",
            ),
        }
    }

    /// Files that hold secrets, sealed or not.
    fn files(&self) -> Vec<Finding> {
        let database = files::sqlite(&self.config.database);
        let named = [("key file", self.config.encryption.key_file.clone()), ("database file", database)];
        let existing =
            named.into_iter().filter_map(|(check, file)| Some((check, file.filter(|file| file.exists())?)));
        existing
            .map(|(check, file)| match files::open_to_others(&file) {
                Some(found) => Finding::warn(check, found, format!("chmod 600 {}", file.display())),
                None => Finding::ok(check, format!("{} is its owner's alone", file.display())),
            })
            .collect()
    }

    /// One GET of the login page, and by how much the portal's clock is ahead of ours.
    async fn portal(&self) -> (Finding, Option<SignedDuration>) {
        const NAME: &str = "portal";
        let address =
            self.config.portal.login_url.join("/login").map_or_else(|_| String::new(), String::from);
        let engine = match wiring::portal(&self.config.portal, Arc::clone(&self.clock)) {
            Ok(engine) => engine,
            Err(error) => {
                return (Finding::fail(NAME, Chain(&error).to_string(), "check the section [portal]"), None);
            }
        };
        match engine.reachable().await {
            Ok(reached) => (judged(&address, &reached), reached.clock_ahead),
            Err(error) => {
                let advice = "see that this machine reaches it: name resolution, firewall, proxy, certificates (portal.ca_file)";
                (Finding::fail(NAME, format!("{address}: {}", Chain(&error)), advice), None)
            }
        }
    }
}

fn judged(address: &str, reached: &Reachability) -> Finding {
    const NAME: &str = "portal";
    let found = format!("{address} answers {} in {} ms", reached.status, reached.elapsed.as_millis());
    match reached.page {
        Page::Login => Finding::ok(NAME, format!("{found} with its login page")),
        Page::Wall => Finding::fail(
            NAME,
            format!("{found} with a wall"),
            "it does not let this machine in: try again later, or go out another way",
        ),
        Page::ServerError => Finding::fail(NAME, format!("{found}: it is out of order"), "try again later"),
        Page::Other => Finding::warn(
            NAME,
            format!("{found} with a page that is not known"),
            "try a login: if it ends in portal_changed, the portal has changed",
        ),
    }
}

fn clock(clock: &SharedClock, portal_ahead: Option<SignedDuration>) -> Finding {
    const NAME: &str = "clock";
    const ADVICE: &str = "set this machine's clock by the network (NTP): sessions, codes and tokens go by it";
    let now = clock.now();
    let year = now.to_zoned(TimeZone::UTC).year();
    if !YEARS.contains(&year) {
        return Finding::fail(NAME, format!("it says {now:.0}"), ADVICE);
    }
    match portal_ahead {
        None => Finding::ok(NAME, format!("{now:.0}; the portal's was not seen")),
        Some(ahead) => {
            let found = match ahead.as_secs() {
                0 => "goes with the portal's".to_owned(),
                seconds if seconds > 0 => format!("is {seconds} s behind the portal's"),
                seconds => format!("is {} s ahead of the portal's", seconds.unsigned_abs()),
            };
            if ahead.abs() > TOO_FAR {
                Finding::fail(NAME, found, ADVICE)
            } else if ahead.abs() > FINE {
                Finding::warn(NAME, found, ADVICE)
            } else {
                Finding::ok(NAME, found)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use kaspi_auth_core::port::Clock;

    use super::super::finding::Verdict;
    use super::*;

    struct At(Timestamp);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            self.0
        }
    }

    fn verdict(now: &str, ahead: Option<i64>) -> Verdict {
        let at: SharedClock = Arc::new(At(now.parse().unwrap()));
        clock(&at, ahead.map(SignedDuration::from_secs)).verdict
    }

    #[test]
    fn a_clock_is_judged_by_its_year_and_by_the_portals() {
        assert_eq!(verdict("1970-01-02T00:00:00Z", None), Verdict::Fail);
        assert_eq!(verdict("2026-03-01T00:00:00Z", None), Verdict::Ok);
        assert_eq!(verdict("2026-03-01T00:00:00Z", Some(-2)), Verdict::Ok);
        assert_eq!(verdict("2026-03-01T00:00:00Z", Some(30)), Verdict::Warn);
        assert_eq!(verdict("2026-03-01T00:00:00Z", Some(-3600)), Verdict::Fail);
    }

    #[test]
    fn a_wall_is_no_login_page() {
        let reached =
            |status, page| Reachability { status, page, clock_ahead: None, elapsed: Duration::ZERO };
        assert_eq!(judged("x", &reached(200, Page::Login)).verdict, Verdict::Ok);
        assert_eq!(judged("x", &reached(403, Page::Wall)).verdict, Verdict::Fail);
        assert_eq!(judged("x", &reached(200, Page::Other)).verdict, Verdict::Warn);
    }
}
