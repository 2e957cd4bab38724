//! The page finder on drawn figures with known corners, and on desks without a page.

use proptest::prelude::*;
use yidang_model::Quad;

use crate::geometry::distance;
use crate::{
    ImageError, PAGES_MAX, PageOptions, Picture, Sight, find_page, find_pages, look_for_page, make_page,
    rectify,
};

const WIDTH: u32 = 800;
const HEIGHT: u32 = 600;

/// Noise of a few levels that is the same on every run.
fn grain(x: u32, y: u32) -> f32 {
    let h = (x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77)).wrapping_mul(0x2c1b_3c6d);
    (h >> 16) as f32 / 65_536.0 * 8.0 - 4.0
}

fn drawn(colour: impl Fn(f32, f32) -> [f32; 3]) -> Picture {
    let mut rgb = Vec::new();
    for (y, x) in (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (y, x))) {
        let mut sum = [0.0; 3];
        for (dx, dy) in [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)] {
            let c = colour(x as f32 + dx, y as f32 + dy);
            sum.iter_mut().zip(c).for_each(|(s, c)| *s += c / 4.0);
        }
        rgb.extend(sum.map(|c| (c + grain(x, y)).clamp(0.0, 255.0) as u8));
    }
    Picture::new(WIDTH, HEIGHT, rgb).unwrap()
}

fn inside(quad: &Quad, x: f32, y: f32) -> bool {
    (0..4).all(|i| {
        let (from, to) = (quad[i], quad[(i + 1) % 4]);
        (to[0] - from[0]) * (y - from[1]) >= (to[1] - from[1]) * (x - from[0])
    })
}

fn grid(x: f32, y: f32) -> [f32; 3] {
    let line = x.rem_euclid(40.0) < 1.5 || y.rem_euclid(40.0) < 1.5;
    if line { [90.0, 170.0, 150.0] } else { [30.0, 90.0, 80.0] }
}

fn assert_found(picture: &Picture, truth: &Quad) {
    let found = find_page(picture).unwrap();
    let limit = distance(truth[0], truth[2]) * 0.01;
    for (a, b) in truth.iter().zip(&found.corners) {
        assert!(distance(*a, *b) < limit, "{truth:?} {found:?}");
    }
}

#[test]
fn a_sheet_on_a_grid_is_found_and_the_grid_alone_is_not() {
    let quad = [[231.3, 60.8], [590.1, 78.4], [611.7, 540.2], [204.9, 520.6]];
    let white = [232.0, 230.0, 224.0];
    assert_found(&drawn(|x, y| if inside(&quad, x, y) { white } else { grid(x, y) }), &quad);
    assert_eq!(find_page(&drawn(grid)), None);
}

#[test]
fn a_dark_sheet_on_a_light_desk_is_found() {
    let quad = [[150.0, 110.0], [640.0, 95.0], [655.0, 470.0], [140.0, 480.0]];
    let picture = drawn(|x, y| if inside(&quad, x, y) { [120.0, 30.0, 36.0] } else { [205.0, 198.0, 180.0] });
    assert_found(&picture, &quad);
}

#[test]
fn bare_desks_have_no_page() {
    let plain = |_: f32, _: f32| [120.0, 118.0, 112.0];
    let shadow = |x: f32, y: f32| {
        let shade = 1.0 - 0.5 * (-((x - 400.0).powi(2) + (y - 300.0).powi(2)) / 30_000.0).exp();
        [150.0 * shade, 148.0 * shade, 140.0 * shade]
    };
    let gradient = |x: f32, y: f32| [60.0 + x * 0.15, 60.0 + y * 0.2, 70.0 + x * 0.1];
    let wood = |x: f32, y: f32| {
        let ring = 12.0 * (y * 0.13 + (x * 0.01).sin() * 3.0).sin();
        [190.0 + ring, 150.0 + ring, 105.0 + ring]
    };
    for picture in [drawn(plain), drawn(shadow), drawn(gradient), drawn(wood)] {
        assert_eq!(find_page(&picture), None);
    }
}

#[test]
fn a_sheet_that_runs_out_of_the_frame_is_not_guessed() {
    let quad = [[300.0, -40.0], [700.0, -30.0], [720.0, 500.0], [290.0, 510.0]];
    let ruled = |x: f32, y: f32| {
        let frame = (340.0..660.0).contains(&x) && (60.0..440.0).contains(&y);
        let inner = (343.0..657.0).contains(&x) && (63.0..437.0).contains(&y);
        if frame && !inner { [40.0; 3] } else { [230.0; 3] }
    };
    let picture = drawn(|x, y| if inside(&quad, x, y) { ruled(x, y) } else { [50.0, 52.0, 60.0] });
    assert_eq!(find_page(&picture), None);
}

#[test]
fn the_smallest_pictures_have_no_page() {
    for (width, height) in [(1, 1), (1, 700), (3, 2), (16, 16)] {
        let picture = Picture::new(width, height, vec![128; (width * height * 3) as usize]).unwrap();
        assert_eq!(find_page(&picture), None);
    }
}

#[test]
fn a_sheet_that_runs_out_of_the_frame_is_told() {
    let quad = [[300.0, -40.0], [700.0, -30.0], [720.0, 500.0], [290.0, 510.0]];
    let picture = drawn(|x, y| if inside(&quad, x, y) { [228.0; 3] } else { [50.0, 52.0, 60.0] });
    assert_eq!(look_for_page(&picture), Sight::Cut);
    assert_eq!(find_pages(&picture, PAGES_MAX), []);
}

#[test]
fn a_ruled_frame_inside_a_sheet_is_not_the_sheet() {
    let quad = [[120.0, 60.0], [690.0, 70.0], [700.0, 545.0], [110.0, 535.0]];
    let ruled = |x: f32, y: f32| {
        let frame = (150.0..660.0).contains(&x) && (95.0..510.0).contains(&y);
        let inner = (153.0..657.0).contains(&x) && (98.0..507.0).contains(&y);
        if frame && !inner { [40.0; 3] } else { [222.0; 3] }
    };
    let picture = drawn(|x, y| if inside(&quad, x, y) { ruled(x, y) } else { [168.0, 150.0, 120.0] });
    assert_found(&picture, &quad);
}

#[test]
fn the_sheet_on_top_is_found_not_both_together() {
    let below = [[150.0, 90.0], [600.0, 70.0], [620.0, 430.0], [170.0, 450.0]];
    let top = [[210.0, 150.0], [655.0, 160.0], [645.0, 520.0], [200.0, 510.0]];
    let picture = drawn(|x, y| {
        let outside = !inside(&top, x, y);
        // The narrow shadow at the upper sheet's sides.
        let seam = outside
            && inside(&top.map(|[x, y]| [400.0 + (x - 400.0) * 1.015, 335.0 + (y - 335.0) * 1.015]), x, y);
        let paper = inside(&below, x, y) || !outside;
        let base = if paper { [232.0, 231.0, 226.0] } else { [96.0, 84.0, 70.0] };
        if seam { base.map(|c: f32| c * 0.82) } else { base }
    });
    assert_found(&picture, &top);
}

#[test]
fn a_finger_over_a_corner_does_not_move_it() {
    let quad = [[180.0, 90.0], [600.0, 100.0], [610.0, 500.0], [170.0, 490.0]];
    let finger =
        |x: f32, y: f32| (x - 612.0).hypot(y - 505.0) < 34.0 || (x > 612.0 && (y - 505.0).abs() < 34.0);
    let picture = drawn(|x, y| match () {
        () if finger(x, y) => [206.0, 158.0, 132.0],
        () if inside(&quad, x, y) => [230.0; 3],
        () => [84.0, 92.0, 104.0],
    });
    assert_found(&picture, &quad);
}

#[test]
fn papers_come_in_reading_order() {
    let at = |x: f32, y: f32| [[x, y], [x + 190.0, y + 4.0], [x + 186.0, y + 124.0], [x - 4.0, y + 120.0]];
    let quads = [at(90.0, 90.0), at(480.0, 70.0), at(110.0, 380.0), at(500.0, 400.0)];
    let on_paper = |x: f32, y: f32| quads.iter().any(|quad| inside(quad, x, y));
    let picture = drawn(|x, y| if on_paper(x, y) { [226.0; 3] } else { [60.0, 70.0, 82.0] });
    let found = find_pages(&picture, PAGES_MAX);
    assert_eq!(found.len(), 4);
    for (quad, found) in quads.iter().zip(&found) {
        assert!(quad.iter().zip(&found.corners).all(|(a, b)| distance(*a, *b) < 4.0), "{quad:?} {found:?}");
    }
    assert_eq!(find_pages(&picture, 2).len(), 2);
}

#[test]
fn a_dozen_slips_are_told_apart() {
    // Four by three, each turned a little, with lines of writing: at a glance they are one patch.
    let corner = |slip: usize, dx: f32, dy: f32| {
        let (sine, cosine) = ((slip % 5) as f32 * 0.02 - 0.04).sin_cos();
        let middle = [(slip % 4) as f32 * 200.0 + 100.0, (slip / 4) as f32 * 200.0 + 100.0];
        [middle[0] + dx * cosine - dy * sine, middle[1] + dx * sine + dy * cosine]
    };
    let quads: Vec<Quad> = (0..12)
        .map(|i| [[-70.0, -75.0], [70.0, -75.0], [70.0, 75.0], [-70.0, 75.0]].map(|[x, y]| corner(i, x, y)))
        .collect();
    let ink: Vec<Quad> = (0..72)
        .map(|i| {
            let top = (i % 6) as f32 * 22.0 - 60.0;
            let right = 50.0 - (i % 7) as f32 * 11.0;
            [[-55.0, top], [right, top], [right, top + 7.0], [-55.0, top + 7.0]]
                .map(|[x, y]| corner(i / 6, x, y))
        })
        .collect();
    let on = |all: &[Quad], x: f32, y: f32| all.iter().any(|quad| inside(quad, x, y));
    let picture = drawn(|x, y| match () {
        () if !on(&quads, x, y) => [62.0, 66.0, 74.0],
        () if on(&ink, x, y) => [90.0; 3],
        () => [231.0; 3],
    });
    let found = find_pages(&picture, PAGES_MAX);
    assert_eq!(found.len(), 12, "{found:?}");
    for (quad, found) in quads.iter().zip(&found) {
        assert!(quad.iter().zip(&found.corners).all(|(a, b)| distance(*a, *b) < 4.0), "{quad:?} {found:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn no_picture_is_too_strange(
        (width, height) in prop_oneof![(1_u32..4, 1_u32..900), (1_u32..900, 1_u32..4), (1_u32..160, 1_u32..160)],
        seed in any::<u32>(),
        levels in 1_u32..=256,
    ) {
        let mut state = seed;
        let rgb = (0..width * height * 3).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 16) % levels * 255 / levels.max(2).saturating_sub(1).max(1)).min(255) as u8
        });
        let picture = Picture::new(width, height, rgb.collect()).unwrap();
        for page in find_pages(&picture, PAGES_MAX) {
            prop_assert!(rectify(&picture, &page.corners, 0, None).is_ok());
            prop_assert!(page.corners.iter().flatten().all(|v| v.is_finite()));
            prop_assert!((0.0..=1.0).contains(&page.confidence));
        }
    }
}

/// What looks like a page of ten pixels is none, instead of one that cannot be straightened.
#[test]
fn a_frame_with_a_figure_of_a_few_pixels_is_kept_whole() -> Result<(), ImageError> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 70);
    encoder.set_restart_interval(3);
    let pixel = |i: u32| ((i % 48 * 5) ^ (i / 48 * 3)) as u8;
    let rgb: Vec<u8> = (0..48 * 48).flat_map(|i| [pixel(i), pixel(i + 9), pixel(i * 3)]).collect();
    encoder.encode(&rgb, 48, 48, jpeg_encoder::ColorType::Rgb).expect("the picture is written");
    // Two changed bytes that leave it readable and draw a figure.
    bytes[1159] = 0;
    bytes[1151] = 0xa9;
    let page = make_page(&bytes, &PageOptions::default())?;
    assert!(page.corners.is_none());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn a_sheet_is_found_wherever_it_lies(
        turn in -0.6_f32..0.6,
        (x, y) in (380.0_f32..420.0, 290.0_f32..310.0),
        lean in -25.0_f32..25.0,
    ) {
        let (sin, cos) = turn.sin_cos();
        let corner = |u: f32, v: f32| [x + u * cos - v * sin, y + u * sin + v * cos];
        let quad = [
            corner(-140.0 - lean, -190.0),
            corner(140.0 + lean, -190.0),
            corner(140.0 - lean, 190.0),
            corner(-140.0 + lean, 190.0),
        ];
        let page = |x: f32, y: f32| if inside(&quad, x, y) { [225.0; 3] } else { [70.0, 62.0, 58.0] };
        assert_found(&drawn(page), &quad);
    }
}
