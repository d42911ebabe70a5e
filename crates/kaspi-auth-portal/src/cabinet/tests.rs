//! Reading `/s/m` and `getMerchant` in every spelling that the contract leaves open.

use kaspi_auth_core::merchant::Point;
use serde_json::json;

use super::graphql::told;
use super::*;

fn uids(body: &Value) -> Option<Vec<(String, Option<String>)>> {
    let listed = listed(body.as_object()?)?;
    Some(listed.into_iter().map(|item| (item.uid.to_string(), item.name)).collect())
}

#[test]
fn the_list_is_read_with_and_without_names_and_with_numbers() {
    let body =
        json!({"merchants": [{"uid": "11", "name": "A"}, {"uid": 12, "extra": {}}, "KSP", 13], "total": 4});
    let expected = [("11", Some("A")), ("12", None), ("KSP", None), ("13", None)];
    let expected = expected.map(|(uid, name)| (uid.to_owned(), name.map(str::to_owned)));
    assert_eq!(uids(&body), Some(expected.to_vec()));
    assert_eq!(uids(&json!({"merchants": []})), Some(Vec::new()));
}

#[test]
fn a_list_of_another_shape_is_not_an_empty_one() {
    for body in [
        json!({}),
        json!({"merchants": null}),
        json!({"merchants": {"uid": "1"}}),
        json!({"merchants": [{"name": "A"}]}),
        json!({"merchants": [{"uid": "1"}, {"uid": null}]}),
        json!({"data": {"merchants": []}}),
    ] {
        assert_eq!(uids(&body), None, "{body}");
    }
}

#[test]
fn a_merchants_data_is_read_as_far_as_it_goes() {
    let body = json!({"data": {"merchant": {"id": "11", "name": "Магазин", "logo": {"url": "https://x/l.png"}, "points": [
        {"id": "11_PP1", "name": "PP1", "enabled": true, "virtual": false, "type": "SHOP", "city": {"id": 750_000_000, "name": "Алматы"}},
        {"id": "11_PP2", "name": null, "enabled": false, "city": null},
        {"name": "PP3", "city": {"id": "710000000"}}, {"enabled": true}, "PP4"]}}});
    let told = told(body.as_object().unwrap()).unwrap();
    assert_eq!((told.name.as_deref(), told.logo_url.as_deref()), (Some("Магазин"), Some("https://x/l.png")));
    let almaty =
        Point {
            city_id: Some("750000000".to_owned()), city_name: Some("Алматы".to_owned()), enabled: true
        };
    let astana = Point { city_id: Some("710000000".to_owned()), city_name: None, enabled: false };
    let expected = [("PP1", almaty), ("11_PP2", Point::default()), ("PP3", astana)];
    assert_eq!(told.points, expected.map(|(name, point)| (name.to_owned(), point)).into());
}

#[test]
fn a_facade_that_tells_nothing_is_no_error() {
    for body in [
        json!({"errors": [{"message": "Bad Request"}]}),
        json!({"data": null}),
        json!({"data": {"merchant": null}}),
        json!({"data": {"merchant": []}}),
    ] {
        assert_eq!(told(body.as_object().unwrap()), None, "{body}");
    }
    let bare = told(json!({"data": {"merchant": {"logo": null, "points": null}}}).as_object().unwrap());
    assert_eq!(bare, Some(graphql::Told::default()));
}
