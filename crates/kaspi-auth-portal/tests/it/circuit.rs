//! The circuit breaker before the portal's hosts, with a clock that the test moves.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kaspi_auth_core::Timestamp;
use kaspi_auth_core::egress::{EgressId, Proxy, ProxyScheme, Route, Way};
use kaspi_auth_core::port::{Cabinet as _, Clock};
use kaspi_auth_core::session::{Cookie, Validity};
use kaspi_auth_portal::{BreakerSettings, CabinetVerdict, DirectEngine, ExchangeObserver, HostRole};
use kaspi_sandbox::{Fault, FaultKind};

use crate::gateway::{call, get};
use crate::harness::{Desk, failure, mail, noon, settings, uid};

struct Moved(Mutex<Timestamp>);

impl Moved {
    fn by(&self, seconds: u64) {
        *self.0.lock().unwrap() += Duration::from_secs(seconds);
    }
}

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

#[derive(Default)]
struct Gauge(Mutex<Vec<(&'static str, bool)>>);

impl ExchangeObserver for Gauge {
    fn exchanged(&self, _: HostRole, _: &str, _: Option<u16>, _: Duration) {}

    fn circuit(&self, host: HostRole, open: bool) {
        self.0.lock().unwrap().push((host.as_str(), open));
    }
}

struct Bench {
    desk: Desk,
    engine: DirectEngine,
    clock: Arc<Moved>,
    gauge: Arc<Gauge>,
    cookies: Vec<Cookie>,
}

impl Bench {
    async fn new() -> Self {
        let desk = Desk::new().await;
        let cookies = desk.sign_in(&mail("plain")).await.cookies;
        let (clock, gauge) = (Arc::new(Moved(Mutex::new(noon()))), Arc::new(Gauge::default()));
        let mut settings = settings(&desk.sandbox);
        settings.observer = Some(gauge.clone());
        settings.breaker = Some(BreakerSettings { failures: 3, ..BreakerSettings::default() });
        let engine = DirectEngine::new(settings, clock.clone()).unwrap();
        Self { desk, engine, clock, gauge, cookies }
    }

    fn fails(&self, kind: FaultKind) {
        self.desk.control().set_fault(Fault::new(kind).role("cabinet").path("/s/m"));
    }

    fn asked(&self) -> u64 {
        self.desk.counters().calls_to("GET", "cabinet", "/s/m")
    }

    async fn verdict(&self) -> Result<CabinetVerdict, Option<Timestamp>> {
        match call(&self.engine, &self.cookies, get("/s/m")).await {
            Ok(answer) => Ok(answer.verdict),
            Err(error) => {
                assert_eq!(error.code().as_str(), "portal_unavailable");
                Err(error.retry_at())
            }
        }
    }
}

#[tokio::test]
async fn a_circuit_opens_lets_one_trial_through_and_closes() {
    let bench = Bench::new().await;
    bench.fails(FaultKind::Status(503));
    for _ in 0..3 {
        assert_eq!(bench.verdict().await, Ok(CabinetVerdict::Other));
    }
    let asked = bench.asked();
    let ten_later = noon() + Duration::from_secs(10);
    for _ in 0..20 {
        assert_eq!(bench.verdict().await, Err(Some(ten_later)));
    }
    assert_eq!(bench.asked(), asked, "nobody asks a host that is left alone");
    bench.clock.by(10);
    assert_eq!(bench.verdict().await, Ok(CabinetVerdict::Other), "the trial");
    assert_eq!(bench.verdict().await, Err(Some(ten_later + Duration::from_secs(20))), "twice the pause");
    bench.desk.control().clear_faults();
    bench.clock.by(20);
    for _ in 0..3 {
        assert_eq!(bench.verdict().await, Ok(CabinetVerdict::Ok));
    }
    assert_eq!(*bench.gauge.0.lock().unwrap(), [("cabinet", true), ("cabinet", false)]);
}

#[tokio::test]
async fn a_look_at_a_session_while_the_circuit_is_open_says_nothing_about_it() {
    let bench = Bench::new().await;
    bench.fails(FaultKind::BrokenBody);
    let probe = async || bench.engine.probe(&Route::direct(), &bench.cookies, &uid("30000001")).await;
    for _ in 0..3 {
        let failed = probe().await;
        assert_eq!((failed.validity, failed.retry_at), (Validity::Unknown, None), "it was asked itself");
    }
    bench.desk.control().clear_faults();
    let asked = bench.asked();
    let probed = probe().await;
    assert_eq!((probed.validity, probed.renewed, probed.replaced), (Validity::Unknown, false, false));
    assert!(probed.reason.contains("left alone"), "{}", probed.reason);
    assert_eq!(probed.retry_at, Some(noon() + Duration::from_secs(10)), "when to look again is named");
    assert_eq!((probed.cookies.len(), bench.asked()), (bench.cookies.len(), asked));
    let page = bench.engine.reachable().await;
    assert_eq!(page.unwrap().status, 200, "the login host is another");
    bench.clock.by(10);
    assert_eq!(probe().await.validity, Validity::Alive);
}

#[tokio::test]
async fn an_answer_that_is_no_outage_starts_the_count_anew() {
    let bench = Bench::new().await;
    for kind in
        [FaultKind::Status(404), FaultKind::Status(401), FaultKind::RedirectToLogin, FaultKind::Wall(403)]
    {
        for fault in [FaultKind::Broken, FaultKind::Status(503), kind.clone()] {
            bench.desk.control().set_fault(Fault::new(fault).path("/s/m").times(1));
        }
        for _ in 0..3 {
            bench.verdict().await.unwrap();
        }
    }
    bench.verdict().await.unwrap();
    assert!(bench.gauge.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_outage_of_one_way_leaves_the_others_alone() {
    let bench = Bench::new().await;
    // Nobody listens there.
    let proxy = Proxy {
        scheme: ProxyScheme::Http,
        host: "127.0.0.1".to_owned(),
        port: 9,
        username: None,
        password: None,
    };
    let way = Route { id: EgressId(uuid::Uuid::from_u128(7)), revision: 1, way: Way::Proxy(proxy) };
    let over =
        async || failure(bench.engine.call_cabinet(&way, &bench.cookies, get("/s/m")).await).retry_at();
    assert_eq!([over().await, over().await, over().await], [None, None, None]);
    assert!(over().await.is_some());
    assert_eq!(bench.verdict().await, Ok(CabinetVerdict::Ok));
}
