//! Why a store's session is as it is, in plain words: English, Russian, Kazakh. Texts alone; which of them hold, the rules of core say.
//! Must not name an account.

use std::borrow::Cow;
use std::collections::HashMap;

use fluent_templates::fluent_bundle::FluentValue;
use fluent_templates::{LanguageIdentifier, Loader as _, langid};
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use kaspi_auth_core::explain::Explanation;
use kaspi_auth_core::keeping::RefreshReason;

/// A longer header is nobody's list of languages.
const LONGEST_HEADER: usize = 512;
/// Kazakhstan's time, the whole country's since 2024.
const HERE: Offset = Offset::constant(5);

const EN: LanguageIdentifier = langid!("en");
const RU: LanguageIdentifier = langid!("ru");
const KK: LanguageIdentifier = langid!("kk");

fluent_templates::static_loader! {
    static TEXTS = {
        locales: "./locales",
        fallback_language: "en",
        // Signs that part directions of writing show in terminals, and all three languages are written from the left.
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

/// What texts are told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Russian.
    Ru,
    /// Kazakh.
    Kk,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 3] = [Self::En, Self::Ru, Self::Kk];

    /// Its code, as `Content-Language` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ru => "ru",
            Self::Kk => "kk",
        }
    }

    /// Reads a tag: `ru`, `ru-KZ`, `RU_kz`. The region makes no difference.
    pub fn parse(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next()?;
        Self::ALL.into_iter().find(|language| language.as_str().eq_ignore_ascii_case(primary))
    }

    /// The best of what an `Accept-Language` header asks for (RFC 9110, 12.5.4); English when it asks for nothing that is here.
    pub fn accepted(header: Option<&str>) -> Self {
        let Some(header) = header.filter(|header| header.len() <= LONGEST_HEADER) else {
            return Self::default();
        };
        let mut best: Option<(f32, Self)> = None;
        for range in header.split(',') {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let weight = match parameters.trim().strip_prefix("q=") {
                Some(weight) => weight.trim().parse().unwrap_or(0.0),
                None => 1.0,
            };
            let Some(language) = Self::parse(tag) else { continue };
            // Of equals the first counts.
            if weight > 0.0 && best.is_none_or(|(found, _)| weight > found) {
                best = Some((weight, language));
            }
        }
        best.map_or_else(Self::default, |(_, language)| language)
    }

    fn id(self) -> LanguageIdentifier {
        match self {
            Self::En => EN,
            Self::Ru => RU,
            Self::Kk => KK,
        }
    }
}

/// What stands in a text's gap.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// Decides the plural.
    Number(i64),
    /// As it is.
    Text(&'a str),
    /// As people in Kazakhstan write it.
    Time(Timestamp),
}

/// The text of a key. One that is not there in the language is told in English; one that is nowhere is its key.
pub fn texts(language: Language, key: &str, args: &[(&'static str, Value<'_>)]) -> String {
    let args: HashMap<Cow<'static, str>, FluentValue<'_>> =
        args.iter().map(|(name, value)| (Cow::Borrowed(*name), shown(language, *value))).collect();
    TEXTS.try_lookup_complete(&language.id(), key, Some(&args)).unwrap_or_else(|| key.to_owned())
}

/// All of it, a sentence each: the cause, since when, who must act, the next try.
pub fn story(language: Language, known: &Explanation, now: Timestamp) -> String {
    let mut told = vec![texts(language, &key_of("cause", known.cause.as_str()), &[])];
    told.extend(known.since.map(|at| since(language, at, now)));
    told.push(texts(language, &key_of("act", known.actor.as_str()), &[]));
    told.push(next_try(language, known.next_try, now));
    told.join(" ")
}

/// Why the store can or cannot be refreshed.
pub fn cause(language: Language, reason: RefreshReason) -> String {
    texts(language, &key_of("cause", reason.as_str()), &[])
}

/// Since when it is so.
pub fn since(language: Language, at: Timestamp, now: Timestamp) -> String {
    let (unit, count) = distance(at, now);
    let args = [("at", Value::Time(at)), ("unit", Value::Text(unit)), ("count", Value::Number(count))];
    texts(language, "since", &args)
}

/// When the service tries again by itself.
pub fn next_try(language: Language, at: Option<Timestamp>, now: Timestamp) -> String {
    let Some(at) = at else { return texts(language, "no-next-try", &[]) };
    let (unit, count) = distance(now, at);
    let args = [("at", Value::Time(at)), ("unit", Value::Text(unit)), ("count", Value::Number(count))];
    texts(language, "next-try", &args)
}

fn key_of(what: &str, name: &str) -> String {
    format!("{what}-{}", name.replace('_', "-"))
}

fn shown(language: Language, value: Value<'_>) -> FluentValue<'_> {
    match value {
        Value::Number(number) => number.into(),
        Value::Text(text) => text.into(),
        Value::Time(at) => date(language, at).into(),
    }
}

fn date(language: Language, at: Timestamp) -> String {
    let here = at.to_zoned(TimeZone::fixed(HERE));
    let (year, time) = (here.year().to_string(), format!("{:02}:{:02}", here.hour(), here.minute()));
    let args = [
        ("day", Value::Number(here.day().into())),
        ("month", Value::Number(here.month().into())),
        ("year", Value::Text(&year)),
        ("time", Value::Text(&time)),
    ];
    texts(language, "date", &args)
}

/// How long it is, in the unit that people would use; a minute at least.
fn distance(from: Timestamp, to: Timestamp) -> (&'static str, i64) {
    let minutes = from.duration_until(to).as_mins().max(1);
    match minutes {
        ..60 => ("minutes", minutes),
        60..1440 => ("hours", minutes / 60),
        _ => ("days", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Each message of a language with the gaps that it has.
    fn messages(language: Language) -> BTreeMap<String, BTreeSet<String>> {
        let path = format!("{}/locales/{}/explain.ftl", env!("CARGO_MANIFEST_DIR"), language.as_str());
        let text = std::fs::read_to_string(path).unwrap();
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut current = String::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with(' ')) {
                key.clone_into(&mut current);
                assert!(found.insert(current.clone(), BTreeSet::new()).is_none(), "{current} stands twice");
            }
            for (at, _) in line.match_indices("{ ") {
                let gap = line[at + 2..].split(' ').next().unwrap().to_owned();
                found.get_mut(&current).unwrap().insert(gap);
            }
        }
        found
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn all_languages_have_the_same_texts_with_the_same_gaps() {
        let english = messages(Language::En);
        assert!(english.len() > 25);
        for language in [Language::Ru, Language::Kk] {
            assert_eq!(messages(language), english, "{language:?}");
        }
    }

    #[test]
    fn every_text_can_be_told_with_its_gaps_filled() {
        let now = at("2026-11-22T10:04:00Z");
        for language in Language::ALL {
            for key in
                messages(language).into_keys().filter(|key| key.contains("cause-") || key.contains("act-"))
            {
                let told = texts(language, &key, &[]);
                assert!(
                    told != key && !told.contains(['{', '$']) && told.ends_with('.'),
                    "{language:?} {key}: {told}"
                );
            }
            for told in [since(language, now, now), next_try(language, Some(now), now)] {
                assert!(!told.contains(['{', '$']) && told.contains("15:04 (UTC+5)"), "{told}");
            }
        }
    }

    #[test]
    fn every_reason_has_its_text_in_every_language() {
        let keys = messages(Language::En);
        for reason in RefreshReason::ALL {
            assert!(keys.contains_key(&key_of("cause", reason.as_str())), "{reason:?}");
            let told: BTreeSet<_> = Language::ALL.map(|language| cause(language, reason)).into();
            assert_eq!(told.len(), 3, "{told:?}");
        }
        for key in [
            "cause-alive",
            "cause-never-signed-in",
            "cause-foreign-session",
            "cause-dead-unmended",
            "cause-portal-unavailable",
            "cause-refreshing",
            "act-nobody",
            "act-merchant",
            "act-operator",
            "act-portal",
        ] {
            assert!(keys.contains_key(key), "{key}");
        }
    }

    #[test]
    fn dates_are_kazakhstans_and_numbers_agree_with_their_nouns() {
        // 15:04 in Almaty.
        let then = at("2026-11-22T10:04:30Z");
        let after = |minutes| then + jiff::SignedDuration::from_mins(minutes);
        let told = |language, minutes| since(language, then, after(minutes));
        assert_eq!(told(Language::En, 60), "Since 22 November 2026, 15:04 (UTC+5), 1 hour ago.");
        assert_eq!(told(Language::Ru, 21), "С 22 ноября 2026 г., 15:04 (UTC+5), уже 21 минуту.");
        for (minutes, words) in [(3, "3 минуты"), (11, "11 минут"), (5 * 60, "5 часов"), (22 * 60, "22 часа")]
        {
            assert!(told(Language::Ru, minutes).contains(&format!(", уже {words}.")), "{words}");
        }
        for (days, words) in [(1, "1 день"), (3, "3 дня"), (14, "14 дней"), (101, "101 день")]
        {
            assert!(told(Language::Ru, days * 1440).contains(&format!(", уже {words}.")), "{words}");
        }
        assert_eq!(
            told(Language::Kk, 3 * 60),
            "Басталған уақыты: 2026 жылғы 22 қараша, 15:04 (UTC+5), 3 сағат бұрын."
        );
        assert_eq!(
            next_try(Language::Kk, Some(then), then - jiff::SignedDuration::from_mins(5)),
            "Келесі автоматты әрекет: 2026 жылғы 22 қараша, 15:04 (UTC+5), 5 минуттан кейін."
        );
        assert_eq!(
            next_try(Language::Ru, Some(at("2026-12-31T20:00:00Z")), at("2026-12-30T19:00:00Z")),
            "Следующая автоматическая попытка: 1 января 2027 г., 01:00 (UTC+5), через 1 день."
        );
        assert_eq!(next_try(Language::En, None, then), "No automatic try is planned.");
    }

    #[test]
    fn the_callers_languages_are_weighed() {
        for (header, language) in [
            ("ru-KZ,ru;q=0.9", Language::Ru),
            ("kk", Language::Kk),
            ("en;q=0.5, kk-Cyrl-KZ;q=0.8, ru;q=0.7", Language::Kk),
            ("de, fr;q=0.9, RU;q=0.1", Language::Ru),
            ("ru;q=0, kk;q=0.1", Language::Kk),
            ("ru,kk", Language::Ru),
            ("de", Language::En),
            ("*", Language::En),
            ("", Language::En),
            ("ru;q=abc", Language::En),
            (";;;,,,=q", Language::En),
        ] {
            assert_eq!(Language::accepted(Some(header)), language, "{header}");
        }
        assert_eq!(Language::accepted(None), Language::En);
        assert_eq!(
            Language::accepted(Some(&"ru,".repeat(1000))),
            Language::En,
            "no list of languages is so long"
        );
    }

    #[test]
    fn a_key_that_is_nowhere_is_told_as_it_is() {
        assert_eq!(texts(Language::Ru, "no-such-key", &[]), "no-such-key");
    }
}
