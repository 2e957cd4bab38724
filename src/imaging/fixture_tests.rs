//! The page finder on the committed photographs, against their true corners.

use std::fs;
use std::path::PathBuf;

use crate::geometry::{Homography, distance};
use crate::{
    Crop, ImageError, PageOptions, PaperSize, QualityIssue, decode, find_page, make_page, thumbnail,
};
use yidang_model::Quad;

const NAMES: [&str; 3] = ["01-form", "02-certificate", "03-letter"];

fn desk(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "fixtures", "desk", name].iter().collect()
}

fn frame(name: &str) -> Vec<u8> {
    fs::read(desk(&format!("{name}.jpg"))).unwrap()
}

fn truth(name: &str) -> Quad {
    let text = fs::read_to_string(desk(&format!("{name}.corners.toml"))).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let numbers: Vec<f32> = table["corners"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|p| p.as_array().unwrap().iter().map(|v| v.as_float().unwrap() as f32))
        .collect();
    std::array::from_fn(|i| [numbers[2 * i], numbers[2 * i + 1]])
}

/// Intersection over union, by counting points of a fine lattice.
fn overlap(a: &Quad, b: &Quad) -> f32 {
    let inside = |quad: &Quad, p: [f32; 2]| {
        (0..4).all(|i| {
            let (from, to) = (quad[i], quad[(i + 1) % 4]);
            (to[0] - from[0]) * (p[1] - from[1]) >= (to[1] - from[1]) * (p[0] - from[0])
        })
    };
    let (mut both, mut either) = (0, 0);
    for i in 0..600 * 450 {
        let p = [(i % 600) as f32 * 3.84, (i / 600) as f32 * 3.84];
        let (in_a, in_b) = (inside(a, p), inside(b, p));
        both += i32::from(in_a && in_b);
        either += i32::from(in_a || in_b);
    }
    both as f32 / either as f32
}

#[test]
fn pages_on_the_desk_are_found_where_they_lie() {
    for name in NAMES {
        let truth = truth(name);
        let found = find_page(&decode(&frame(name)).unwrap()).unwrap();
        assert!(overlap(&truth, &found.corners) >= 0.945, "{name}: {found:?}");
        let diagonal = distance(truth[0], truth[2]);
        let worst = truth.iter().zip(&found.corners).map(|(a, b)| distance(*a, *b)).fold(0.0, f32::max);
        assert!(worst < diagonal * 0.01, "{name}: a corner is off by {worst} px");
        assert!(found.confidence >= 0.6, "{name}: {}", found.confidence);
    }
}

#[test]
fn a_bare_mat_has_no_page_and_keeps_its_bytes() {
    let bytes = frame("bare-mat");
    let result = make_page(&bytes, &PageOptions::default()).unwrap();
    assert_eq!(result.corners, None);
    assert_eq!(result.confidence, 0.0);
    assert!(result.page.bytes == bytes);
}

#[test]
fn a_straightened_page_has_the_proportions_of_a4_and_is_coarse_at_most() {
    for (name, upright) in [("01-form", true), ("02-certificate", false)] {
        let result = make_page(&frame(name), &PageOptions::default()).unwrap();
        let (w, h) = (result.page.width as f32, result.page.height as f32);
        let aspect = if upright { h / w } else { w / h };
        assert!((aspect - 2.0_f32.sqrt()).abs() < 0.01, "{name}: {w} x {h}");
        // Four megapixels over a whole desk are some 127 dpi.
        assert!((110.0..150.0).contains(&result.quality.dpi.unwrap()), "{name}: {:?}", result.quality);
        let issues: Vec<QualityIssue> = result.quality.issues.iter().map(|i| i.issue).collect();
        assert_eq!(issues, [QualityIssue::LowResolution], "{name}: {:?}", result.quality);
        assert_eq!(result.paper_size, Some(PaperSize::A4));
    }
}

#[test]
fn dpi_and_turns_set_the_size() {
    let options = PageOptions { dpi: Some(150), rotate: 1, ..PageOptions::default() };
    let page = make_page(&frame("01-form"), &options).unwrap().page;
    assert_eq!((page.width, page.height), (1754, 1240));
}

#[test]
fn the_same_frame_gives_the_same_page_on_every_thread() {
    let bytes = frame("03-letter");
    let make = || make_page(&bytes, &PageOptions::default()).unwrap().page.bytes;
    let pages: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(make)).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(pages.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_page_out_of_focus_is_called_blurred() {
    let sharp = decode(&frame("01-form")).unwrap();
    let soft = decode(&thumbnail(&sharp, 230).unwrap()).unwrap();
    let whole: Quad = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];
    let map = Homography::from_unit_square(&whole).unwrap();
    let mut rgb = Vec::new();
    for i in 0..2304 * 1728 {
        let [u, v] = map.apply(f64::from(i % 2304) / 2304.0, f64::from(i / 2304) / 1728.0);
        rgb.extend(soft.sample(u * soft.width() as f32, v * soft.height() as f32).map(|c| c as u8));
    }
    let soft = crate::Picture::new(2304, 1728, rgb).unwrap();
    let page = crate::rectify(&soft, &truth("01-form"), 0, None).unwrap();
    assert!(crate::judge(&page).has(QualityIssue::Blurred));
}

#[test]
fn corners_from_the_caller_are_checked() {
    let bytes = frame("01-form");
    let good = truth("01-form");
    let make =
        |corners| make_page(&bytes, &PageOptions { crop: Crop::Corners(corners), ..PageOptions::default() });
    assert_eq!(make(good).unwrap().corners, Some(good));
    let mut crossed = good;
    crossed.swap(0, 1);
    let mut outside = good;
    outside[2] = [4000.0, 1600.0];
    let mut endless = good;
    endless[1][0] = f32::NAN;
    for bad in [crossed, outside, endless, [[5.0, 5.0]; 4]] {
        assert_eq!(make(bad).unwrap_err(), ImageError::BadCorners);
    }
}
