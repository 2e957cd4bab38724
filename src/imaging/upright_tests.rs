//! Pages printed with the system's fonts, turned every way.

use std::io::Write as _;

use ab_glyph::{Font, FontVec, PxScale, ScaleFont, point};
use proptest::prelude::*;

use crate::{Orientation, Picture, Upright, upright};

const CHINESE: &str = "兹有本社区居民，自二〇一九年三月起租住青禾路十八号，与家人共同居住至今。因房屋系单位统一安排，\
    未能单独签订租赁合同，现由本社区说明居住事实。该户邻里和睦，按时缴纳水电费用，居住期间无违规情形。\
    申请人承诺：以上所填内容真实、准确、完整，如有不实，愿承担相应责任；受理单位应当在五个工作日内审核，\
    并将结果告知申请人。材料不齐的，应当一次告知需要补正的全部内容。";
const LATIN: &str = "The applicant confirms that all statements are true, complete and correct. Papers that are \
    missing, damaged, or unreadable must be handed in again within five days. The office keeps a copy, and gives the \
    original back. Questions are answered at the counter, by telephone, or in writing. ";

fn font(paths: &[&str]) -> Option<FontVec> {
    paths.iter().find_map(|path| FontVec::try_from_vec_and_index(std::fs::read(path).ok()?, 0).ok())
}

fn chinese() -> Option<FontVec> {
    font(&[
        "/usr/share/fonts/truetype/arphic/uming.ttc",
        "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc",
        "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    ])
}

fn latin() -> Option<FontVec> {
    font(&[
        "/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf",
        "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    ])
}

/// A4 at 150 dpi, its lines filled with the text from the given character on.
fn printed(font: &FontVec, text: &str, from: usize, size: f32, lines: usize) -> Picture {
    let (width, height) = (1_240_usize, 1_754_usize);
    let mut page = vec![232_u8; width * height];
    let scale = PxScale::from(size);
    let scaled = font.as_scaled(scale);
    let mut characters = text.chars().cycle().skip(from);
    for line in 0..lines {
        let base = 170.0 + line as f32 * size * 1.6;
        let mut x = 130.0;
        while x < 1_080.0 && base < 1_640.0 {
            let Some(character) = characters.next() else { break };
            let id = font.glyph_id(character);
            if let Some(outline) = font.outline_glyph(id.with_scale_and_position(scale, point(x, base))) {
                let bounds = outline.px_bounds();
                outline.draw(|dx, dy, cover| {
                    let at =
                        (bounds.min.y as usize + dy as usize) * width + bounds.min.x as usize + dx as usize;
                    page[at] = page[at].min((232.0 - 190.0 * cover.min(1.0)) as u8);
                });
            }
            x += scaled.h_advance(id);
        }
    }
    Picture::new(width as u32, height as u32, page.into_iter().flat_map(|v| [v; 3]).collect()).unwrap()
}

/// Turned clockwise.
fn turned(page: &Picture, quarter_turns: u8) -> Picture {
    let ways =
        [Orientation::Upright, Orientation::Clockwise, Orientation::HalfTurn, Orientation::CounterClockwise];
    page.clone().oriented(ways[usize::from(quarter_turns)])
}

/// Right answers, wrong answers and none, of pages printed in this font.
fn tally(font: &FontVec, text: &str) -> [usize; 3] {
    let mut tally = [0; 3];
    for page in 0..6_usize {
        let size = 24.0 + (page % 4) as f32 * 5.0;
        let page = printed(font, text, page * 17, size, [40, 14, 7][page % 3]);
        for turns in 0..4 {
            match upright(&turned(&page, turns)) {
                None => tally[2] += 1,
                Some(Upright { quarter_turns, .. }) if (quarter_turns + turns) % 4 == 0 => tally[0] += 1,
                Some(_) => tally[1] += 1,
            }
        }
    }
    tally
}

#[test]
fn printed_pages_are_stood_up_and_none_on_its_head() {
    for (name, font, text) in [("chinese", chinese(), CHINESE), ("latin", latin(), LATIN)] {
        let Some(font) = font else {
            // Past the runner, which keeps to itself what a passing test prints.
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED printed_pages_are_stood_up_and_none_on_its_head: there is no {name} font"
            );
            continue;
        };
        let [right, wrong, none] = tally(&font, text);
        assert_eq!(wrong, 0, "{name}: {right} right, {none} not told");
        assert!(right >= 16, "{name}: {right} right, {none} not told");
    }
}

#[test]
fn blank_paper_and_stripes_tell_nothing() {
    let page = |ink: fn(usize, usize) -> bool| {
        let dots = (0..400 * 560).flat_map(|i| [if ink(i % 400, i / 400) { 30 } else { 230 }; 3]);
        Picture::new(400, 560, dots.collect()).unwrap()
    };
    assert_eq!(upright(&page(|_, _| false)), None);
    assert_eq!(upright(&page(|_, y| y % 20 < 6)), None);
    assert_eq!(upright(&page(|x, y| (x / 10 + y / 10) % 2 == 0)), None);
}

proptest! {
    #[test]
    fn no_picture_panics(
        (width, height, rgb) in (1_u32..60, 1_u32..60).prop_flat_map(|(w, h)| {
            (Just(w), Just(h), proptest::collection::vec(any::<u8>(), (w * h * 3) as usize))
        }),
    ) {
        if let Some(found) = upright(&Picture::new(width, height, rgb).unwrap()) {
            prop_assert!(found.quarter_turns < 4 && (0.0..=1.0).contains(&found.confidence));
        }
    }
}
