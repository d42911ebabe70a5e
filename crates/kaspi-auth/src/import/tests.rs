//! Files of every kind, sound and broken, read as the command reads them.

use std::fmt::Write as _;
use std::io::{self, Read};

use kaspi_auth_core::session::{Cookie, cookie_header};
use proptest::prelude::*;
use secrecy::ExposeSecret as _;
use serde::Deserialize as _;
use serde_json::json;

use super::*;

/// Stands in for the store crate's reader of rows: what this room hands to it is what is looked at.
fn opener() -> Opener {
    Arc::new(|row: Value| {
        let text = |key: &str| row.get(key).and_then(Value::as_str).map(str::to_owned);
        let cookies = match row.pointer("/guid/cookies") {
            Some(list) => {
                Vec::<Cookie>::deserialize(list).map_err(|_| "its session cannot be read".to_owned())?
            }
            None => Vec::new(),
        };
        Ok(FoundStore {
            merchant_uid: MerchantUid::parse(&text("merchant_id").unwrap_or_default())
                .map_err(|error| error.0.to_owned())?,
            user_id: None,
            name: text("name"),
            points: kaspi_auth_core::merchant::Points::default(),
            cookies,
            email: text("kaspi_email").map(|_| "sealed@shop.test".to_owned()),
            password: text("kaspi_password").map(|_| "sealed".to_owned().into()),
            phone: None,
            code_verified: row.pointer("/guid/sms_verified") == Some(&Value::from(true)),
            authenticated_at: None,
            is_active: row.get("is_active").and_then(Value::as_bool).unwrap_or(true),
            updated_at: None,
        })
    })
}

fn settings() -> Settings {
    Settings {
        format: None,
        merchant_uid: None,
        hosts: ["kaspi.kz", "idmc.shop.kaspi.kz", "mc.shop.kaspi.kz"].map(str::to_owned).to_vec(),
        cabinet_host: "mc.shop.kaspi.kz".to_owned(),
        now: Timestamp::from_second(1_800_000_000).unwrap(),
        opener: opener(),
    }
}

fn of(uid: &str) -> Settings {
    Settings { merchant_uid: Some(MerchantUid::parse(uid).unwrap()), ..settings() }
}

fn read(bytes: impl Into<Vec<u8>>, settings: &Settings) -> Result<(Format, Vec<Row>), String> {
    let rows =
        Rows::read(io::Cursor::new(bytes.into()), None, settings).map_err(|error| error.to_string())?;
    Ok((rows.format(), rows.map(Result::unwrap).collect()))
}

fn rows(bytes: impl Into<Vec<u8>>, settings: &Settings) -> Vec<Row> {
    read(bytes, settings).unwrap().1
}

fn one(bytes: impl Into<Vec<u8>>, settings: &Settings) -> FoundStore {
    let mut rows = rows(bytes, settings);
    assert_eq!(rows.len(), 1);
    *rows.remove(0).found.unwrap()
}

fn header(found: &FoundStore) -> String {
    cookie_header(&found.cookies).expose_secret().to_owned()
}

/// Where and why of a row that cannot be read.
fn trouble(row: &Row) -> String {
    format!("{}: {}", row.place, row.found.as_ref().err().unwrap())
}

#[test]
fn a_table_of_postgresql_is_read_with_its_own_shapes() {
    let text = "id,user_id,merchant_id,name,guid,kaspi_email,kaspi_password,is_active,plan\r\n\
                1,,17,\"Лавка, \"\"Ё\"\"\",\"{\"\"cookies\"\": [{\"\"name\"\": \"\"mc-sid\"\", \"\"value\"\": \"\"v\"\"}]}\",gAAAAx,gAAAAy,f,gold\r\n\
                2,,18,\"two\nlines\",,,,t,\r\n";
    let (format, rows) = read(text, &settings()).unwrap();
    assert_eq!((format, rows.len()), (Format::Csv, 2));
    let first = rows[0].found.as_ref().unwrap();
    assert_eq!((first.name.as_deref(), first.is_active), (Some("Лавка, \"Ё\""), false));
    assert_eq!((header(first).as_str(), first.email.as_deref()), ("mc-sid=v", Some("sealed@shop.test")));
    assert_eq!(rows[1].found.as_ref().unwrap().name.as_deref(), Some("two\nlines"));
    assert_eq!((rows[0].place.as_str(), rows[1].place.as_str()), ("line 2", "line 3"));
}

#[test]
fn bare_credentials_are_read_whatever_parts_the_cells() {
    for delimiter in [",", ";", "\t"] {
        let text = format!(
            "\u{feff}Merchant_ID{delimiter}E-mail{delimiter} Password {delimiter}phone\n\
             17{delimiter}a@shop.kz{delimiter}пароль{delimiter}\n18{delimiter}{delimiter}{delimiter}+7 (700) 123-45-67"
        );
        let rows = rows(text, &settings());
        let first = rows[0].found.as_ref().unwrap();
        assert_eq!(first.email.as_deref(), Some("a@shop.kz"));
        assert_eq!(first.password.as_ref().unwrap().expose_secret(), "пароль");
        assert_eq!(rows[1].found.as_ref().unwrap().phone.as_deref(), Some("77001234567"));
    }
}

#[test]
fn credentials_without_a_merchant_are_no_store_yet_and_are_told_one_by_one() {
    let rows = rows("email,password\na@shop.kz,canary\nb@shop.kz,canary\n", &settings());
    assert_eq!(rows.len(), 2);
    for (row, line) in rows.iter().zip(["line 2", "line 3"]) {
        let told = trouble(row);
        assert!(told.starts_with(line) && told.contains("kaspi-auth login"), "{told}");
        assert!(!told.contains("canary") && !told.contains("shop.kz"), "{told}");
    }
}

#[test]
fn a_broken_row_of_a_table_costs_no_other() {
    let text = b"merchant_id,name,is_active\n17,ok,t\n18\n19,\xFF\xFE,t\n../etc,x,t\n20,x,canary\n21,ok,t\n"
        .to_vec();
    let rows = rows(text, &settings());
    let read: Vec<bool> = rows.iter().map(|row| row.found.is_ok()).collect();
    assert_eq!(read, [true, false, false, false, false, true]);
    assert_eq!(trouble(&rows[1]), "line 3: it has not as many cells as there are columns");
    assert!(trouble(&rows[2]).contains("UTF-8"));
    assert!(rows[4].merchant_uid.as_ref().is_some_and(|uid| uid.as_str() == "20"));
    assert!(!trouble(&rows[4]).contains("canary"));
}

#[test]
fn a_quote_that_is_never_closed_does_not_fill_the_memory() {
    /// A row that never ends, and how much of it was taken.
    struct Endless(Arc<AtomicU64>);
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            buffer.fill(b'x');
            let taken = self.0.fetch_add(buffer.len() as u64, Ordering::Relaxed);
            assert!(taken < 8 * LONGEST_ROW as u64, "it is read on and on");
            Ok(buffer.len())
        }
    }
    let taken = Arc::new(AtomicU64::new(0));
    for begin in [
        "merchant_id,name\n17,ok\n18,\"",
        "[{\"merchant_id\": \"17\"}, ",
        "{\"a\": \"",
        "a.kz\tTRUE\t/\tTRUE\t0\tn\t",
    ] {
        taken.store(0, Ordering::Relaxed);
        let source =
            io::Cursor::new(begin.as_bytes()).chain(Endless(Arc::clone(&taken)).take(5 * LONGEST_ROW as u64));
        let format = begin.contains('\t').then_some(Format::Netscape);
        let settings = Settings { format, ..of("17") };
        let rows: Vec<_> = Rows::read(source, None, &settings).unwrap().map(Result::unwrap).collect();
        assert!(rows.last().unwrap().found.is_err(), "{begin}");
    }
}

#[test]
fn a_table_that_does_not_name_its_columns_is_refused_without_being_quoted() {
    for text in [
        "17,canary@shop.kz,canary\n",
        "merchant_id\n17\n",
        "merchant_id,uid\n1,2\n",
        "merchant_id,email,E-Mail\n1,2,3\n",
    ] {
        let refused = read(text, &settings()).err().unwrap();
        assert!(!refused.contains("canary"), "{refused}");
    }
    let forced = Settings { format: Some(Format::Csv), ..settings() };
    assert!(read("canary,canary\n", &forced).err().unwrap().contains("names its columns"));
}

#[test]
fn rows_of_the_table_come_as_a_list_as_lines_and_as_djangos_dump() {
    let row = |uid: Value| json!({"merchant_id": uid, "name": "A", "guid": {"cookies": [{"name": "mc-sid", "value": "v"}]}});
    let list = json!([row(json!("17")), row(json!(18))]);
    let lines = format!("\n{}\n\n{}\n", row(json!("17")), row(json!(18)));
    let django = json!([
        {"model": "shops.kaspistore", "pk": 1, "fields": row(json!("17"))},
        {"model": "shops.kaspistore", "pk": 2, "fields": row(json!("18"))},
    ]);
    for text in [list.to_string(), serde_json::to_string_pretty(&list).unwrap(), lines, django.to_string()] {
        let (format, rows) = read(text, &settings()).unwrap();
        assert_eq!(format, Format::Json);
        let uids: Vec<_> =
            rows.iter().map(|row| row.found.as_ref().unwrap().merchant_uid.to_string()).collect();
        assert_eq!(uids, ["17", "18"]);
        assert_eq!(header(rows[1].found.as_ref().unwrap()), "mc-sid=v");
    }
}

#[test]
fn a_broken_line_of_json_costs_no_other() {
    let text =
        "{\"merchant_id\": \"17\"}\n{\"merchant_id\": \"canary\", }\nnonsense\n[]\n{\"merchant_id\": \"18\"}";
    let rows = rows(text, &settings());
    let read: Vec<bool> = rows.iter().map(|row| row.found.is_ok()).collect();
    assert_eq!(read, [true, false, false, false, true]);
    assert_eq!(trouble(&rows[1]), "line 2: it is no JSON");
    assert_eq!(rows[4].place, "line 5");
}

const EXTENSION: &str = r#"[
  {"domain": ".kaspi.kz", "expirationDate": 1900000000.5, "hostOnly": false, "httpOnly": false, "name": "ks.tg", "path": "/",
   "sameSite": "no_restriction", "secure": true, "session": false, "storeId": "0", "value": "1", "id": 1},
  {"domain": "mc.shop.kaspi.kz", "hostOnly": true, "httpOnly": true, "name": "mc-sid", "path": "/", "sameSite": "unspecified",
   "secure": true, "session": true, "storeId": "0", "value": "canary", "id": 2},
  {"domain": "mail.example", "hostOnly": true, "name": "mail", "path": "/", "value": "not ours", "session": true},
  {"domain": "mc.shop.kaspi.kz", "expirationDate": 1700000000, "hostOnly": true, "name": "old", "path": "/", "value": "over"}
]"#;

#[test]
fn cookies_of_a_browsers_extension_are_a_session_of_the_merchant_that_is_named() {
    let (format, _) = read(EXTENSION, &of("17")).unwrap();
    assert_eq!(format, Format::Cookies);
    let found = one(EXTENSION, &of("17"));
    assert_eq!((found.merchant_uid.as_str(), header(&found).as_str()), ("17", "ks.tg=1; mc-sid=canary"));
    let (wide, session) = (&found.cookies[0], &found.cookies[1]);
    assert_eq!((wide.domain.as_str(), session.domain.as_str()), (".kaspi.kz", "mc.shop.kaspi.kz"));
    assert!(wide.expires > 1.8e9 && session.expires < 0.0 && session.http_only && session.secure);
    let rows = rows(EXTENSION, &settings());
    assert!(trouble(&rows[0]).contains("--merchant-uid"));
}

#[test]
fn playwrights_state_and_what_we_print_ourselves_are_documents_with_cookies() {
    let cookie = json!({"name": "mc-sid", "value": "v", "domain": "mc.shop.kaspi.kz", "path": "/", "expires": -1, "httpOnly": true});
    let state = json!({"cookies": [cookie], "origins": [{"origin": "https://kaspi.kz", "localStorage": []}]});
    for text in [state.to_string(), serde_json::to_string_pretty(&state).unwrap()] {
        assert_eq!(header(&one(text.clone(), &of("17"))), "mc-sid=v");
        assert!(trouble(&rows(text, &settings())[0]).contains("--merchant-uid"));
    }
    let ours = json!({"merchant_uid": "17", "generation": 3, "cookies": [cookie], "cookie_header": "mc-sid=v", "sms_verified": true});
    let found = one(serde_json::to_string_pretty(&ours).unwrap(), &settings());
    assert_eq!((found.merchant_uid.as_str(), found.code_verified), ("17", true));
    assert!(trouble(&rows(ours.to_string(), &of("18"))[0]).contains("another merchant"));
    let with_credentials =
        json!({"merchant_uid": 17, "cookies": [cookie], "email": "a@shop.kz", "password": "p"});
    assert_eq!(one(with_credentials.to_string(), &settings()).email.as_deref(), Some("a@shop.kz"));
}

#[test]
fn a_cookie_file_is_read_as_curl_writes_it() {
    let text = "# Netscape HTTP Cookie File\r\n\r\n# a remark\r\n\
                #HttpOnly_mc.shop.kaspi.kz\tFALSE\t/\tTRUE\t0\tmc-sid\tcanary=1\r\n\
                .kaspi.kz\tTRUE\t/\tFALSE\t1900000000\tks.tg\t1\r\n\
                mc.shop.kaspi.kz\tFALSE\t/\tFALSE\t0\tempty\r\n\
                .other.example\tTRUE\t/\tFALSE\t1900000000\tother\tx\r\n";
    for text in [text.to_owned(), text.lines().skip(3).collect::<Vec<_>>().join("\n")] {
        let (format, _) = read(text.clone(), &of("17")).unwrap();
        assert_eq!(format, Format::Netscape);
        let found = one(text, &of("17"));
        assert_eq!(header(&found), "mc-sid=canary=1; ks.tg=1; empty=");
        assert!(found.cookies[0].http_only && found.cookies[0].domain == "mc.shop.kaspi.kz");
        assert_eq!(found.cookies[1].domain, ".kaspi.kz");
    }
}

#[test]
fn half_a_session_is_none() {
    let line = "mc.shop.kaspi.kz\tFALSE\t/\tTRUE\t0\tmc-sid\tcanary\n";
    let broken = format!("{line}mc.shop.kaspi.kz canary\n");
    let only_login = "idmc.shop.kaspi.kz\tFALSE\t/\tTRUE\t0\tsso\tcanary\n";
    let over = "mc.shop.kaspi.kz\tFALSE\t/\tTRUE\t1700000000\tmc-sid\tcanary\n";
    for text in [broken.as_str(), only_login, over] {
        let told = trouble(&rows(text, &of("17"))[0]);
        assert!(!told.contains("canary"), "{told}");
    }
    let forged = json!([{"name": "mc-sid", "value": "canary; x=1", "domain": "mc.shop.kaspi.kz"}]);
    let told = trouble(&rows(forged.to_string(), &of("17"))[0]);
    assert!(told.contains("no cookie may have") && !told.contains("canary"), "{told}");
}

#[test]
fn a_merchant_that_is_named_is_for_one_row_alone() {
    let rows = rows("email,password\na@shop.kz,p\nb@shop.kz,p\n", &of("17"));
    assert!(rows[0].found.is_ok());
    assert!(trouble(&rows[1]).contains("one row alone"));
}

#[test]
fn files_of_other_kinds_are_refused_with_what_to_do() {
    for (bytes, sign) in [
        (b"SQLite format 3\0....".to_vec(), "SQLite"),
        (b"PGDMP\x01".to_vec(), "restore"),
        (b"\x1F\x8B\x08".to_vec(), "compressed"),
        (b"PK\x03\x04".to_vec(), "spreadsheet"),
        (b"\xFF\xFEm\0e\0".to_vec(), "UTF-16"),
        (b"".to_vec(), "empty"),
        (b" \n \n".to_vec(), "empty"),
        (b"canary canary".to_vec(), "--format"),
        (vec![0; 3 * LONGEST_ROW], "--format"),
    ] {
        let refused = read(bytes, &settings()).err().unwrap();
        assert!(refused.contains(sign) && !refused.contains("canary"), "{refused}");
    }
}

#[test]
fn a_long_list_is_read_as_it_comes() {
    /// A list without an end.
    struct Growing(u64, io::Cursor<Vec<u8>>);
    impl Read for Growing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.1.position() == self.1.get_ref().len() as u64 {
                self.0 += 1;
                let sign = if self.0 == 1 { "[" } else { "," };
                self.1 = io::Cursor::new(format!("{sign}{{\"merchant_id\": \"{}\"}}", self.0).into_bytes());
            }
            self.1.read(buffer)
        }
    }
    let rows = Rows::read(Growing(0, io::Cursor::default()), None, &settings()).unwrap();
    let read: Vec<_> = rows.take(100_000).map(|row| row.unwrap().found.unwrap().merchant_uid).collect();
    assert_eq!(read.last().unwrap().as_str(), "100000");
}

#[test]
fn an_entry_that_is_nested_without_end_is_refused() {
    let deep = format!("[{}{}, {{\"merchant_id\": \"17\"}}]", "[".repeat(5000), "]".repeat(5000));
    let rows = rows(deep, &settings());
    assert_eq!(rows.iter().map(|row| row.found.is_ok()).collect::<Vec<_>>(), [false, true]);
}

/// A text of the signs that these files are made of.
fn signs() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[\\[\\]{}:,;\"\\\\\t\n#. a1-]{0,300}").unwrap()
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        for format in [None, Some(Format::Json), Some(Format::Cookies), Some(Format::Netscape), Some(Format::Csv)] {
            let _ = read(bytes.clone(), &Settings { format, ..of("17") });
        }
    }

    #[test]
    fn signs_in_any_order_are_read_or_refused(text in signs()) {
        for begin in ["", "[", "{", "merchant_id,email\n", "merchant_id;guid;is_active\n", "# Netscape HTTP Cookie File\n"] {
            let _ = read(format!("{begin}{text}"), &settings());
        }
    }

    #[test]
    fn a_password_is_read_as_it_stands_and_told_to_nobody(password in "\\PC{1,40}", uid in "[0-9]{1,8}") {
        prop_assume!(!password.trim().is_empty());
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["merchant_id", "password"]).unwrap();
        writer.write_record([&uid, &password]).unwrap();
        let found = one(writer.into_inner().unwrap(), &settings());
        prop_assert_eq!(found.password.as_ref().unwrap().expose_secret(), &password);
        let mut shown = String::new();
        write!(shown, "{found:?}").unwrap();
        prop_assert!(password.len() < 6 || !shown.contains(&password));
    }

    #[test]
    fn any_exported_values_are_read_or_refused(name in any::<String>(), value in any::<String>(), domain in any::<String>()) {
        let list = json!([{"name": name, "value": value, "domain": domain}]);
        for row in rows(list.to_string(), &of("17")) {
            if let Ok(found) = row.found {
                prop_assert!(!header(&found).contains(['\r', '\n', '\0']));
            }
        }
    }
}
