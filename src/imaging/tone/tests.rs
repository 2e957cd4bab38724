//! Tones on drawn pages.

use proptest::prelude::*;

use super::*;
use crate::{Format, decode, encode_page, inspect};

const WIDTH: usize = 420;
const HEIGHT: usize = 594;

/// A page of "text": short dark strokes in lines, on `paper`, drawn where `colour` says nothing else.
fn drawn(colour: impl Fn(usize, usize) -> Option<[u8; 3]>) -> Vec<[u8; 3]> {
    let text = |x: usize, y: usize| {
        (40..380).contains(&x)
            && (60..540).contains(&y)
            && y % 14 < 8
            && (x / 3 + y / 14 * 5).is_multiple_of(3)
    };
    (0..WIDTH * HEIGHT)
        .map(|i| {
            let (x, y) = (i % WIDTH, i / WIDTH);
            colour(x, y).unwrap_or(if text(x, y) { [38, 38, 42] } else { [236, 232, 220] })
        })
        .collect()
}

/// The drawn page under a light that differs from place to place.
fn lit(page: &[[u8; 3]], light: impl Fn(f32, f32) -> f32) -> Picture {
    let rgb = page.iter().enumerate().flat_map(|(i, pixel)| {
        let (x, y) = ((i % WIDTH) as f32 / WIDTH as f32, (i / WIDTH) as f32 / HEIGHT as f32);
        // A grain that is the same every time.
        let grain = ((i * 7919) % 13) as f32 - 6.0;
        pixel.map(|v| (f32::from(v) * light(x, y) + grain * 0.5).clamp(0.0, 255.0) as u8)
    });
    Picture::new(WIDTH as u32, HEIGHT as u32, rgb.collect()).unwrap()
}

/// An arm's shadow across the lower half, with a rim some 15 mm soft, and less light to the left.
fn arm(x: f32, y: f32) -> f32 {
    let away = ((x * 0.7 + y - 1.0).abs() - 0.10).max(0.0) / 0.06;
    (0.5 + 0.5 * away.min(1.0)) * (0.8 + 0.2 * x)
}

fn grey(toned: Toned) -> GreyPicture {
    match toned {
        Toned::Grey(grey) | Toned::BlackWhite(grey) => grey,
        Toned::Colour(_) => panic!("in colour"),
    }
}

#[test]
fn the_shadow_of_an_arm_goes() {
    let page = drawn(|_, _| None);
    let out = grey(set_tone(lit(&page, arm), Tone::Grey).unwrap());
    let paper: Vec<u8> =
        page.iter().zip(out.luma()).filter(|(from, _)| from[0] > 200).map(|(_, v)| *v).collect();
    let dull = paper.iter().filter(|v| **v < 215).count();
    assert!(dull * 100 < paper.len(), "{dull} of {} paper pixels stay dull", paper.len());
    let ink = page.iter().zip(out.luma()).filter(|(from, _)| from[0] < 100);
    assert!(ink.clone().all(|(_, v)| *v < 110), "{:?}", ink.map(|(_, v)| v).max());
}

#[test]
fn black_and_white_is_the_drawn_page_again() {
    let page = drawn(|x, y| ((100..200).contains(&x) && (200..260).contains(&y)).then_some([30, 30, 30]));
    let out = grey(set_tone(lit(&page, arm), Tone::BlackWhite).unwrap());
    assert!(out.luma().iter().all(|v| matches!(v, 0 | 255)));
    let wrong = page.iter().zip(out.luma()).filter(|(from, v)| (from[0] < 100) != (**v == 0)).count();
    assert!(wrong * 1000 < page.len(), "{wrong} dots differ");
}

#[test]
fn blank_paper_has_no_pepper() {
    let blank = vec![[236, 232, 220]; WIDTH * HEIGHT];
    let out = grey(set_tone(lit(&blank, arm), Tone::BlackWhite).unwrap());
    assert_eq!(out.luma().iter().filter(|v| **v == 0).count(), 0);
}

#[test]
fn a_photograph_on_the_page_keeps_its_tones() {
    let portrait = |x: usize, y: usize| (60..170).contains(&x) && (80..230).contains(&y);
    let face = |x: usize, y: usize| {
        let v = (60.0 + 50.0 * ((x as f32) * 0.05).sin() + 40.0 * ((y as f32) * 0.03).cos()) as u8;
        [v.saturating_add(40), v.saturating_add(12), v]
    };
    let page = drawn(|x, y| portrait(x, y).then(|| face(x, y)));
    let out = whiten(&lit(&page, |_, _| 0.8));
    for (x, y) in [(70, 90), (100, 150), (115, 155), (160, 220)] {
        let (from, to) = (face(x, y), out.pixel(x, y));
        let expected = from.map(|v| f32::from(v) * 255.0 / 228.0);
        for c in 0..3 {
            assert!((f32::from(to[c]) - expected[c]).abs() < 45.0, "{x},{y}: {from:?} became {to:?}");
        }
    }
}

#[test]
fn a_seal_stays_red_blue_ink_blue_and_print_black() {
    let ring = |x: usize, y: usize| {
        let r = (x as f32 - 300.0).hypot(y as f32 - 450.0);
        (48.0..56.0).contains(&r)
    };
    let pen = |x: usize, y: usize| (60..200).contains(&x) && (560..565).contains(&y);
    let page = drawn(|x, y| ring(x, y).then_some([196, 52, 48]).or(pen(x, y).then_some([40, 52, 130])));
    let Toned::Colour(out) = set_tone(lit(&page, arm), Tone::Seal).unwrap() else { panic!("not in colour") };
    let [r, g, b] = out.pixel(300, 398);
    assert!(r > 150 && g < 110 && b < 110, "stamp {r} {g} {b}");
    let [r, _, b] = out.pixel(120, 562);
    assert!(b > r + 40, "pen {r} {b}");
    assert!(out.pixel(10, 10).iter().all(|v| *v >= 250), "{:?}", out.pixel(10, 10));
    let print = page.iter().zip(out.rgb().chunks_exact(3)).filter(|(from, _)| **from == [38, 38, 42]);
    let [mut all, mut black] = [0, 0];
    for (_, to) in print {
        all += 1;
        black += usize::from(to.iter().all(|v| *v < 40));
    }
    assert!(black * 100 > all * 97, "{black} of {all} are black");
}

#[test]
fn every_tone_and_format_is_read_back() {
    let page = drawn(|_, _| None);
    for tone in Tone::ALL {
        let toned = set_tone(lit(&page, arm), tone).unwrap();
        assert_eq!(set_tone(lit(&page, arm), tone).unwrap(), toned);
        for format in [Format::default(), Format::Png] {
            let file = encode_page(&toned, format).unwrap();
            assert_eq!(encode_page(&toned, format).unwrap(), file);
            assert_eq!(inspect(&file.bytes).unwrap().media_type, file.media_type);
            let back = GreyPicture::of(&decode(&file.bytes).unwrap());
            let expected = match &toned {
                Toned::Colour(picture) => GreyPicture::of(picture),
                Toned::Grey(grey) | Toned::BlackWhite(grey) => grey.clone(),
            };
            let off =
                back.luma().iter().zip(expected.luma()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>();
            assert!(off < 4 * back.luma().len() as u64, "{tone} {format:?}: {off}");
        }
    }
}

#[test]
fn words_name_tones() {
    for tone in Tone::ALL {
        assert_eq!(tone.as_str().parse(), Ok(tone));
    }
    assert_eq!("sepia".parse::<Tone>(), Err(UnknownTone));
}

proptest! {
    #[test]
    fn no_picture_panics(
        (width, height, rgb) in (1_u32..40, 1_u32..40).prop_flat_map(|(w, h)| {
            (Just(w), Just(h), proptest::collection::vec(any::<u8>(), (w * h * 3) as usize))
        }),
        tone in proptest::sample::select(&Tone::ALL),
    ) {
        let page = Picture::new(width, height, rgb).unwrap();
        let toned = set_tone(page, tone).unwrap();
        prop_assert_eq!((toned.width(), toned.height()), (width, height));
        for format in [Format::default(), Format::Png] {
            prop_assert!(encode_page(&toned, format).is_ok());
        }
    }
}
