//! Where in a text something stands. Must not know what the text is.

/// The number of the line that a byte of the text stands in, counted from 1.
pub(super) fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_from_one() {
        let text = "a\nb\n";
        assert_eq!([0, 1, 2, 4, 99].map(|at| line(text, at)), [1, 1, 2, 3, 3]);
    }
}
