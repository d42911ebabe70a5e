//! Keys of a deployment: what is taken, what is refused and in which words.

use std::io::Write as _;
use std::path::Path;

use ::secrecy::{ExposeSecret as _, SecretString};
use kaspi_auth_vault::{HOW_TO_MAKE_A_KEY, KeyError, KeyRing};

use crate::{KEY_A, KEY_B, KEY_C};

fn parse(text: &str) -> Result<KeyRing, KeyError> {
    KeyRing::parse(&SecretString::from(text))
}

fn file_with(content: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

#[test]
fn one_key_or_several_with_white_space_around_are_taken() {
    assert_eq!(parse(KEY_A).unwrap().len(), 1);
    let several = parse(&format!(" {KEY_B} ,\n{KEY_A},{KEY_C}\n")).unwrap();
    assert_eq!(several.len(), 3);
    assert!(!several.is_empty());
}

#[test]
fn fingerprints_are_those_that_sha256sum_prints() {
    let ring = parse(&format!("{KEY_B},{KEY_A}")).unwrap();
    assert_eq!(ring.fingerprints(), ["987a96fce5f3", "f52736664dce"]);
}

#[test]
fn a_key_in_the_standard_alphabet_is_the_same_key() {
    let url_safe = "-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_8=";
    let standard = "+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/8=";
    assert_eq!(parse(url_safe).unwrap().fingerprints(), parse(standard).unwrap().fingerprints());
    let both = parse(&format!("{url_safe},{standard}")).unwrap_err();
    assert!(matches!(both, KeyError::Duplicate { entry: 2, first: 1 }));
}

#[test]
fn a_made_key_is_taken_and_never_the_same() {
    let (one, other) = (KeyRing::generate_key(), KeyRing::generate_key());
    assert_eq!(one.expose_secret().len(), 44);
    assert_ne!(one.expose_secret(), other.expose_secret());
    KeyRing::parse(&one).unwrap();
}

#[test]
fn a_wrong_length_names_the_entry_and_the_length() {
    let cut = parse(&format!("{KEY_A},{}", &KEY_B[..43])).unwrap_err();
    assert!(matches!(cut, KeyError::WrongLength { entry: 2, length: 43 }), "{cut}");
    let quoted = parse(&format!("'{KEY_A}'")).unwrap_err();
    assert!(matches!(quoted, KeyError::WrongLength { entry: 1, length: 46 }), "{quoted}");
    let hex = parse(&"ab".repeat(32)).unwrap_err();
    assert!(matches!(hex, KeyError::WrongLength { entry: 1, length: 64 }), "{hex}");
}

#[test]
fn a_wrong_format_names_the_entry() {
    let unpadded = "A".repeat(44);
    let alphabet = format!("{}!{}", &KEY_A[..20], &KEY_A[21..]);
    let letters = format!("{}é{}", &KEY_A[..20], &KEY_A[21..]);
    let inner_padding = format!("{}={}", &KEY_A[..20], &KEY_A[21..]);
    for text in [unpadded, alphabet, letters, inner_padding] {
        let error = parse(&format!("{KEY_B},{text}")).unwrap_err();
        assert!(matches!(error, KeyError::NotBase64 { entry: 2 }), "{text}: {error}");
    }
}

#[test]
fn an_empty_entry_and_a_repeated_key_are_refused() {
    for (text, at) in [(format!("{KEY_A},"), 2), (format!(",{KEY_A}"), 1), (format!("{KEY_A}, ,{KEY_B}"), 2)]
    {
        let error = parse(&text).unwrap_err();
        assert!(matches!(error, KeyError::EmptyEntry { entry } if entry == at), "{error}");
    }
    let error = parse(&format!("{KEY_A},{KEY_B},{KEY_A}")).unwrap_err();
    assert!(matches!(error, KeyError::Duplicate { entry: 3, first: 1 }), "{error}");
}

#[test]
fn the_settings_give_one_source_or_are_refused() {
    let key = SecretString::from(KEY_A);
    let blank = SecretString::from(" ");
    let file = file_with(format!("{KEY_B},{KEY_C}\n").as_bytes());
    let path = Some(file.path());

    assert_eq!(KeyRing::from_settings(Some(&key), None).unwrap().len(), 1);
    assert_eq!(KeyRing::from_settings(None, path).unwrap().len(), 2);
    assert_eq!(KeyRing::from_settings(Some(&blank), path).unwrap().len(), 2);
    assert_eq!(KeyRing::from_settings(Some(&key), Some(Path::new(""))).unwrap().len(), 1);
    assert!(matches!(KeyRing::from_settings(Some(&key), path), Err(KeyError::BothSet)));
    assert!(matches!(KeyRing::from_settings(None, None), Err(KeyError::Missing)));
    assert!(matches!(KeyRing::from_settings(Some(&blank), None), Err(KeyError::Missing)));
}

#[test]
fn a_file_that_holds_no_keys_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let absent = directory.path().join("absent.key");
    let error = KeyRing::from_settings(None, Some(&absent)).unwrap_err();
    assert!(matches!(error, KeyError::FileUnreadable { .. }), "{error}");
    assert!(error.to_string().contains("absent.key"), "{error}");

    let error = KeyRing::from_settings(None, Some(directory.path())).unwrap_err();
    assert!(matches!(error, KeyError::FileUnreadable { .. }), "{error}");

    let empty = file_with(b" \n");
    let error = KeyRing::from_settings(None, Some(empty.path())).unwrap_err();
    assert!(matches!(error, KeyError::FileEmpty { .. }), "{error}");

    for content in [vec![0xff; 44], vec![b'A'; 40_000]] {
        let file = file_with(&content);
        let error = KeyRing::from_settings(None, Some(file.path())).unwrap_err();
        assert!(matches!(error, KeyError::FileNotKeys { .. }), "{error}");
    }

    let short = file_with(&KEY_A.as_bytes()[..40]);
    let error = KeyRing::from_settings(None, Some(short.path())).unwrap_err();
    assert!(matches!(error, KeyError::WrongLength { entry: 1, length: 40 }), "{error}");
}

#[test]
fn every_refusal_says_how_to_make_a_key() {
    assert!(HOW_TO_MAKE_A_KEY.contains("kaspi-auth keys generate"));
    assert!(HOW_TO_MAKE_A_KEY.contains("Fernet.generate_key()"));
    let path = || Path::new("somewhere").to_path_buf();
    let errors = [
        KeyError::Missing,
        KeyError::BothSet,
        KeyError::FileUnreadable { path: path(), source: std::io::ErrorKind::NotFound.into() },
        KeyError::FileEmpty { path: path() },
        KeyError::FileNotKeys { path: path() },
        KeyError::EmptyEntry { entry: 1 },
        KeyError::WrongLength { entry: 1, length: 2 },
        KeyError::NotBase64 { entry: 1 },
        KeyError::Duplicate { entry: 2, first: 1 },
    ];
    for error in errors {
        assert!(error.to_string().ends_with(HOW_TO_MAKE_A_KEY), "{error}");
    }
}
