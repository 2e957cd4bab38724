//! Judging drawn pages that were degraded in one way each.

use proptest::prelude::*;

use crate::{
    Format, Issue, PageSetting, Picture, Quality, QualityIssue, Tone, decode, encode_jpeg, encode_page,
    judge, judge_page, runs_out_of_frame, set_tone,
};

/// A4 at 150 dpi.
const WIDTH: usize = 1_240;
const HEIGHT: usize = 1_754;

type Drawing = Vec<[f32; 3]>;

/// White paper with this many lines of something like characters: boxes with strokes in them, 3 mm high.
fn written(lines: usize) -> Drawing {
    let mut page = vec![[228.0, 226.0, 220.0]; WIDTH * HEIGHT];
    for line in 0..lines {
        for letter in 0..46 {
            for stroke in 0..4 {
                let seed = (line * 131 + letter * 17 + stroke * 7) % 23;
                let (left, top) = (120 + letter * 22, 140 + line * 34);
                let (across, at) = (seed % 2 == 0, 2 + seed * 3 % 15);
                for i in 0..18 {
                    for thick in 0..2 {
                        let (x, y) = if across { (i, at + thick) } else { (at + thick, i) };
                        page[(top + y) * WIDTH + left + x] = [40.0, 40.0, 44.0];
                    }
                }
            }
        }
    }
    page
}

/// Blurred `times` over by a kernel of three by three.
fn blurred(mut page: Drawing, times: usize) -> Drawing {
    for _ in 0..times {
        for step in [1, WIDTH] {
            let from = page.clone();
            for at in step..page.len() - step {
                page[at] = std::array::from_fn(|c| {
                    (from[at - step][c] + 2.0 * from[at][c] + from[at + step][c]) / 4.0
                });
            }
        }
    }
    page
}

fn picture(page: &Drawing) -> Picture {
    let rgb = page.iter().enumerate().flat_map(|(i, pixel)| {
        let grain = ((i * 7919) % 11) as f32 - 5.0;
        pixel.map(|v| (v + grain * 0.8).clamp(0.0, 255.0) as u8)
    });
    Picture::new(WIDTH as u32, HEIGHT as u32, rgb.collect()).unwrap()
}

/// The same page with everything at this distance from a place changed.
fn painted(mut page: Drawing, inside: impl Fn(f32, f32) -> bool, colour: [f32; 3]) -> Drawing {
    for (i, pixel) in page.iter_mut().enumerate() {
        if inside((i % WIDTH) as f32, (i / WIDTH) as f32) {
            *pixel = colour;
        }
    }
    page
}

fn judged(page: &Drawing) -> Quality {
    judge_page(&picture(page), &PageSetting { is_cut_out: true, runs_out_of_frame: false, dpi: Some(200.0) })
}

fn issues(page: &Drawing) -> Vec<&'static str> {
    judged(page).issues.iter().map(Issue::as_str).collect()
}

#[test]
fn full_sparse_and_blank_pages_are_fine() {
    for lines in [40, 3, 1, 0] {
        assert_eq!(issues(&written(lines)), [""; 0], "{lines} lines: {:?}", judged(&written(lines)));
    }
}

#[test]
fn blur_is_seen_on_full_and_on_sparse_pages_and_softness_is_not_blur() {
    for lines in [40, 1] {
        let soft = judged(&blurred(written(lines), 1));
        assert!(!soft.has(QualityIssue::Blurred), "{lines} lines: {soft:?}");
        let moved = judged(&blurred(written(lines), 40));
        assert!(moved.has(QualityIssue::Blurred), "{lines} lines: {moved:?}");
    }
}

#[test]
fn darkness_is_seen() {
    let dim = written(40).into_iter().map(|pixel| pixel.map(|v| v * 0.3)).collect();
    assert_eq!(issues(&dim), ["too_dark"], "{:?}", judged(&dim));
}

#[test]
fn too_much_light_is_seen_and_white_paper_in_black_and_white_is_none() {
    let lit = blurred(written(40), 1).into_iter().map(|pixel| pixel.map(|v| v * 1.3)).collect();
    assert_eq!(issues(&lit), ["too_bright"], "{:?}", judged(&lit));
    let bare = vec![[300.0; 3]; WIDTH * HEIGHT];
    assert_eq!(issues(&bare), ["too_bright"], "nothing tells that it is meant");
    let page = set_tone(picture(&written(40)), Tone::BlackWhite).unwrap();
    let bytes = encode_page(&page, Format::Png).unwrap().bytes;
    let page = decode(&bytes).unwrap();
    let frayed = decode(&encode_jpeg(&page, 85).unwrap()).unwrap();
    for page in [page, frayed] {
        let quality = judge(&page);
        assert!(quality.brightness > 0.985 && quality.issues.is_empty(), "{quality:?}");
    }
}

#[test]
fn a_lamp_on_the_writing_is_seen_and_a_speck_is_not() {
    let spot = |radius: f32| {
        painted(written(40), move |x, y| (x - 600.0).hypot(y - 700.0) < radius, [255.0; 3])
            .into_iter()
            .map(|p| if p == [255.0; 3] { [262.0; 3] } else { p.map(|v| v * 0.9) })
            .collect::<Drawing>()
    };
    assert_eq!(issues(&spot(90.0)), ["glare"], "{:?}", judged(&spot(90.0)));
    assert_eq!(issues(&spot(12.0)), [""; 0], "{:?}", judged(&spot(12.0)));
}

#[test]
fn a_thumb_on_the_rim_is_seen() {
    for colour in [[214.0, 160.0, 132.0], [150.0, 102.0, 78.0]] {
        let thumb = |x: f32, y: f32| {
            y > 1_650.0 - (60.0_f32.powi(2) - (x - 500.0).powi(2)).max(0.0).sqrt()
                && (440.0..560.0).contains(&x)
        };
        assert_eq!(issues(&painted(written(40), thumb, colour)), ["finger"]);
    }
    // A red stamp over the rim, and a brown rim of the desk.
    let stamp = |x: f32, y: f32| (x - 1_240.0).hypot(y - 900.0) < 120.0;
    assert_eq!(issues(&painted(written(40), stamp, [200.0, 50.0, 52.0])), [""; 0]);
    assert_eq!(issues(&painted(written(40), |x, _| x < 12.0, [150.0, 102.0, 78.0])), [""; 0]);
}

#[test]
fn a_folded_corner_is_seen_and_the_round_one_of_a_card_is_not() {
    let folded = |x: f32, y: f32| (1_240.0 - x) + y < 180.0;
    assert_eq!(issues(&painted(written(40), folded, [60.0, 70.0, 66.0])), ["cut_corner"]);
    let round = |x: f32, y: f32| x < 74.0 && y < 74.0 && (x - 74.0).hypot(y - 74.0) > 74.0;
    assert_eq!(issues(&painted(written(40), round, [60.0, 70.0, 66.0])), [""; 0]);
    let bar = |_: f32, y: f32| y < 120.0;
    assert_eq!(issues(&painted(written(40), bar, [170.0, 40.0, 40.0])), [""; 0]);
}

#[test]
fn a_page_that_runs_out_of_the_frame_is_cut() {
    let inside = [[10.0, 10.0], [90.0, 12.0], [88.0, 70.0], [9.0, 72.0]];
    assert!(!runs_out_of_frame(&inside, 100, 80));
    let mut outside = inside;
    outside[2] = [99.9, 70.0];
    assert!(runs_out_of_frame(&outside, 100, 80));
    let setting = PageSetting { is_cut_out: true, runs_out_of_frame: true, dpi: None };
    let quality = judge_page(&picture(&written(9)), &setting);
    assert!(quality.has(QualityIssue::CutCorner));
}

#[test]
fn a_coarse_page_says_how_coarse() {
    let setting = PageSetting { is_cut_out: true, runs_out_of_frame: false, dpi: Some(120.0) };
    let quality = judge_page(&picture(&written(40)), &setting);
    let coarse = Issue { issue: QualityIssue::LowResolution, value: 120.0, threshold: 150.0 };
    assert_eq!(quality.issues, [coarse]);
    assert_eq!(quality.measures().map(|m| m.issue), QualityIssue::ALL);
}

proptest! {
    #[test]
    fn no_picture_panics(
        (width, height, rgb) in (1_u32..70, 1_u32..70).prop_flat_map(|(w, h)| {
            (Just(w), Just(h), proptest::collection::vec(any::<u8>(), (w * h * 3) as usize))
        }),
        is_cut_out in any::<bool>(),
    ) {
        let page = Picture::new(width, height, rgb).unwrap();
        let quality = judge_page(&page, &PageSetting { is_cut_out, ..PageSetting::default() });
        for measured in quality.measures() {
            prop_assert!(measured.value.is_finite() && measured.value >= 0.0);
        }
    }
}
