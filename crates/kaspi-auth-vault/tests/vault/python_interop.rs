//! Both directions against Python's `cryptography`: one Python process answers all questions (`interop.py`).
//!
//! The interpreter is `python3`, or what `KASPI_AUTH_TEST_PYTHON` names. Without it, or without `cryptography`, the
//! test fails and says what to install: compatibility is a promise, so it is never skipped.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use ::secrecy::{ExposeSecret as _, SecretString};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use kaspi_auth_vault::KeyRing;
use serde_json::{Value, json};

use crate::{KEY_A, KEY_B, KEY_C, by_the_book, ring};

const AT: u64 = 1_700_000_000;
const TIMES: [u64; 6] = [0, 1, AT, 4_102_444_800, u64::MAX - 60, u64::MAX];

struct Python {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Python {
    fn start() -> Python {
        let program = std::env::var("KASPI_AUTH_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let help = format!(
            "this test needs `{program}` with the package `cryptography`: install it (Debian: `apt-get install \
             python3-cryptography`; elsewhere: `pip install cryptography`), or name another interpreter in \
             KASPI_AUTH_TEST_PYTHON"
        );
        let check = Command::new(&program).args(["-c", "import cryptography.fernet"]).output();
        assert!(check.is_ok_and(|output| output.status.success()), "{help}");
        let mut child = Command::new(&program)
            .args(["-c", include_str!("interop.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect(&help);
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Python { child, stdin, stdout }
    }

    #[track_caller]
    fn ask(&mut self, request: &Value) -> Value {
        writeln!(self.stdin, "{request}").unwrap();
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "Python stopped at {request}");
        serde_json::from_str(&line).unwrap()
    }

    #[track_caller]
    fn token(&mut self, request: &Value) -> String {
        self.ask(request)["token"].as_str().unwrap().to_owned()
    }

    /// `None` when Python refuses the token.
    #[track_caller]
    fn plaintext(&mut self, request: &Value) -> Option<Vec<u8>> {
        let answer = self.ask(request);
        if answer["refused"] == true {
            None
        } else {
            Some(STANDARD.decode(answer["plain"].as_str().unwrap()).unwrap())
        }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end or to wait for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every length around the block edges, and those of real records.
fn contents() -> Vec<Vec<u8>> {
    let lengths = (0..=69).chain([1000, 1023, 1024, 1025, 8191, 8192, 8193, 90_000]);
    lengths.map(|length| (0..=250).cycle().step_by(31).take(length).collect()).collect()
}

#[test]
fn python_and_the_vault_read_each_others_tokens() {
    let python = &mut Python::start();
    both_read_what_the_other_sealed(python);
    both_rotate_what_the_other_sealed(python);
    both_judge_the_time_alike(python);
    both_refuse_the_same_damage(python);
    both_take_the_same_keys(python);
}

fn both_read_what_the_other_sealed(python: &mut Python) {
    let made = KeyRing::generate_key();
    let rings = [vec![made.expose_secret()], vec![KEY_A], vec![KEY_B, KEY_A], vec![KEY_C, KEY_B, KEY_A]];
    for keys in rings {
        let ours = ring(&keys);
        for (index, plain) in contents().into_iter().enumerate() {
            let at = TIMES[index % TIMES.len()];
            let our_token = ours.seal(&plain, at);
            let request = json!({"op": "open", "keys": keys, "token": our_token});
            assert_eq!(python.plaintext(&request).as_ref(), Some(&plain), "{} bytes", plain.len());
            let request = json!({"op": "timestamp", "keys": keys, "token": our_token});
            assert_eq!(python.ask(&request)["at"], at);

            let request = json!({"op": "seal", "keys": keys, "plain": STANDARD.encode(&plain), "at": at});
            let their_token = python.token(&request);
            assert_eq!(*ours.open(&their_token).unwrap(), plain, "{} bytes", plain.len());
            assert_eq!(ours.timestamp(&their_token), Ok(at));
            assert_eq!(ours.is_newest(&their_token), Ok(true));

            for token in [our_token, their_token] {
                let same = by_the_book::token(keys[0], at, by_the_book::iv_of(&token), &plain);
                assert_eq!(token, same, "identical to the last character");
            }
        }
    }
}

fn both_rotate_what_the_other_sealed(python: &mut Python) {
    let keys = [KEY_C, KEY_B, KEY_A];
    let ours = ring(&keys);
    for (index, plain) in contents().into_iter().enumerate() {
        let (old, at) = (keys[index % keys.len()], TIMES[index % TIMES.len()]);

        let our_token = ring(&[old]).seal(&plain, at);
        let rotated_by_them = python.token(&json!({"op": "rotate", "keys": keys, "token": our_token}));
        assert_eq!(*ours.open(&rotated_by_them).unwrap(), plain);
        assert_eq!(ours.timestamp(&rotated_by_them), Ok(at));
        assert_eq!(ours.is_newest(&rotated_by_them), Ok(true));

        let request = json!({"op": "seal", "keys": [old], "plain": STANDARD.encode(&plain), "at": at});
        let rotated_by_us = ours.rotate(&python.token(&request)).unwrap();
        let request = json!({"op": "open", "keys": [KEY_C], "token": rotated_by_us});
        assert_eq!(python.plaintext(&request), Some(plain));
        let request = json!({"op": "timestamp", "keys": [KEY_C], "token": rotated_by_us});
        assert_eq!(python.ask(&request)["at"], at);
    }
}

fn both_judge_the_time_alike(python: &mut Python) {
    for keys in [vec![KEY_A], vec![KEY_B, KEY_A]] {
        let ours = ring(&keys);
        for at in TIMES {
            let token = ring(&[KEY_A]).seal(b"x", at);
            let nows =
                [-91i64, -61, -60, -59, 0, 29, 30, 31, 61].map(|apart| at.saturating_add_signed(apart));
            for now in nows.into_iter().chain([0, AT, u64::MAX]) {
                for ttl in [0, 1, 30, u64::MAX] {
                    let request =
                        json!({"op": "open_at", "keys": keys, "token": token, "ttl": ttl, "now": now});
                    let there = python.plaintext(&request).is_some();
                    let here = ours.open_with_ttl(&token, ttl, now).is_ok();
                    assert_eq!(here, there, "sealed at {at}, opened at {now}, ttl {ttl}");
                }
            }
        }
    }
}

fn both_refuse_the_same_damage(python: &mut Python) {
    let ours = ring(&[KEY_B, KEY_A]);
    let mut agree = |token: &str, opens: bool| {
        let request = json!({"op": "open", "keys": [KEY_B, KEY_A], "token": token});
        assert_eq!(python.plaintext(&request).is_some(), opens, "Python: {token:?}");
        assert_eq!(ours.open(token).is_ok(), opens, "the vault: {token:?}");
    };
    let token = ring(&[KEY_A]).seal(b"seventeen bytes !", AT);
    agree(&token, true);
    agree(&format!("{token}\n"), true);
    agree(&format!("\n{token}\r\n"), true);
    agree(&ring(&[KEY_C]).seal(b"x", AT), false);
    for length in 0..token.len() {
        agree(&token[..length], false);
    }
    let bytes = URL_SAFE.decode(&token).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        agree(&URL_SAFE.encode(damaged), false);
    }
}

/// With one wish of our own: a key has 44 characters, where Python overlooks stray ones.
fn both_take_the_same_keys(python: &mut Python) {
    let standard_alphabet = "+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/8=";
    let left_over_bits = KEY_A.replace("E=", "F=");
    let not_padded = "A".repeat(44);
    let texts =
        [KEY_A, standard_alphabet, &left_over_bits, &KEY_A[..43], &KEY_A[1..], &not_padded, "hunter2"];
    for text in texts {
        let there = python.ask(&json!({"op": "accepts_key", "key": text}))["accepted"] == true;
        let here = KeyRing::parse(&SecretString::from(text)).is_ok();
        assert_eq!(here, there, "{text}");
    }
    for text in [standard_alphabet, &left_over_bits] {
        let sealed = ring(&[text]).seal(b"x", AT);
        let request = json!({"op": "open", "keys": [text], "token": sealed});
        assert_eq!(python.plaintext(&request), Some(b"x".to_vec()), "{text} is the same key here and there");
    }
}
