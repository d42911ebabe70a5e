//! The portal renames a field, logins fail, an operator mends one line, and the next login succeeds: nothing is restarted.

use kaspi_sandbox::RenamedField;

use crate::chromium::{Chromium, by_browser, cold};
use crate::harness::{Kind, World, eventually};

const RECIPE: &str = include_str!("../../../kaspi-auth-portal/src/recipe/default.toml");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_mended_line_of_the_recipe_lets_logins_in_again_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("recipe.toml");
    std::fs::write(&file, RECIPE).unwrap();
    let with_recipe = |config: &mut kaspi_auth::config::Config| {
        cold(config);
        config.browser.page_timeout_seconds = 3;
        config.browser.recipe_file = Some(file.clone());
    };
    World::prove_with(Kind::Sqlite, with_recipe, async |world| {
        let node = world.second_node().await;
        let client = node.anyone().with(world.admin.bearer());
        client.sign_in(&by_browser("plain@sandbox.test")).await.stands("succeeded");
        let chromium = Chromium::of(&node).await;

        let mut knobs = world.portal.knobs();
        knobs.page.renamed_field = Some(RenamedField::Password);
        knobs.page.renamed_bare = true;
        world.portal.set_knobs(knobs);
        let failed = client.sign_in(&by_browser("plain@sandbox.test")).await.stands("failed");
        assert_eq!(failed.code(), "portal_changed", "{failed:?}");
        let sent = world.posts();

        // What cannot be used changes nothing.
        std::fs::write(&file, "version = 7\n").unwrap();
        let (old, new) = ("{ css = \"#password_field\" }", "{ css = \"#renamed_password_field\" }");
        assert_eq!(RECIPE.matches(old).count(), 1, "one line");
        std::fs::write(&file, RECIPE.replace(old, new)).unwrap();
        let done = eventually("the recipe was read again", async || {
            let login = client.sign_in(&by_browser("plain@sandbox.test")).await;
            if login.state == "failed" {
                assert_eq!((login.code(), world.posts()), ("portal_changed", sent), "nothing was sent");
            }
            (login.state == "succeeded").then_some(login)
        })
        .await;
        assert_eq!(done.driver, "browser");
        assert_eq!(Chromium::of(&node).await, chromium, "the browser is the same");
        node.stop().await;
    })
    .await;
}
