//! Characters as keys that go down and up. Knows no page.

use serde_json::{Value, json};

/// The two events of a character's key.
pub fn events(character: char) -> [Value; 2] {
    let (key, code, number, text) = match character {
        '\n' | '\r' => ("Enter".to_owned(), "Enter".to_owned(), 13, "\r".to_owned()),
        '\t' => ("Tab".to_owned(), "Tab".to_owned(), 9, "\t".to_owned()),
        _ => (character.to_string(), code_of(character), number_of(character), character.to_string()),
    };
    let down = json!({
        "type": "keyDown", "key": key, "code": code, "windowsVirtualKeyCode": number, "text": text,
        "unmodifiedText": text,
    });
    let up = json!({"type": "keyUp", "key": key, "code": code, "windowsVirtualKeyCode": number});
    [down, up]
}

fn code_of(character: char) -> String {
    match character {
        'a'..='z' | 'A'..='Z' => format!("Key{}", character.to_ascii_uppercase()),
        '0'..='9' => format!("Digit{character}"),
        ' ' => "Space".to_owned(),
        _ => String::new(),
    }
}

fn number_of(character: char) -> u32 {
    match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' => u32::from(character.to_ascii_uppercase()),
        _ => 0,
    }
}
