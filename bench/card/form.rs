//! The readers that are measured.

use std::fmt;

use yidang_pcsc::{PcscDriver, Profiles};
use yidang_virtual_reader::{Card, Content, Door, Module, Parts, VirtualReader};

use crate::Failure;

/// A way to a card's content.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Six pages and the chip's serial.
    Paged,
    /// The security module's frames in escape calls, on a reader that shows no cards.
    Escape,
}

impl Form {
    pub(crate) const ALL: [Self; 2] = [Self::Paged, Self::Escape];

    pub(crate) fn equip(self, reader: &VirtualReader) {
        if self == Self::Escape {
            reader.install(Module::new(Door::Control(1, None), Parts::ALL));
            reader.hide_cards();
        }
    }

    pub(crate) fn driver(self) -> Result<PcscDriver, Failure> {
        let folder = tempfile::tempdir()?;
        let profile = "presence = \"find\"\n[match]\nreaders = [\"Yidang Virtual Reader*\"]\n\
                       [control]\ncode = 1\nshare = \"direct\"\n";
        if self == Self::Escape {
            std::fs::write(folder.path().join("escape.toml"), profile)?;
        }
        Ok(PcscDriver::with_profiles(Profiles::with_folder(folder.path())?))
    }

    /// A card without anybody's data.
    pub(crate) fn card(self) -> Card {
        let (text, photo_wlt) = ([b' '; 256], vec![0x55; 1024]);
        match self {
            Self::Paged => Card::with_module(&text, &photo_wlt, [7; 8]),
            Self::Escape => {
                let content = Content { text, photo_wlt, new_address: None, fingerprint: vec![] };
                Card::with_content(content, [7; 8])
            }
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Paged => "paged",
            Self::Escape => "escape",
        })
    }
}
