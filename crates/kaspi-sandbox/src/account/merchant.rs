//! Merchants with their points of delivery, and the national list of cities.
//! It must not know who may open which merchant.

use serde::{Deserialize, Serialize};

/// A merchant of the cabinet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MerchantSpec {
    /// Mostly 6 to 8 digits; older shops have a short letter code (CONTRACT 4).
    pub uid: String,
    /// The shop's name.
    pub name: String,
    /// Address of the logo; `null` in GraphQL without.
    #[serde(default)]
    pub logo: Option<String>,
    /// Points of delivery.
    #[serde(default)]
    pub points: Vec<PointSpec>,
    /// How many offers the shop has, active and archived together.
    #[serde(default = "default_offers")]
    pub offers: u32,
}

/// A point of delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointSpec {
    /// `PP1`, `PP2` … (CONTRACT 4); the point's id is `<uid>_<name>`.
    pub name: String,
    /// Where it is.
    pub city: City,
    /// Whether it is in use.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// A city with its public KATO id (CONTRACT 4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct City {
    /// Nine digits.
    pub id: String,
    /// In Russian.
    pub name: String,
}

impl MerchantSpec {
    /// A merchant with a name, a logo, two points and 120 offers, all made from its uid.
    pub fn new(uid: impl Into<String>) -> Self {
        let uid = uid.into();
        let spread = uid.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        Self {
            name: format!("Магазин {uid}"),
            logo: Some(format!("https://sandbox.invalid/logo/{uid}.png")),
            points: vec![
                PointSpec { name: "PP1".to_owned(), city: city(spread), enabled: true },
                PointSpec {
                    name: "PP2".to_owned(),
                    city: city(spread + 1),
                    enabled: spread.is_multiple_of(2),
                },
            ],
            offers: default_offers(),
            uid,
        }
    }

    /// With another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }
}

const fn default_offers() -> u32 {
    120
}

const fn yes() -> bool {
    true
}

/// The city at a place of the national list, counted round.
pub(crate) fn city(place: usize) -> City {
    let (id, name) = CITIES[place % CITIES.len()];
    City { id: id.to_owned(), name: name.to_owned() }
}

/// The national list: public KATO ids and names.
pub(crate) const CITIES: [(&str, &str); 20] = [
    ("750000000", "Алматы"),
    ("710000000", "Астана"),
    ("511010000", "Шымкент"),
    ("351010000", "Караганда"),
    ("151010000", "Актобе"),
    ("311010000", "Тараз"),
    ("551010000", "Павлодар"),
    ("631010000", "Усть-Каменогорск"),
    ("632810000", "Семей"),
    ("231010000", "Атырау"),
    ("391010000", "Костанай"),
    ("431010000", "Кызылорда"),
    ("271010000", "Уральск"),
    ("591010000", "Петропавловск"),
    ("471010000", "Актау"),
    ("352410000", "Темиртау"),
    ("111010000", "Кокшетау"),
    ("191010000", "Талдыкорган"),
    ("552210000", "Экибастуз"),
    ("392410000", "Рудный"),
];
