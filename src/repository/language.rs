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
    /// The one of the two that `Accept-Language` likes better; Chinese when it names neither.
    pub fn of(headers: &HeaderMap) -> Self {
        let text = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let weight = |wanted: &str| {
            let weights = text.split(',').filter_map(|range| {
                let (tag, parameters) = range.trim().split_once(';').unwrap_or((range.trim(), ""));
                let primary = tag.split('-').next().unwrap_or_default().trim();
                let quality = parameters.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.parse().ok());
                primary.eq_ignore_ascii_case(wanted).then(|| quality.unwrap_or(0.0))
            });
            weights.fold(0.0_f32, f32::max)
        };
        if weight("en") > weight("zh") { Self::English } else { Self::Chinese }
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

    #[test]
    fn the_better_liked_language_wins() {
        let cases = [
            ("en", Language::English),
            ("en-GB,zh;q=0.5", Language::English),
            ("en;q=0.3, zh-CN;q=0.9", Language::Chinese),
            ("fr, de", Language::Chinese),
            ("", Language::Chinese),
        ];
        for (text, language) in cases {
            let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, text.parse().unwrap())]);
            assert_eq!(Language::of(&headers), language, "{text}");
        }
    }
}
