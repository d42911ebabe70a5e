//! `config`, `openapi`, and what is refused of a configuration.

use crate::room::{Room, bare, finish};

#[tokio::test]
async fn unknown_keys_are_refused_in_the_file_and_in_the_environment() {
    let room = Room::new().await;
    room.run(&["config", "check"]).await.good();
    room.configure("[server]\nlisen = \"127.0.0.1:1\"\n");
    for arguments in [&["config", "check"][..], &["serve"], &["stores", "list"]] {
        let refused = room.run(arguments).await.ended(2);
        assert!(
            refused.stderr.contains("lisen") && refused.stderr.contains("kaspi-auth.toml"),
            "{refused:?}"
        );
    }
    room.configure("");
    let mut misspelt = room.command(&["config", "check"]);
    misspelt.env("KASPI_AUTH__SERVER__LISEN", "127.0.0.1:1");
    assert!(finish(misspelt, "").await.ended(2).stderr.contains("KASPI_AUTH__SERVER__LISEN"));
    room.run(&["--config", "nowhere.toml", "config", "check"]).await.ended(2);
}

#[tokio::test]
async fn values_that_cannot_be_right_are_refused_by_name() {
    let room = Room::new().await;
    for (text, name) in [
        ("[server]\nlisten = \"nowhere\"\n", "listen"),
        ("[portal]\nlogin_url = \"https://kaspi.kz/login\"\n", "portal.login_url"),
        ("[log]\nfilter = \"kaspi_auth=loud\"\n", "log.filter"),
        ("[auth]\njwt_secret = \"short\"\n", "auth.jwt_secret"),
        ("[portal]\nsite_url = \"http://kaspi.kz\"\n", "portal.site_url"),
        ("[server]\nshutdown_grace_seconds = 601\n", "server.shutdown_grace_seconds"),
        ("[logins]\nmax_queued = 100001\n", "logins.max_queued"),
    ] {
        room.configure(text);
        let refused = room.run(&["config", "check"]).await.ended(2);
        assert!(refused.stderr.contains(name), "{refused:?}");
    }
}

#[tokio::test]
async fn what_is_shown_tells_origins_and_no_secrets() {
    let room = Room::new().await;
    room.configure("[logins]\nmax_running = 7\n");
    let mut show = room.command(&["config", "show"]);
    show.env("ENCRYPTION_KEY", "canary-key").env("KASPI_AUTH__AUTH__JWT_SECRET", "canary".repeat(6));
    show.env("DATABASE_URL", "postgresql+asyncpg://user:canary@db.example:5433/kaspi?ssl=require");
    let shown = finish(show, "").await.good().stdout;
    assert!(!shown.contains("canary"), "{shown}");
    for line in [
        "max_running = 7  # from the file",
        "max_queued = 1024\n",
        "url = \"postgres://user:***@db.example:5433/kaspi?sslmode=require\"  # from DATABASE_URL",
        "key = \"(set, not shown)\"  # from ENCRYPTION_KEY",
        "site_url = \"https://kaspi.kz/\"\n",
    ] {
        assert!(shown.contains(line), "{line:?} is not in {shown}");
    }
    let json = room.run(&["config", "show", "--json"]).await.good().json();
    assert_eq!(json["logins"]["max_running"], serde_json::json!({"value": 7, "source": "file"}));
}

#[tokio::test]
async fn a_slip_on_a_line_that_holds_a_secret_does_not_show_it() {
    let room = Room::new().await;
    for text in [
        "[encryption]\nkey = \"canary\n",
        "[encryption]\nkey = canary\n",
        "[auth]\njwt_secret = \"canary\" x\n",
        "[auth]\njwks_url = \"https://user:canary@host:port/\"\n",
        "[database]\nurl = postgres://user:canary@host/name\n",
    ] {
        room.configure(text);
        for arguments in [&["config", "check"][..], &["config", "show"], &["doctor", "--json"], &["serve"]] {
            let refused = room.run(arguments).await;
            assert_ne!(refused.code, 0, "{refused:?}");
            let told = format!("{}{}", refused.stdout, refused.stderr);
            assert!(told.contains("line 2") && !told.contains("canary"), "{text}: {told}");
        }
    }
    room.configure("");
    let mut command = room.command(&["config", "check"]);
    command.env("KASPI_AUTH__AUTH__JWKS_URL", "https://user:canary@host:port/");
    let refused = finish(command, "").await.ended(2);
    assert!(refused.stderr.contains("JWKS_URL") && !refused.stderr.contains("canary"), "{refused:?}");
}

#[tokio::test]
async fn no_form_of_a_database_url_shows_its_password() {
    let folder = tempfile::tempdir().unwrap();
    for (url, shown) in [
        ("postgres://user:canary@host:port/name", "(set, not shown)"),
        ("postgresql://user:can/ary-canary@host/name", "(set, not shown)"),
        (
            "postgresql://host/name?user=u&password=canary&sslpassword=canary",
            "postgres://host/name?user=u&password=***&sslpassword=***",
        ),
    ] {
        let mut show = bare(folder.path(), &["config", "show", "--json"]);
        show.env("DATABASE_URL", url);
        let told = finish(show, "").await.good();
        assert!(!told.stdout.contains("canary"), "{told:?}");
        assert_eq!(told.json()["database"]["url"]["value"], shown);
    }
}

#[tokio::test]
async fn the_predecessors_variables_name_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let mut show = bare(folder.path(), &["config", "show"]);
    show.envs([
        ("POSTGRES_HOST", "db"),
        ("POSTGRES_USER", "u"),
        ("POSTGRES_PASSWORD", "canary"),
        ("POSTGRES_DB", "d"),
    ]);
    let shown = finish(show, "").await.good().stdout;
    assert!(
        shown.contains("url = \"postgres://u:***@db/d\"  # from POSTGRES_HOST") && !shown.contains("canary"),
        "{shown}"
    );
}

#[tokio::test]
async fn the_template_is_a_good_configuration() {
    let room = Room::new().await;
    let template = room.run(&["config", "template"]).await.good().stdout;
    assert!(template.contains("[portal]") && template.contains("#listen = \"127.0.0.1:8080\""), "{template}");
    room.configure(&template);
    room.run(&["config", "check"]).await.good();
}

#[tokio::test]
async fn the_description_of_the_api_is_printed_without_any_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let document = finish(bare(folder.path(), &["openapi"]), "").await.good().json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(document["paths"]["/v1/logins"]["post"].is_object());
}

#[tokio::test]
async fn a_reader_that_goes_away_is_no_error() {
    let mut shell = tokio::process::Command::new("sh");
    shell.args(["-c", &format!("{} openapi | head -c 1; true", crate::room::PROGRAM)]).kill_on_drop(true);
    let ran = finish(shell, "").await.good();
    assert_eq!((&*ran.stdout, &*ran.stderr), ("{", ""));
}

/// `docs/CONFIGURATION.md` is for people; the settings are the code's.
#[tokio::test]
async fn the_documentation_names_every_setting_with_its_default() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/CONFIGURATION.md")).unwrap();
    let shown = finish(bare(folder.path(), &["config", "show", "--json"]), "").await.good().json();
    for (section, settings) in shown.as_object().unwrap() {
        for (key, setting) in settings.as_object().unwrap() {
            let default = match &setting["value"] {
                serde_json::Value::Null => String::new(),
                serde_json::Value::String(text) => format!("`{}`", text.trim_end_matches('/')),
                other => format!("`{other}`"),
            };
            let row = format!("| `{section}.{key}` | {default} |").replace("|  |", "| |");
            assert!(text.contains(&row), "docs/CONFIGURATION.md has no row {row:?}");
        }
    }
}
