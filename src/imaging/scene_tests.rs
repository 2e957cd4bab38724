//! The page finder on the small drawn scenes of `fixtures/scenes`, against their true corners.

use std::fs;
use std::path::PathBuf;

use yidang_model::Quad;

use crate::geometry::{distance, intersection_over_union};
use crate::{Found, PAGES_MAX, Sight, decode, find_page, find_pages, look_for_page};

/// What the file beside a scene says.
struct Truth {
    name: String,
    pages: Vec<Quad>,
    is_cut: bool,
}

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "fixtures", "scenes"].iter().collect()
}

fn quad(points: &toml::Value) -> Quad {
    let number = |i: usize, c: usize| points[i][c].as_float().unwrap() as f32;
    std::array::from_fn(|i| [number(i, 0), number(i, 1)])
}

fn truths() -> Vec<Truth> {
    let mut truths = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let Some(name) = file.strip_suffix(".corners.toml") else { continue };
        let table: toml::Table = fs::read_to_string(folder().join(&file)).unwrap().parse().unwrap();
        let one = table.get("corners").map(|points| vec![quad(points)]);
        let several = table.get("pages").map(|pages| pages.as_array().unwrap().iter().map(quad).collect());
        truths.push(Truth {
            name: name.to_owned(),
            pages: one.or(several).unwrap_or_default(),
            is_cut: table.contains_key("cut"),
        });
    }
    truths.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(truths.len() >= 24, "only {} scenes", truths.len());
    truths
}

fn frame(truth: &Truth) -> crate::Picture {
    decode(&fs::read(folder().join(format!("{}.jpg", truth.name))).unwrap()).unwrap()
}

/// Whether the found figure covers the true one and its corners are near the true ones.
fn fits(truth: &Quad, found: &Quad) -> bool {
    let limit = distance(truth[0], truth[2]) * 0.02;
    let near = |turn: usize| (0..4).all(|i| distance(truth[i], found[(i + turn) % 4]) < limit);
    intersection_over_union(truth, found) >= 0.945 && (0..4).any(near)
}

/// A scene of several papers that the finder gets wrong. It must at least doubt what it says of them.
const DOUBTED: &str = "096-stack-several";
/// Below this confidence a person is asked to look.
const SURE: f32 = 0.6;

#[test]
fn a_page_is_found_on_every_mat() {
    for truth in truths().iter().filter(|truth| truth.pages.len() == 1) {
        let found = find_page(&frame(truth)).unwrap_or_else(|| panic!("{}: nothing found", truth.name));
        assert!(fits(&truth.pages[0], &found.corners), "{}: {:?} {found:?}", truth.name, truth.pages[0]);
        // The order is the truth's: the page as it lies. On a turn of an eighth either start is right.
        let start = distance(truth.pages[0][0], found.corners[0]);
        let side = distance(truth.pages[0][0], truth.pages[0][1]);
        let (a, b) = (truth.pages[0][0], truth.pages[0][1]);
        let is_level = (b[1] - a[1]).abs() < 0.9 * (b[0] - a[0]).abs();
        assert!(!is_level || start < side * 0.1, "{}: starts at another corner", truth.name);
    }
}

#[test]
fn an_empty_mat_and_a_cut_page_give_no_page() {
    let mut seen = [0, 0];
    for truth in truths().iter().filter(|truth| truth.pages.is_empty()) {
        let sight = look_for_page(&frame(truth));
        let right = if truth.is_cut { sight == Sight::Cut } else { !matches!(sight, Sight::Page(_)) };
        assert!(right, "{}: {sight:?}", truth.name);
        seen[usize::from(truth.is_cut)] += 1;
    }
    assert!(seen[0] >= 3 && seen[1] >= 3, "{seen:?} empty and cut scenes");
}

#[test]
fn several_papers_are_told_apart() {
    let truths = truths();
    let several: Vec<&Truth> = truths.iter().filter(|truth| truth.pages.len() > 1).collect();
    assert!(several.len() >= 3);
    for truth in several {
        let frame = frame(truth);
        let found = find_pages(&frame, PAGES_MAX);
        if truth.name == DOUBTED {
            let is_wrong = |f: &&Found| !truth.pages.iter().any(|page| fits(page, &f.corners));
            assert!(found.iter().filter(is_wrong).all(|f| f.confidence < SURE), "{}: {found:?}", truth.name);
            continue;
        }
        assert_eq!(found.len(), truth.pages.len(), "{}: {found:?}", truth.name);
        for page in &truth.pages {
            assert!(found.iter().any(|f| fits(page, &f.corners)), "{}: {page:?} {found:?}", truth.name);
        }
        assert_eq!(find_pages(&frame, 1).len(), 1);
        assert_eq!(find_pages(&frame, 0), []);
    }
}
