//! Rows for people: columns as wide as what they hold.

/// Lays rows out under their heads. Nothing is cut off, nothing trails.
pub fn layout<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = heads.map(width);
    for row in rows {
        for (wide, cell) in widths.iter_mut().zip(row) {
            *wide = (*wide).max(width(cell));
        }
    }
    let mut lines = vec![line(&heads.map(str::to_owned), widths)];
    lines.extend(rows.iter().map(|row| line(row, widths)));
    lines.join("\n")
}

fn line<const N: usize>(cells: &[String; N], widths: [usize; N]) -> String {
    let mut text = String::new();
    for (cell, wide) in cells.iter().zip(widths) {
        text.push_str(cell);
        text.extend(std::iter::repeat_n(' ', wide - width(cell) + 2));
    }
    text.truncate(text.trim_end().len());
    text
}

/// Letters of Kazakh and Russian shop names are one column wide each.
fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_their_heads() {
        let rows = [["1".to_owned(), "Магазин".to_owned()], ["30000001".to_owned(), String::new()]];
        assert_eq!(layout(["UID", "SHOP"], &rows), "UID       SHOP\n1         Магазин\n30000001");
    }
}
