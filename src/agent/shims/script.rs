//! JSON that may stand in a page or a script, and the call it is wrapped in.

use serde_json::Value;

/// Longest name of a callback.
const CALLBACK_LENGTH_MAX: usize = 128;

/// JSON in which no letter ends a script or begins a tag.
pub(super) fn json(value: &Value) -> String {
    let mut text = String::new();
    for letter in value.to_string().chars() {
        match letter {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            letter => text.push(letter),
        }
    }
    text
}

/// Whether it is the name of a function, perhaps in an object: nothing else is ever written in front of a bracket.
pub(super) fn is_callback(name: &str) -> bool {
    let is_name = |part: &str| {
        let begins = |first: char| first.is_ascii_alphabetic() || first == '_' || first == '$';
        part.starts_with(begins) && part.chars().all(|c| begins(c) || c.is_ascii_digit())
    };
    name.len() <= CALLBACK_LENGTH_MAX && name.split('.').all(is_name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_of_a_card_ends_no_script() {
        let text = json(&json!({"name": "</script><!--&\u{2028}"}));
        assert_eq!(text, r#"{"name":"\u003c/script\u003e\u003c!--\u0026\u2028"}"#);
    }

    #[test]
    fn a_callback_is_a_name() {
        for name in ["GetIDCard", "jQuery1124_169", "__jp0", "window.app.$done"] {
            assert!(is_callback(name), "{name}");
        }
        for name in ["", "a b", "a(", "alert(1)//", "a;b", "1a", "a..b", ".a", "名", "a[0]", &"a".repeat(129)]
        {
            assert!(!is_callback(name), "{name}");
        }
    }
}
