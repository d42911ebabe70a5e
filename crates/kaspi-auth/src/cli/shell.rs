//! Text that a POSIX shell reads as one word.

/// Quotes a text where a shell would take it apart.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        for text in ["plain", "two words", "it's", "$(rm -rf x)", "", "a\nb", "«ё»", "\\", "`x`", "a=b; c=d"]
        {
            let script = format!("printf %s {}", quoted(text));
            let output = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
        }
        assert_eq!(quoted("target/debug/kaspi-auth"), "target/debug/kaspi-auth");
    }
}
