//! Which of the two languages a caller reads.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;

/// The two languages every message exists in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// Simplified Chinese, the default.
    #[default]
    Chinese,
    /// English.
    English,
}

impl Language {
    /// The caller's preferred one of the two, by `Accept-Language` (RFC 9110); Chinese when it names neither.
    pub fn of(headers: &HeaderMap) -> Self {
        let wanted = headers.get(ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let mut best = (Self::Chinese, 0.0);
        for range in wanted.split(',') {
            let mut parts = range.trim().split(';');
            let tag = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
            let quality = parts.find_map(|p| p.trim().strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
            let language = match tag.split('-').next() {
                Some("zh") => Self::Chinese,
                Some("en") => Self::English,
                _ => continue,
            };
            if quality > best.1 {
                best = (language, quality);
            }
        }
        best.0
    }

    /// The tag for `Content-Language`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en",
        }
    }

    /// The text in this language.
    pub const fn pick(self, chinese: &'static str, english: &'static str) -> &'static str {
        match self {
            Self::Chinese => chinese,
            Self::English => english,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &'static str) -> Language {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, value.parse().unwrap());
        Language::of(&headers)
    }

    #[test]
    fn the_better_liked_language_wins() {
        assert_eq!(of("en"), Language::English);
        assert_eq!(of("en-GB,zh;q=0.5"), Language::English);
        assert_eq!(of("en;q=0.3, zh-CN;q=0.9"), Language::Chinese);
        assert_eq!(of("fr, de"), Language::Chinese);
        assert_eq!(of("fr, en;q=0.1"), Language::English);
        assert_eq!(Language::of(&HeaderMap::new()), Language::Chinese);
    }
}
