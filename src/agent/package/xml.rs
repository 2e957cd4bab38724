//! Writing a small XML document.

/// A document that grows by elements.
pub(super) struct Xml {
    text: String,
    depth: usize,
}

impl Xml {
    pub(super) fn new() -> Self {
        Self { text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(), depth: 0 }
    }

    /// An element with others in it.
    pub(super) fn within(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.indent();
        self.text.push_str(&format!("<{name}>\n"));
        self.depth += 1;
        fill(self);
        self.depth -= 1;
        self.indent();
        self.text.push_str(&format!("</{name}>\n"));
    }

    /// An element with a text in it.
    pub(super) fn text(&mut self, name: &str, text: impl ToString) {
        self.indent();
        self.text.push_str(&format!("<{name}>{}</{name}>\n", escaped(&text.to_string())));
    }

    /// The same where there is a text; nothing else.
    pub(super) fn optional(&mut self, name: &str, text: Option<impl ToString>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }

    fn indent(&mut self) {
        self.text.push_str(&"  ".repeat(self.depth));
    }
}

/// XML 1.0 has no way to write most control characters.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\r' => escaped.push_str("&#13;"),
            '\n' | '\t' => escaped.push(character),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_someone_wrote_stays_text() {
        let mut xml = Xml::new();
        xml.within("备注", |xml| {
            xml.text("a", "<b>&\u{1}\n]]>");
            xml.optional("c", None::<&str>);
        });
        let text = String::from_utf8(xml.into_bytes()).unwrap();
        assert!(text.ends_with("<备注>\n  <a>&lt;b&gt;&amp;\u{fffd}\n]]&gt;</a>\n</备注>\n"), "{text}");
    }
}
