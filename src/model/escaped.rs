//! Text of somebody else's on a terminal.

/// A text whose control characters, and marks that turn the direction of writing, are shown and not obeyed.
pub fn escaped(text: &str) -> String {
    let acts = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_told_moves_the_terminal() {
        let name = "户口簿\u{1b}[2J\r\n\t\u{7f}\u{9b}\u{202e}.jpg";
        assert_eq!(escaped(name), r"户口簿\u{1b}[2J\r\n\t\u{7f}\u{9b}\u{202e}.jpg");
    }
}
