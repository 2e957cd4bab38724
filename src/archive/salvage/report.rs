//! What a rebuild came to, as it is printed: stable words, nothing personal.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::gaps::Harm;
use crate::report_words::lost_hold_words;
use crate::{Speaker, Wording};

/// Most ranges and places named; the rest are counted.
pub(super) const RANGES_MAX: usize = 100;

/// What a rebuild came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebuildReport {
    /// Whether nothing is known to be lost.
    pub complete: bool,
    /// The ledger.
    pub ledger: LedgerRebuild,
    /// The keyring.
    pub keyring: KeyringRebuild,
    /// Materials on file whose keys are lost: nobody can open them here any more.
    pub materials_lost: u64,
    /// Captures that no entry files and whose keys are lost: they waited, or the entry that filed them is lost.
    pub captures_lost: u64,
    /// Holds that stood by the index, now or when the ledger was found to be an older one, and whose entries are nowhere any more:
    /// to be placed again. Named until the holds are confirmed.
    pub holds_lost: Vec<String>,
    /// Whether a hold may be among what is lost, and nobody has confirmed yet that those that stand are all there are.
    pub holds_unproven: bool,
    /// What the repository remembers of the ledger: `anchored` (it has that entry), `behind` (it lacks it), `differs`, or
    /// why that is not known: `no_repository`, `not_enrolled`, `repository_unreachable` …
    pub repository: String,
    /// Folder below the data folder where what was found damaged lies now, as it was.
    pub aside: Option<String>,
}

/// What became of the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerRebuild {
    /// `unchanged`, `rebuilt` or `lost`.
    pub state: String,
    /// Entries there are now, apart from the one that says that it was rebuilt.
    pub entries: u64,
    /// The last one's sequence.
    pub head: u64,
    /// Those out of the ledger's own file.
    pub from_ledger: u64,
    /// Out of its second copy.
    pub from_copy: u64,
    /// Out of what an earlier rebuild moved aside.
    pub from_aside: u64,
    /// Entries that were there and are nowhere any more: first and last of each stretch.
    pub lost: Vec<(u64, u64)>,
    /// How many in all.
    pub lost_count: u64,
    /// Entries of the ledger's own file that were changed or do not follow from the one before; they stay as they are.
    pub breaks: Vec<u64>,
    /// Entries of copies that follow from none that is here: left out.
    pub unproven: u64,
    /// Whole entries of the ledger's own file or of its second copy that are not in the ledger now, as it has others in
    /// their places, or as they follow from none of its own: one of the two went another way.
    pub displaced: u64,
    /// Entries that file what was erased since by an entry that is lost or went another way: left out.
    pub withheld: u64,
    /// The last entry that anything remembers.
    pub known_head: u64,
    /// What remembers it: `ledger`, `index`, `copy` or `repository`.
    pub known_by: String,
    /// All of it, as it is entered.
    #[serde(skip)]
    pub(super) harm: Harm,
}

/// What became of the keyring.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyringRebuild {
    /// `unchanged`, `rebuilt` or `lost`.
    pub state: String,
    /// Keys there are now.
    pub keys: u64,
    /// Those out of the keyring's own file.
    pub from_keyring: u64,
    /// Out of its second copy.
    pub from_copy: u64,
    /// Out of what an earlier rebuild moved aside.
    pub from_aside: u64,
    /// Keys of people who are forgotten and of captures that are used up: left out.
    pub forgotten: u64,
    /// Keys that the epoch's key does not open.
    pub unopened: u64,
    /// Whether the store's name was lost and it has another.
    pub renamed: bool,
    /// The store's own keys that are nowhere any more.
    pub missing: Vec<String>,
}

impl LedgerRebuild {
    /// Whether the repository remembers another entry than is here, or did when an earlier rebuild asked it.
    pub(super) fn differs(&self) -> bool {
        self.harm.differs_at().is_some()
    }

    /// Counts the entries from one to before another as lost.
    pub(super) fn lose(&mut self, from: u64, before: u64) {
        if from < before {
            self.lost_count += before - from;
            self.harm.lose(from, before - 1);
            if self.lost.len() < RANGES_MAX {
                self.lost.push((from, before - 1));
            }
        }
    }
}

impl RebuildReport {
    pub(super) fn lacks_nothing(&self) -> bool {
        let Self { ledger, keyring, .. } = self;
        ledger.state != "lost"
            && ledger.lost_count + ledger.displaced == 0
            && !ledger.differs()
            && ledger.breaks.is_empty()
            && keyring.state != "lost"
            && self.materials_lost + self.captures_lost == 0
            && self.holds_lost.is_empty()
            && !self.holds_unproven
    }

    /// The whole report, lines of text, as this program tells it.
    pub fn readable(&self, speaker: Speaker, wording: Wording) -> String {
        let zh = wording == Wording::Chinese;
        let mut text = String::new();
        self.ledger.write_to(&mut text, zh);
        self.keyring.write_to(&mut text, zh);
        let lost = self.materials_lost;
        let _ = if zh {
            writeln!(text, "密钥丢失、无法再打开的材料：{lost}。")
        } else {
            writeln!(text, "materials whose keys are lost: {lost}.")
        };
        if speaker == Speaker::Window {
            let known = wording.reason(&self.repository);
            let _ = if zh {
                writeln!(text, "中心库所记：{known}。")
            } else {
                writeln!(text, "what the repository remembers: {known}.")
            };
        }
        self.write_captures(&mut text, speaker, zh);
        self.write_holds(&mut text, speaker, wording);
        if let Some(aside) = &self.aside {
            let _ = if zh {
                writeln!(text, "损坏的原文件保存在 {aside}。")
            } else {
                writeln!(text, "what was damaged lies in {aside}.")
            };
        }
        text
    }
}

impl RebuildReport {
    /// What waited to become part of a paper, or became part of one that no entry tells of, and cannot be opened any more.
    fn write_captures(&self, text: &mut String, speaker: Speaker, zh: bool) {
        let captures = self.captures_lost;
        if captures == 0 {
            return;
        }
        let _ = match (speaker, zh) {
            (Speaker::Window, true) => {
                writeln!(
                    text,
                    "密钥丢失、找不到归档条目的拍摄：{captures}。账本如有缺失，它们可能已经归档：请先查阅当事人档案，已传到中心库的材料仍可查阅；查不到的再重新拍摄。拍摄到期后自动清除，在此之前 yidang archive verify 仍列为损坏；也可用 DELETE /v1/captures/编号 提前删除。"
                )
            }
            (Speaker::Window, false) => writeln!(
                text,
                "captures that no entry files, whose keys are lost: {captures}. where entries are lost, they may have been filed: look at the dossiers first, which show what the repository was sent, and capture again what is not in them. these go by themselves when they expire; until then `yidang archive verify` names them as damaged, unless they are deleted with `DELETE /v1/captures/ID`."
            ),
            (Speaker::Repository, true) => {
                writeln!(
                    text,
                    "密钥丢失、找不到归档条目的窗口上传图片：{captures} 组。账本如有缺失，它们可能已经归档，窗口会再次上传；它们到期后自动清除，在此之前 yidang-repository check 仍列为损坏。"
                )
            }
            (Speaker::Repository, false) => writeln!(
                text,
                "uploads that no entry files, whose keys are lost: {captures}. where entries are lost, they may have been filed, and their window sends them again. these go by themselves when they expire; until then `yidang-repository check` names them as damaged."
            ),
        };
    }

    /// What was held and may not be any more.
    fn write_holds(&self, text: &mut String, speaker: Speaker, wording: Wording) {
        let zh = wording == Wording::Chinese;
        let hold = match speaker {
            Speaker::Window => "yidang archive hold",
            Speaker::Repository => "yidang-repository hold",
        };
        for id in &self.holds_lost {
            let _ = writeln!(text, "{}", lost_hold_words(id, wording));
        }
        if self.holds_unproven {
            let _ = if zh {
                writeln!(
                    text,
                    "缺失的内容中可能有依法保全：请用 {hold} list 与有关文书核对，缺的重新设置，再运行 {hold} confirm --operator 姓名 确认；在此之前不予删除和处置。"
                )
            } else {
                writeln!(
                    text,
                    "a legal hold may be among what is lost: compare `{hold} list` with the orders that were made, place what is missing, and say so with `{hold} confirm --operator NAME`. nothing is forgotten before."
                )
            };
        }
    }
}

/// What became of a store, in words.
fn state_words(word: &str, zh: bool) -> &str {
    match (zh, word) {
        (true, "unchanged") => "完好，未作改动",
        (true, "rebuilt") => "已重建",
        (true, _) => "无法恢复",
        (false, word) => word,
    }
}

impl LedgerRebuild {
    fn write_to(&self, text: &mut String, zh: bool) {
        let Self { entries, from_ledger, from_copy, from_aside, lost_count, .. } = self;
        let _ = if zh {
            writeln!(
                text,
                "账本：{}。条目 {entries}（残余 {from_ledger}，副本 {from_copy}，旧残余 {from_aside}），缺失 {lost_count}。",
                state_words(&self.state, zh)
            )
        } else {
            writeln!(
                text,
                "ledger: {}. {entries} entries ({from_ledger} from its own file, {from_copy} from its copy, {from_aside} from earlier remains), {lost_count} lost.",
                state_words(&self.state, zh)
            )
        };
        for (from, to) in &self.lost {
            let _ = if zh {
                writeln!(text, "  缺失：第 {from} 至 {to} 条")
            } else {
                writeln!(text, "  lost: entries {from} to {to}")
            };
        }
        self.write_replaced(text, zh);
        self.write_loss(text, zh);
        for place in &self.breaks {
            let _ = if zh {
                writeln!(text, "  第 {place} 条被改动或与前一条不衔接")
            } else {
                writeln!(text, "  entry {place} was changed or does not follow from the one before")
            };
        }
    }

    /// What an older ledger in its place did.
    fn write_replaced(&self, text: &mut String, zh: bool) {
        if self.displaced > 0 {
            let displaced = self.displaced;
            let _ = if zh {
                writeln!(
                    text,
                    "  账本原文件或其副本中有 {displaced} 条未留在账本中：账本曾被换成较早的一份，两者此后各走各路。两者都移到旁边，下一次删除会清除它们。"
                )
            } else {
                writeln!(
                    text,
                    "  {displaced} entries of its own file or of its second copy are not in it any more: an older ledger had been put in its place, and the two went different ways. both are moved aside, and the next erasure removes them."
                )
            };
        }
        if let Some(place) = self.harm.differs_at() {
            let _ = if zh {
                writeln!(
                    text,
                    "  中心库曾记得的第 {place} 条与此处不同：账本曾被换成较早的一份，此后又记了新的；原来在那里的内容已丢失。"
                )
            } else {
                writeln!(
                    text,
                    "  the repository remembered another entry {place}: an older ledger had been put in its place and went on. what was there before is lost."
                )
            };
        }
    }

    /// What may still be done about what is lost.
    fn write_loss(&self, text: &mut String, zh: bool) {
        if self.entries == 0 && self.lost_count > 0 {
            let _ = if zh {
                writeln!(
                    text,
                    "  没有可用来重建账本的内容；缺了账本，此数据文件夹无法再打开，重建也无用。请保留它，另选 data_dir 新建档案；窗口请用写明窗口名称的登记码重新登记，已送达中心库的材料仍在中心库。"
                )
            } else {
                writeln!(
                    text,
                    "  nothing is left that a ledger could be made of, and without one this folder opens no more, nor does a rebuild help. keep it, and name another data_dir, where an archive is founded anew; a window enrols with a code for its counter: what it had sent is at the repository."
                )
            };
        } else if self.lost_count > 0 || self.differs() {
            let _ = if zh {
                writeln!(text, "  缺失已记入账本，无需再次重建；审计查询会提示可能不全。")
            } else {
                writeln!(
                    text,
                    "  the ledger tells of it now: rebuilding again brings no more, and audits say that they may lack it."
                )
            };
        }
    }
}

impl KeyringRebuild {
    fn write_to(&self, text: &mut String, zh: bool) {
        let Self { keys, from_keyring, from_copy, from_aside, forgotten, unopened, .. } = self;
        let _ = if zh {
            writeln!(
                text,
                "密钥环：{}。密钥 {keys}（残余 {from_keyring}，副本 {from_copy}，旧残余 {from_aside}），因删除或用完而略去 {forgotten}，打不开 {unopened}。",
                state_words(&self.state, zh)
            )
        } else {
            writeln!(
                text,
                "keyring: {}. {keys} keys ({from_keyring} from its own file, {from_copy} from its copy, {from_aside} from earlier remains), {forgotten} forgotten, {unopened} not opened.",
                state_words(&self.state, zh)
            )
        };
        for purpose in &self.missing {
            let _ =
                if zh { writeln!(text, "  缺失：{purpose}") } else { writeln!(text, "  lost: {purpose}") };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_program_names_its_own_commands_and_what_it_has() {
        let mut report = RebuildReport { captures_lost: 2, holds_unproven: true, ..RebuildReport::default() };
        report.repository = "repository_unreachable".to_owned();
        report.ledger.lost_count = 1;
        let told = |speaker, wording| report.readable(speaker, wording);
        let (zh, en) =
            (told(Speaker::Repository, Wording::Chinese), told(Speaker::Repository, Wording::English));
        for text in [&zh, &en] {
            assert!(text.contains("yidang-repository hold list"), "{text}");
            assert!(!text.contains("yidang archive"), "{text}");
        }
        assert!(
            !en.contains("capture again")
                && !en.contains("DELETE")
                && en.contains("`yidang-repository check` names them")
                && !en.contains("repository remembers"),
            "{en}"
        );
        assert!(!zh.contains("重新拍摄") && !zh.contains("中心库所记"), "{zh}");
        let (zh, en) = (told(Speaker::Window, Wording::Chinese), told(Speaker::Window, Wording::English));
        assert!(
            en.contains("yidang archive hold confirm") && en.contains("capture again what is not in them"),
            "{en}"
        );
        for text in [&zh, &en] {
            let ways_out = ["DELETE /v1/captures/", "yidang archive verify"];
            assert!(ways_out.iter().all(|way| text.contains(way)), "{text}");
        }
        assert!(zh.contains("可能已经归档") && en.contains("they may have been filed"), "{zh}{en}");
        assert!(zh.contains("yidang archive hold confirm") && zh.contains("中心库连接不上"), "{zh}");
        assert!(!zh.contains("repository_unreachable"), "{zh}");
    }
}
