//! `stores`: what is listed, and what is gone once deleted.

use crate::room::Room;

#[tokio::test]
async fn stores_are_listed_for_people_and_for_programs() {
    let room = Room::new().await;
    let none = room.run(&["stores", "list"]).await.good();
    assert!(none.stdout.is_empty() && none.stderr.contains("no such stores"), "{none:?}");
    room.sign_in("plain").await;
    let table = room.run(&["stores", "list"]).await.good().stdout;
    let lines: Vec<_> = table.lines().collect();
    assert!(
        lines[0].starts_with("MERCHANT  SHOP") && lines[1].starts_with("30000001  Магазин 30000001  active"),
        "{table}"
    );
    let json = room.run(&["stores", "list", "--json"]).await.good().json();
    assert_eq!(json["stores"][0]["merchant_uid"], "30000001");
    let others = room.run(&["stores", "list", "--json", "--user-id", "somebody"]).await.good().json();
    assert_eq!(others["stores"].as_array().unwrap().len(), 0);
    room.run(&["stores", "list", "--status", "good"]).await.ended(2);
    let shown = room.run(&["stores", "get", "30000001"]).await.good().stdout;
    assert!(shown.contains("points     PP1 "), "{shown}");
}

#[tokio::test]
async fn a_store_is_deleted_only_on_purpose() {
    let room = Room::new().await;
    room.sign_in("plain").await;
    let asked = room.run(&["stores", "delete", "30000001"]).await.ended(2);
    assert!(asked.stderr.contains("--yes"), "{asked:?}");
    room.run(&["stores", "delete", "30000001", "--yes"]).await.good();
    room.run(&["stores", "get", "30000001"]).await.ended(1);
    room.run(&["stores", "delete", "30000001", "--yes"]).await.ended(1);
}
