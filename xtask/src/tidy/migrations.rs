//! The migrations of the two databases go in step: the same numbers and names on both sides.

use std::collections::{BTreeMap, BTreeSet};

use super::{Source, Violation};

const FOLDER: &str = "crates/kaspi-auth-store/migrations/";
const DATABASES: [&str; 2] = ["sqlite", "postgres"];

/// Checks names, numbers and that no side is ahead.
pub fn check(sources: &[Source]) -> Vec<Violation> {
    let mut sides: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut found = Vec::new();
    for source in sources {
        let Some((database, name)) = source.path.strip_prefix(FOLDER).and_then(|path| path.split_once('/'))
        else {
            continue;
        };
        if !DATABASES.contains(&database) {
            let what =
                format!("there is no database `{database}`; the folders are {}", DATABASES.join(" and "));
            found.push(Violation::new(&source.path, 1, what));
        } else if !is_well_named(name) {
            let what = "a migration is called NNNN_name.sql, in small letters; rename it";
            found.push(Violation::new(&source.path, 1, what));
        } else if let Some(twin) =
            sides.entry(database).or_default().iter().find(|known| known[..4] == name[..4])
        {
            found.push(Violation::new(
                &source.path,
                1,
                format!("{twin} has the same number; take the next one"),
            ));
        } else {
            sides.entry(database).or_default().insert(name);
        }
    }
    for (one, other) in [(DATABASES[0], DATABASES[1]), (DATABASES[1], DATABASES[0])] {
        let (here, there) = (sides.get(one), sides.get(other));
        for name in here.into_iter().flatten().filter(|name| !there.is_some_and(|set| set.contains(*name))) {
            let what = format!("{other} has no migration {name}; write it for both databases");
            found.push(Violation::new(&format!("{FOLDER}{one}/{name}"), 1, what));
        }
    }
    found
}

fn is_well_named(name: &str) -> bool {
    let Some((number, rest)) = name.strip_suffix(".sql").and_then(|stem| stem.split_once('_')) else {
        return false;
    };
    let small = |sign: u8| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == b'_';
    number.len() == 4
        && number.bytes().all(|sign| sign.is_ascii_digit())
        && !rest.is_empty()
        && rest.bytes().all(small)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(names: &[&str]) -> Vec<String> {
        let sources: Vec<Source> =
            names.iter().map(|name| Source::of(&format!("{FOLDER}{name}"), "select 1;")).collect();
        check(&sources).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_same_names_on_both_sides_pass() {
        assert_eq!(complaints(&["sqlite/0001_start.sql", "postgres/0001_start.sql"]), Vec::<String>::new());
    }

    #[test]
    fn a_side_that_is_ahead_is_reported() {
        let found =
            complaints(&["sqlite/0001_start.sql", "postgres/0001_start.sql", "postgres/0002_more.sql"]);
        assert!(found[0].contains("postgres/0002_more.sql:1: sqlite has no migration"), "{found:?}");
        assert_eq!(complaints(&["sqlite/0001_start.sql"]).len(), 1);
    }

    #[test]
    fn two_migrations_of_one_number_are_reported() {
        let both = ["sqlite/0001_a.sql", "sqlite/0001_b.sql", "postgres/0001_a.sql"];
        assert!(complaints(&both)[0].contains("same number"));
    }

    #[test]
    fn other_names_and_other_databases_are_reported() {
        for name in
            ["sqlite/1_start.sql", "sqlite/0001-start.sql", "sqlite/0001_Start.sql", "mysql/0001_start.sql"]
        {
            assert_eq!(complaints(&[name]).len(), 1, "{name}");
        }
    }
}
