//! Values to put in.

use jiff::{SignedDuration, Timestamp};
use kaspi_auth_core::account::Credentials;
use kaspi_auth_core::audit::Actor;
use kaspi_auth_core::egress::{Egress, EgressId, Health, Proxy, ProxyScheme, Way};
use kaspi_auth_core::id::{LoginId, MerchantUid, NodeId, UserId};
use kaspi_auth_core::login::{Driver, EngineChoice, Login, LoginSecrets, LoginState, WhenSeveral};
use kaspi_auth_core::merchant::{Merchant, Point, Points};
use kaspi_auth_core::port::{
    Device, Inserted, LoginRepository, LoginUpdate, RepositoryError, SavedSession, SecretsChange,
    StoreRepository,
};
use kaspi_auth_core::rate::Budget;
use kaspi_auth_core::session::{Cookie, NewSession};
use kaspi_auth_core::store::StoreSummary;
use kaspi_auth_core::tenant::Tenant;
use kaspi_auth_store::{RekeyCursor, Rekeyed, SqlDatabase};
use kaspi_auth_vault::KeyRing;
use uuid::Uuid;

/// The tests' key, which Python uses too.
pub const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// The key that rotations move to.
pub const NEW_KEY: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";

pub fn ring() -> KeyRing {
    KeyRing::parse(&KEY.to_owned().into()).unwrap()
}

/// The tests' time; it stands still.
pub fn now() -> Timestamp {
    "2026-11-22T12:00:00.123456Z".parse().unwrap()
}

pub fn later(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

pub fn uid(text: &str) -> MerchantUid {
    MerchantUid::parse(text).unwrap()
}

pub fn user(text: &str) -> UserId {
    UserId::parse(text).unwrap()
}

/// Somebody at the command line.
pub fn operator() -> Actor {
    Actor::CommandLine("operator".to_owned())
}

pub fn tenant(text: &str) -> Tenant {
    Tenant::User(user(text))
}

pub fn node(number: u128) -> NodeId {
    NodeId(Uuid::from_u128(number))
}

pub fn credentials(email: &str) -> Credentials {
    Credentials::password(email, "canary-password".to_owned().into()).unwrap()
}

/// A login of `email` that has just begun, for `user`.
pub fn login(email: &str, for_user: Option<&str>) -> (Login, LoginSecrets) {
    let credentials = credentials(email);
    let login = Login {
        origin: kaspi_auth_core::keeping::Origin::Caller,
        code_source: None,
        id: LoginId(Uuid::now_v7()),
        version: 0,
        user_id: for_user.map(user),
        account: credentials.account().clone(),
        engine: EngineChoice::Auto,
        driver: Driver::Direct,
        egress: EgressId::DIRECT,
        holder: None,
        store_password: true,
        wanted: None,
        when_several: WhenSeveral::Ask,
        code_verified: false,
        state: LoginState::Opening,
        created_at: now(),
        updated_at: now(),
        expires_at: later(1200),
    };
    (login, LoginSecrets { credentials, continuation: None, forwarded: Vec::new() })
}

/// What most updates are.
pub fn update(login: &Login) -> LoginUpdate<'_> {
    let lease = login.state.is_running().then(|| (node(1), later(15)));
    LoginUpdate { login, secrets: SecretsChange::Keep, note: None, answer: None, lease }
}

pub fn cookies(value: &str) -> Vec<Cookie> {
    ["mc-session", "mc-sid"]
        .into_iter()
        .map(|name| {
            serde_json::from_value(serde_json::json!({
                "name": name, "value": value, "domain": "mc.shop.kaspi.kz", "path": "/", "expires": -1.0,
                "httpOnly": true, "secure": true, "sameSite": "Lax",
            }))
            .unwrap()
        })
        .collect()
}

pub fn points() -> Points {
    let point =
        Point {
            city_id: Some("750000000".to_owned()), city_name: Some("Алматы".to_owned()), enabled: true
        };
    Points::from([("PP1".to_owned(), point)])
}

pub fn new_session(merchant: &str, value: &str) -> NewSession {
    NewSession {
        cookies: cookies(value),
        merchant: Merchant {
            uid: uid(merchant),
            name: Some(format!("Shop {merchant}")),
            logo_url: Some("https://example.kz/logo.png".to_owned()),
            points: points(),
        },
        authenticated_at: now(),
    }
}

pub fn summary(session: &NewSession) -> StoreSummary {
    StoreSummary {
        merchant_uid: session.merchant.uid.clone(),
        shop_name: session.merchant.name.clone(),
        points: session.merchant.points.clone(),
    }
}

/// Inserts a login and brings it to `finishing`.
pub async fn finishing(database: &SqlDatabase, email: &str, for_user: Option<&str>) -> (Login, LoginSecrets) {
    let (begun, secrets) = login(email, for_user);
    let inserted = database.insert_login(&Tenant::All, &begun, &secrets, (node(1), later(15))).await.unwrap();
    assert!(matches!(inserted, Inserted::New), "{email} is taken");
    let walked = Login { state: LoginState::Finishing { merchant: None }, ..begun };
    let version = database.update_login(update(&walked)).await.unwrap();
    (Login { version, ..walked }, secrets)
}

/// Stores a session of `merchant`, whose cookies have `value`, for `user`, all the way.
pub async fn save(
    database: &SqlDatabase,
    merchant: &str,
    value: &str,
    for_user: Option<&str>,
) -> Result<(), RepositoryError> {
    let (login, secrets) = finishing(database, &format!("m{merchant}@example.kz"), for_user).await;
    save_of(database, &login, &secrets, merchant, value).await
}

/// Stores a session that this login brought.
pub async fn save_of(
    database: &SqlDatabase,
    login: &Login,
    secrets: &LoginSecrets,
    merchant: &str,
    value: &str,
) -> Result<(), RepositoryError> {
    let session = new_session(merchant, value);
    let saved = SavedSession {
        login,
        session: &session,
        credentials: &secrets.credentials,
        device: Some(Device("canary-device".to_owned().into())),
    };
    database.save_session(saved, &summary(&session), now()).await
}

/// The value of the stored session's first cookie.
pub async fn value_of(database: &SqlDatabase, tenant: &Tenant, merchant: &str) -> Option<String> {
    use secrecy::ExposeSecret as _;
    let session = database.session(tenant, &uid(merchant)).await.unwrap()?;
    Some(session.cookies[0].value.expose_secret().to_owned())
}

pub fn egress_id(number: u128) -> EgressId {
    EgressId(Uuid::from_u128(number))
}

/// A proxy with a password that must not be found in clear.
pub fn proxy(number: u128, name: &str) -> Egress {
    let proxy = Proxy {
        scheme: ProxyScheme::Https,
        host: "proxy.example.kz".to_owned(),
        port: 8443,
        username: Some("we".to_owned()),
        password: Some("canary-proxy".to_owned().into()),
    };
    Egress {
        id: egress_id(number),
        name: name.to_owned(),
        revision: 1,
        way: Way::Proxy(proxy),
        enabled: true,
        managed: false,
        budget: Budget { per_second: 1.5, burst: 4, in_flight: 2 },
        health: Health::default(),
        pinned: 0,
        checked_at: None,
        check_error: None,
        created_at: now(),
        updated_at: now(),
    }
}

/// The proxy of an egress that goes through one.
pub fn proxied(egress: &Egress) -> Proxy {
    match &egress.way {
        Way::Proxy(proxy) => proxy.clone(),
        Way::Direct => panic!("it goes directly"),
    }
}

/// One whole pass of a rotation; what it came to.
pub async fn rotate(database: &SqlDatabase, batch: u32) -> Rekeyed {
    let mut all = Rekeyed::default();
    let mut cursor = Some(RekeyCursor::default());
    while let Some(at) = cursor {
        let part = database.rekey(&at, batch, now()).await.unwrap();
        all.moved += part.moved;
        all.found_newest += part.found_newest;
        all.overtaken += part.overtaken;
        all.findings.extend(part.findings);
        cursor = part.next;
    }
    all
}
