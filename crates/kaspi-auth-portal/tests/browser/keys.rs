//! The slower ways of typing, for pages that look at them: the same outcomes.

use kaspi_auth_portal::{Recipe, Typing};

use crate::bench::{Bench, Visit};
use crate::harness::{mail, phone};

#[tokio::test]
async fn every_way_of_typing_signs_in() {
    for (word, typing) in [("insert", Typing::Insert), ("keys", Typing::Keys)] {
        let text = Recipe::embedded_text().replace("typing = \"value\"", &format!("typing = \"{word}\""));
        let recipe = Recipe::parse(&text).unwrap();
        assert_eq!(recipe.typing(), typing);
        let bench = Bench::with(|wish| wish.recipe = recipe).await;
        for who in [mail("su-code"), phone("77000000002")] {
            let (story, finished) = Visit::new(&*bench.browser, &who).whole(&bench, None).await;
            assert!(finished.is_some(), "{word}: {story:?}");
        }
        assert_eq!(bench.counters().passwords, 1);
    }
}
