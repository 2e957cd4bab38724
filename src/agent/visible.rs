//! Characters that nobody sees, or that turn others round: in a name they make one look like another.

/// Whether the character hides.
pub(crate) fn hides(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Soft hyphen, joiners and fillers that take no room, marks of direction.
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            // Choices of a glyph, musical beams, tags.
            | '\u{fe00}'..='\u{fe0f}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_names_are_seen_and_what_hides_between_them_is_not() {
        for name in
            ["李四", "欧阳 娜娜", "Ng Okoye-Müller", "ᠪᠠᠲᠤ", "བཀྲ་ཤིས", "ئالىم", "\u{20bb7}田", "\u{e815}某"]
        {
            assert!(!name.chars().any(hides), "{name}");
        }
        for hidden in [
            '\u{ad}',
            '\u{200b}',
            '\u{200d}',
            '\u{202e}',
            '\u{2066}',
            '\u{feff}',
            '\u{fe0f}',
            '\u{e0041}',
            '\u{3164}',
            '\n',
        ] {
            assert!(hides(hidden), "{:x}", u32::from(hidden));
        }
    }
}
