//! What a clerk is told of a page that is hard to read.

use yidang_imaging::QualityIssue;

/// What is wrong and what to do about it, in one sentence: Chinese, then English.
pub(crate) const fn sentence(issue: QualityIssue) -> [&'static str; 2] {
    match issue {
        QualityIssue::Blurred => [
            "画面模糊，请等对焦完成、纸张不动后重拍。",
            "The picture is blurred; let the camera focus and keep the paper still, then capture again.",
        ],
        QualityIssue::TooDark => [
            "画面太暗，请打开补光灯后重拍。",
            "The picture is too dark; switch the lamp on and capture again.",
        ],
        QualityIssue::TooBright => [
            "画面太亮，浅色字迹可能丢失，请调暗灯光后重拍。",
            "The picture is too bright and pale writing may be lost; dim the lamp and capture again.",
        ],
        QualityIssue::Glare => [
            "有反光挡住内容，请移动纸张或灯光后重拍。",
            "A reflection hides a part; move the paper or the lamp and capture again.",
        ],
        QualityIssue::CutCorner => [
            "纸张缺角或超出画面，请把四个角都放进画面后重拍。",
            "A corner is cut off or folded; lay all four corners into the picture and capture again.",
        ],
        QualityIssue::Finger => [
            "手指挡住了纸张，请移开手后重拍。",
            "A finger covers a part; take the hand away and capture again.",
        ],
        QualityIssue::LowResolution => [
            "分辨率太低，小字可能看不清，请放低镜头或调高分辨率后重拍。",
            "The resolution is too low for small print; bring the camera closer or raise its resolution.",
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_issue_is_told_in_both_languages() {
        for issue in QualityIssue::ALL {
            let [chinese, english] = sentence(issue);
            assert!(!chinese.is_ascii() && english.is_ascii() && english.ends_with('.'), "{issue}");
        }
    }
}
