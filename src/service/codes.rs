//! The form of a list of error codes.

/// Declares `Code`: each variant with its stable word, its HTTP status, and title and remedy in Chinese, then in English. Every
/// list is checked by a test that comes with it: no word twice, both languages said, a status of an error.
#[macro_export]
macro_rules! codes {
    ($($variant:ident = $word:literal, $status:literal,
        $zh_title:literal, $zh_remedy:literal, $en_title:literal, $en_remedy:literal;)+) => {
        /// The closed list of what can go wrong with a call. The words are part of the contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the titles below say what each one means")]
        pub enum Code {
            $($variant,)+
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The HTTP status it comes with.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }

            /// What is wrong, in one sentence.
            pub const fn title(self, language: $crate::Language) -> &'static str {
                match self { $(Self::$variant => language.pick($zh_title, $en_title),)+ }
            }

            /// What to do about it.
            pub const fn remedy(self, language: $crate::Language) -> &'static str {
                match self { $(Self::$variant => language.pick($zh_remedy, $en_remedy),)+ }
            }
        }

        #[cfg(test)]
        mod code_tests {
            use $crate::Language;

            use super::Code;

            #[test]
            fn every_code_speaks_both_languages_and_is_unique() {
                let mut words: Vec<_> = Code::ALL.iter().map(|c| c.as_str()).collect();
                words.sort_unstable();
                words.dedup();
                assert_eq!(words.len(), Code::ALL.len());
                for code in Code::ALL {
                    assert!(code.title(Language::English).is_ascii(), "{}", code.as_str());
                    assert!(!code.title(Language::Chinese).is_ascii(), "{}", code.as_str());
                    assert!(!code.remedy(Language::Chinese).is_ascii(), "{}", code.as_str());
                    assert!(!code.remedy(Language::English).is_empty(), "{}", code.as_str());
                    assert!((400..600).contains(&code.status()), "{}", code.as_str());
                }
            }
        }
    };
}
