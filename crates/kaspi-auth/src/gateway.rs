//! Services' own calls of the cabinet with a session that they never see: which paths, how fast, with which session, and what becomes of a
//! session that the cabinet does not know any more. Must not read a body beyond what may be repeated, and must not know the API's HTTP side.

mod limits;
mod tally;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use kaspi_auth_core::api_key::{ApiKey, Scope};
use kaspi_auth_core::error::Result;
use kaspi_auth_core::id::MerchantUid;
use kaspi_auth_core::port::Clock;
use kaspi_auth_core::records::Records;
use kaspi_auth_core::session::{Session, Validity};
use kaspi_auth_core::sessions::{Outcome, Renewal, Report, Sessions, Wanted};
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_core::{Code, Error};
use kaspi_auth_portal::{
    CabinetAnswer, CabinetBody, CabinetCall, CabinetPath, CabinetVerdict, DirectEngine, cabinet_path,
};
use parking_lot::Mutex;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use tokio_util::task::TaskTracker;

use self::limits::Limits;
use self::tally::Tally;
use crate::config::Config;
use crate::process::{Chain, keeping_metrics};

/// A call that went well says something new of a session that was looked at longer ago than this.
const NEWS: SignedDuration = SignedDuration::from_secs(30);
/// When to ask again where the cabinet could not be asked in time whether the session lives.
const AGAIN: SignedDuration = SignedDuration::from_secs(2);

/// Who calls.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// In whose name.
    pub tenant: &'a Tenant,
    /// With which key; users have none.
    pub key: Option<&'a ApiKey>,
}

/// What is to be sent.
pub struct Call {
    /// The method.
    pub method: Method,
    /// The caller's headers, as they came.
    pub headers: HeaderMap,
    /// The body.
    pub body: Option<Body>,
}

/// A caller's body.
pub enum Body {
    /// It may be sent once.
    Once(CabinetBody),
    /// It may be sent again, because the caller said so.
    Again(Bytes),
}

/// What came back, and with which session.
pub struct Answered {
    /// The cabinet's answer.
    pub answer: CabinetAnswer,
    /// The generation of the session.
    pub generation: i64,
}

/// The gateway of one process.
pub struct Gateway {
    sessions: Arc<Sessions>,
    portal: Arc<DirectEngine>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    tally: Arc<Tally>,
    wait: SignedDuration,
    /// Stores of which something is being told: many calls at once say the same.
    telling: Arc<Mutex<HashSet<MerchantUid>>>,
    tasks: TaskTracker,
}

impl Gateway {
    /// Wires the gateway.
    pub fn new(
        sessions: Arc<Sessions>,
        portal: Arc<DirectEngine>,
        records: Arc<Records>,
        clock: Arc<dyn Clock>,
        config: &Config,
    ) -> Self {
        let settings = &config.gateway;
        let wait = settings.wait().min(config.server.longest_wait());
        Self {
            sessions,
            portal,
            clock,
            limits: Limits::new(settings),
            tally: Arc::new(Tally::new(records)),
            wait: SignedDuration::try_from(wait).unwrap_or(SignedDuration::ZERO),
            telling: Arc::default(),
            tasks: TaskTracker::new(),
        }
    }

    /// The path, if the caller may call it. What is checked is what will be sent.
    ///
    /// # Errors
    /// `insufficient_scope`; `cabinet_path_forbidden`; `invalid_value`: a path that could be read in two ways.
    pub fn allowed(&self, caller: Caller<'_>, method: &Method, path_and_query: &str) -> Result<CabinetPath> {
        let Some(key) = caller.key else {
            let detail = "The cabinet is called with an API key that has the scope cabinet:call, not with a user's token.";
            return Err(Error::new(Code::InsufficientScope, detail));
        };
        if !key.allows(Scope::CabinetCall) {
            let detail = "This call needs the scope cabinet:call, which these credentials have not.";
            return Err(Error::new(Code::InsufficientScope, detail));
        }
        let path = cabinet_path(path_and_query)?;
        if key.allows_path(method.as_str(), path.path()) {
            Ok(path)
        } else {
            Err(Code::CabinetPathForbidden.into())
        }
    }

    /// Calls the cabinet with the store's session, renews a session that it does not know, and then repeats what may be repeated. Counted for the store.
    ///
    /// # Errors
    /// `store_not_found`, `session_not_found`; `rate_limited`; why there is no live session; `session_refreshing`: it was renewed, and the call may not be
    /// repeated; those of [`DirectEngine::call_cabinet`]; the database's.
    pub async fn call(
        &self,
        tenant: &Tenant,
        uid: &MerchantUid,
        path: CabinetPath,
        call: Call,
    ) -> Result<Answered> {
        let started = Instant::now();
        let answered = self.call_once_or_twice(tenant, uid, path, call).await;
        let outcome = match &answered {
            Ok(answered) => class(answered.answer.status),
            // What is not there, or not the caller's, has no calls.
            Err(error) if error.code() == Code::StoreNotFound => return answered,
            Err(error) => error.code().as_str(),
        };
        let took = SignedDuration::try_from(started.elapsed()).unwrap_or(SignedDuration::MAX);
        self.tally.count(uid, outcome, took, self.clock.now());
        answered
    }

    async fn call_once_or_twice(
        &self,
        tenant: &Tenant,
        uid: &MerchantUid,
        path: CabinetPath,
        call: Call,
    ) -> Result<Answered> {
        let began = self.clock.now();
        let until = began + self.wait;
        let wanted = Wanted { max_age: None, min_ttl: None, until };
        let session = self.sessions.serve(tenant, uid, wanted).await?;
        // After the session: only who may see the store uses its turns up.
        self.limits.take(uid, path.path()).map_err(|wait| too_fast(self.clock.now(), wait))?;
        let again = repeated(&path, &call);
        let answer = self.send(&session, path, call).await?;
        if answer.verdict != CabinetVerdict::Unauthorized {
            return Ok(self.settled(tenant, session, answer));
        }
        drop(answer);
        let renewed = self.renewed(tenant, &session, until).await?;
        let Some((path, call)) = again else {
            let detail = "The cabinet did not know the session; it has been renewed. The call was not repeated, because its method may change \
                          something: send it again, or send `Kaspi-Auth-Repeat: true` with such calls.";
            return Err(Error::new(Code::SessionRefreshing, detail).with_retry_at(self.clock.now()));
        };
        // It counts as a turn, and is not refused for want of one.
        let _ = self.limits.take(uid, path.path());
        let answer = self.send(&renewed, path, call).await?;
        if answer.verdict == CabinetVerdict::Unauthorized {
            if renewed.checked_at.is_none_or(|at| at < began) {
                let again = self.clock.now() + AGAIN;
                return Err(Error::of(Code::SessionRefreshing).with_retry_at(again));
            }
            let detail = "The cabinet refuses this call, also with a session that has just been seen alive.";
            return Err(Error::new(Code::SessionExpired, detail));
        }
        Ok(self.settled(tenant, renewed, answer))
    }

    async fn send(&self, session: &Session, path: CabinetPath, call: Call) -> Result<CabinetAnswer> {
        let way = self.sessions.way(session).await?;
        let body = call.body.map(|body| match body {
            Body::Once(body) => body,
            Body::Again(bytes) => CabinetBody::Whole(bytes),
        });
        let call = CabinetCall { method: call.method, path_and_query: path, headers: call.headers, body };
        self.portal.call_cabinet(&way, &session.cookies, call).await
    }

    /// A live session in place of one that the cabinet refused.
    async fn renewed(&self, tenant: &Tenant, refused: &Session, until: Timestamp) -> Result<Session> {
        let uid = &refused.merchant_uid;
        let known = self.sessions.serve(tenant, uid, Wanted { max_age: None, min_ttl: None, until }).await?;
        if known.generation != refused.generation {
            return Ok(known);
        }
        if let Some(_turn) = Turn::take(&self.telling, uid) {
            let report = Report { generation: refused.generation, outcome: Outcome::Unauthorized };
            self.sessions.report(tenant, uid, report).await?;
        }
        // If the report has found it dead, this renews; if not, this looks once more: a session that lives is not signed in to again.
        let wanted = Wanted { max_age: Some(SignedDuration::ZERO), min_ttl: None, until };
        self.sessions.serve(tenant, uid, wanted).await
    }

    /// Passes the answer on; what it says of the session is written down beside.
    fn settled(&self, tenant: &Tenant, mut session: Session, mut answer: CabinetAnswer) -> Answered {
        let generation = session.generation;
        let alive = answer.verdict == CabinetVerdict::Ok;
        if let Some(after) = answer.cookies.take() {
            let renewal = Renewal {
                generation,
                before: std::mem::take(&mut session.cookies),
                after,
                replaced: answer.replaced,
                alive,
            };
            let (sessions, tenant, uid) =
                (Arc::clone(&self.sessions), tenant.clone(), session.merchant_uid.clone());
            self.tasks.spawn(async move {
                if let Err(error) = sessions.keep_renewed(&tenant, &uid, renewal).await {
                    tracing::warn!(merchant.uid = %uid, error = %Chain(&error), "cookies that the cabinet renewed could not be stored");
                }
            });
        } else {
            self.tell(tenant, &session, answer.verdict);
        }
        Answered { answer, generation }
    }

    /// Tells how the call went, where that is news.
    fn tell(&self, tenant: &Tenant, session: &Session, verdict: CabinetVerdict) {
        let now = self.clock.now();
        let outcome = match verdict {
            CabinetVerdict::Ok => {
                let is_known = session.validity == Validity::Alive
                    && session.checked_at.is_some_and(|at| at.duration_until(now) < NEWS);
                if is_known {
                    return;
                }
                Outcome::Ok
            }
            CabinetVerdict::Blocked => Outcome::Blocked,
            CabinetVerdict::RateLimited => Outcome::RateLimited,
            CabinetVerdict::Unauthorized | CabinetVerdict::Other => return,
        };
        let Some(turn) = Turn::take(&self.telling, &session.merchant_uid) else { return };
        let report = Report { generation: session.generation, outcome };
        let (sessions, tenant, uid) =
            (Arc::clone(&self.sessions), tenant.clone(), session.merchant_uid.clone());
        self.tasks.spawn(async move {
            if let Err(error) = sessions.report(&tenant, &uid, report).await {
                tracing::warn!(merchant.uid = %uid, error = %Chain(&error), "how a call of the cabinet went could not be written down");
            }
            drop(turn);
        });
    }

    /// Writes down how the stores' calls went. To be called now and then.
    ///
    /// # Errors
    /// The database's.
    pub async fn write_calls(&self) -> Result<()> {
        let tally = Arc::clone(&self.tally);
        // In a task of its own: a caller that goes away takes nothing along. One that panics is told of by the runtime.
        self.tasks.spawn(async move { tally.flush().await }).await.unwrap_or(Ok(()))
    }

    /// So many nodes share the rates.
    pub fn share(&self, nodes: u32) {
        self.limits.share(nodes);
    }

    /// How many nodes share the rates, as far as this one knows.
    pub fn nodes(&self) -> u32 {
        self.limits.nodes()
    }

    /// Keeps what is held in memory small. To be called now and then.
    pub fn forget_rested(&self) {
        self.limits.forget_rested();
    }

    /// Waits for what is still written down, `grace` at most.
    pub async fn stop(&self, grace: Duration) {
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            tracing::warn!("what calls of the cabinet have shown could not all be written down");
        }
        if let Err(error) = self.write_calls().await {
            tracing::warn!(error = %Chain(&error), "how the last calls of the cabinet went could not be written down");
        }
    }
}

/// The class of a status, fit for a label.
pub fn class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

/// Counts and times a call. `outcome`: a class of status, or a code of ours.
pub fn count(outcome: &'static str, took: Duration) {
    keeping_metrics::gateway_answered(outcome, took);
}

/// What is sent again if the session is renewed: what changes nothing by its method, and what the caller lets repeat.
fn repeated(path: &CabinetPath, call: &Call) -> Option<(CabinetPath, Call)> {
    let body = match &call.body {
        None if matches!(call.method, Method::GET | Method::HEAD | Method::OPTIONS) => None,
        Some(Body::Again(bytes)) => Some(Body::Again(bytes.clone())),
        None | Some(Body::Once(_)) => return None,
    };
    let call = Call { method: call.method.clone(), headers: call.headers.clone(), body };
    Some((path.clone(), call))
}

fn too_fast(now: Timestamp, wait: Duration) -> Error {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::ZERO);
    let detail = "The store's calls of this part of the cabinet come faster than the portal puts up with. Try again after retry_at.";
    Error::new(Code::RateLimited, detail).with_retry_at(now + wait)
}

/// The right to tell something of a store; given back when dropped.
struct Turn {
    telling: Arc<Mutex<HashSet<MerchantUid>>>,
    uid: MerchantUid,
}

impl Turn {
    fn take(telling: &Arc<Mutex<HashSet<MerchantUid>>>, uid: &MerchantUid) -> Option<Self> {
        let uid = uid.clone();
        telling.lock().insert(uid.clone()).then(|| Self { telling: Arc::clone(telling), uid })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.telling.lock().remove(&self.uid);
    }
}
