//! What the demo prints around its logins: where everything is, who may sign in, what to try.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use kaspi_sandbox::{DEFAULT_PASSWORD, Origins, Sandbox, stories};
use secrecy::{ExposeSecret as _, SecretString};

use super::super::output::{self, Paint};
use super::super::{program, shell};
use super::folder::Folder;

/// Variables that count more than the demo's configuration file.
const STRONGER: [&str; 8] = [
    "DATABASE_URL",
    "POSTGRES_HOST",
    "POSTGRES_USER",
    "POSTGRES_DB",
    "KASPI_AUTH__DATABASE__URL",
    "KASPI_AUTH__PORTAL__SITE_URL",
    "KASPI_AUTH__PORTAL__LOGIN_URL",
    "KASPI_AUTH__PORTAL__CABINET_URL",
];

/// An address that can be called: a service that listens everywhere is called here.
pub fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// What is set up.
pub fn opening(folder: &Folder, site: &str, portal: &Origins) {
    let paint = Paint::stdout();
    let key = if folder.has_own_key() {
        "its key, demo.key, lies beside it: for trials only"
    } else {
        "sealed with the configured key"
    };
    output::line(paint.bold("kaspi-auth demo: nothing of it speaks to the real portal"));
    output::line(format_args!("  data     {} (SQLite; {key})", folder.path().display()));
    output::line(format_args!("  portal   {} (emulated)", paint.cyan(&portal.site)));
    output::line(format_args!("  service  {}", paint.cyan(site)));
}

/// Where everything is, and what to try.
pub fn stays_up(site: &str, sandbox: &Sandbox, key: &SecretString, folder: &Folder) {
    let paint = Paint::stdout();
    let portal = sandbox.addr();
    output::line(format_args!("\n{}", paint.bold("It stays up")));
    for (what, place) in [
        ("base URL", site.to_owned()),
        ("documentation", format!("{site}/docs")),
        ("portal's start page", format!("http://{portal}/")),
        ("portal's inbox", format!("http://{portal}/sandbox/inbox")),
    ] {
        output::line(format_args!("  {what:<20} {}", paint.cyan(place)));
    }
    output::line(format_args!("  {:<20} {} (may do everything)", "API key", key.expose_secret()));
    accounts();
    output::line(format_args!(
        "\n{}",
        paint.bold("Three commands to try, in another terminal in this folder")
    ));
    if !folder.has_own_key() {
        output::line(paint.yellow("  (the second and the third need the same ENCRYPTION_KEY there)"));
    }
    let ours = ours(folder);
    let curl =
        format!("curl --silent {site}/v1/stores --header 'Authorization: Bearer {}'", key.expose_secret());
    for (what, command) in [
        ("all stores, by the API", curl),
        (
            "ask the emulated cabinet, with the first store's session",
            format!("{ours} session get 30000001 --format curl | sh"),
        ),
        (
            "sign in by hand: the password is sandbox-password, the code appears here",
            format!("{ours} login --email always@sandbox.test"),
        ),
    ] {
        output::line(format_args!("  {}\n  {command}", paint.dim(format_args!("# {what}"))));
    }
    output::line("\nMail and SMS appear here. Ctrl-C ends it.");
}

/// Who may sign in to the emulated portal.
pub fn accounts() {
    let paint = Paint::stdout();
    output::line(format_args!(
        "\n{}",
        paint.bold(format_args!("Accounts of the portal (password: {DEFAULT_PASSWORD})"))
    ));
    for story in stories::all() {
        output::line(format_args!("  {:<26} {}", story.id(), paint.dim(story.tells)));
    }
}

/// This program with the demo's configuration, whatever else the environment says.
fn ours(folder: &Folder) -> String {
    let file = shell::quoted(&folder.configuration_file().display().to_string());
    let stronger = STRONGER.iter().filter(|name| std::env::var_os(name).is_some());
    let mut words: Vec<_> = stronger.flat_map(|name| ["-u", *name]).collect();
    if !words.is_empty() {
        words.insert(0, "env");
    }
    let program = program();
    words.extend([&*program, "--config", &*file]);
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_listens_everywhere_is_called_here() {
        assert_eq!(reachable("0.0.0.0:80".parse().unwrap()).to_string(), "127.0.0.1:80");
        assert_eq!(reachable("[::]:80".parse().unwrap()).to_string(), "[::1]:80");
        assert_eq!(reachable("192.0.2.1:80".parse().unwrap()).to_string(), "192.0.2.1:80");
    }
}
