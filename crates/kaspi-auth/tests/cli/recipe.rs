//! `recipe`: the program's own is printed, and tried against the sandbox's page in a real browser.

use crate::room::Room;

#[tokio::test]
async fn the_recipe_of_the_program_is_printed_without_any_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let shown = crate::room::finish(crate::room::bare(folder.path(), &["recipe", "show"]), "").await.good();
    assert!(shown.stdout.contains("version = 1") && shown.stdout.contains("[elements."), "{shown:?}");
    let read: toml::Table = toml::from_str(&shown.stdout).unwrap();
    assert!(read["elements"]["password"].is_table());
}

#[tokio::test]
async fn a_recipe_that_cannot_be_read_says_where() {
    let room = Room::new().await;
    let good = room.run(&["recipe", "show"]).await.good().stdout;
    std::fs::write(room.path("bad.toml"), good.replace("version = 1", "version = 9")).unwrap();
    let bad = room.run(&["recipe", "check", "--recipe", "bad.toml"]).await.ended(1);
    assert!(bad.stderr.contains("bad.toml: line ") && bad.stderr.contains("version"), "{bad:?}");
    room.run(&["recipe", "check", "--recipe", "none.toml"]).await.ended(1);
    room.run(&["recipe", "check", "--url", "ftp://h/login"]).await.ended(2);
    room.run(&["recipe", "check", "--url", "http://h/elsewhere"]).await.ended(2);
}

#[tokio::test]
async fn a_recipe_is_checked_in_a_browser_against_the_login_page() {
    let room = Room::new().await;
    let well = room.run(&["recipe", "check"]).await.good();
    assert!(well.stdout.starts_with("ELEMENT") && well.stdout.contains("alternative 1: "), "{well:?}");
    assert!(well.stderr.contains("shows: form") && well.stderr.contains("a login can begin"), "{well:?}");

    // A recipe of another portal, whose field for the account has another name.
    let recipe = room.run(&["recipe", "show"]).await.good().stdout;
    let mut renamed: toml::Table = toml::from_str(&recipe).unwrap();
    let find = toml::Value::try_from([toml::toml! { css = "#renamed" }]).unwrap();
    renamed["elements"]["email"].as_table_mut().unwrap().insert("find".to_owned(), find);
    std::fs::write(room.path("renamed.toml"), toml::to_string(&renamed).unwrap()).unwrap();
    let page = format!("{}/login", room.portal_login());
    let arguments = ["recipe", "check", "--recipe", "renamed.toml", "--url", &page, "--json"];
    let found = room.run(&arguments).await.ended(1).json();
    assert_eq!((&found["well"], &found["url"]), (&false.into(), &page.into()), "{found}");
    let element = |name: &str| {
        let elements = found["elements"].as_array().unwrap();
        elements.iter().find(|element| element["name"] == name).unwrap().clone()
    };
    assert!(element("email")["found"].is_null() && element("email")["needed"] == true, "{found}");
    assert_eq!(element("submit")["found"]["alternative"], 1);
    assert_eq!(room.portal().counters().passwords, 0, "nothing was sent");
}
