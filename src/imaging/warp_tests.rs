//! Straightened pages against a slow and simple reference.

use proptest::prelude::*;
use yidang_model::Quad;

use crate::geometry::Homography;
use crate::picture::Pixels;
use crate::planes::Planes;
use crate::rectify::{Scale, rectify_planes, turned};
use crate::{Orientation, Picture, rectify};

const ORIENTATIONS: [Orientation; 8] = [
    Orientation::Upright,
    Orientation::Mirror,
    Orientation::HalfTurn,
    Orientation::Flip,
    Orientation::Transpose,
    Orientation::Clockwise,
    Orientation::Transverse,
    Orientation::CounterClockwise,
];
const SAMPLINGS: [Option<[usize; 2]>; 6] =
    [None, Some([1, 1]), Some([2, 1]), Some([2, 2]), Some([1, 2]), Some([4, 1])];

/// Planes of such a size and sampling whose samples a function of the plane and the place says.
fn planes(
    size: [usize; 2],
    sampling: Option<[usize; 2]>,
    orientation: Orientation,
    value: impl Fn(usize, f32, f32) -> f32,
) -> Planes {
    let mut bytes = Vec::new();
    let [across, down] = sampling.unwrap_or([1, 1]);
    let colour = [size[0].div_ceil(across), size[1].div_ceil(down)];
    let mut draw = |plane: usize, [width, height]: [usize; 2], each: [usize; 2]| {
        for (x, y) in (0..width * height).map(|i| (i % width, i / width)) {
            let place = |v: usize, each: usize| (v as f32 + 0.5) * each as f32;
            bytes.push(value(plane, place(x, each[0]), place(y, each[1])).clamp(0.0, 255.0) as u8);
        }
    };
    draw(0, [colour[0] * across, colour[1] * down], [1, 1]);
    if sampling.is_some() {
        draw(1, colour, [across, down]);
        draw(2, colour, [across, down]);
    }
    Planes::new(size, sampling, bytes, orientation).unwrap()
}

/// Waves long enough for every sampling.
fn waves(plane: usize, x: f32, y: f32) -> f32 {
    128.0 + 60.0 * (x * 0.11 + plane as f32).sin() + 60.0 * (y * 0.07 - x * 0.03).cos()
}

/// Mean squared difference to the frame's colours at the exact places, in levels of 255.
fn squared_error(frame: &Planes, quad: &Quad, page: &Picture) -> f64 {
    let map = Homography::from_unit_square(quad).unwrap();
    let (width, height) = (page.width() as usize, page.height() as usize);
    let mut sum = 0.0;
    for (x, y) in (0..width * height).map(|i| (i % width, i / width)) {
        let [u, v] = [(x as f64 + 0.5) / width as f64, (y as f64 + 0.5) / height as f64];
        let [px, py] = map.apply(u, v);
        for (want, got) in frame.sample(px, py).iter().zip(page.pixel(x, y)) {
            sum += f64::from(want - f32::from(got)).powi(2);
        }
    }
    sum / (width * height * 3) as f64
}

#[test]
fn a_straightened_page_is_the_frame_seen_through_the_map() {
    let quad = [[41.0, 22.5], [188.3, 30.1], [201.7, 250.4], [23.9, 236.2]];
    for orientation in ORIENTATIONS {
        for sampling in SAMPLINGS {
            let size = if orientation.swaps_sides() { [277, 231] } else { [231, 277] };
            let frame = planes(size, sampling, orientation, waves);
            for turns in 0..4 {
                let page = rectify_planes(&frame, &quad, turns, Scale::default()).unwrap().to_picture();
                let mut turned = quad;
                turned.rotate_right(usize::from(turns));
                let error = squared_error(&frame, &turned, &page);
                // Below two levels at the most: the colours of the page have half its resolution.
                assert!(error < 4.0, "{orientation:?} {sampling:?} {turns}: {error}");
                turned.rotate_right(1);
                assert!(squared_error(&frame, &turned, &page) > 100.0);
            }
        }
    }
}

#[test]
fn what_gets_smaller_is_the_mean_of_what_it_covers() {
    // Columns of black and white, one pixel wide, come out grey and not in stripes.
    let frame = planes([1600, 1200], Some([2, 2]), Orientation::Upright, |plane, x, _| match plane {
        0 if (x as usize).is_multiple_of(2) => 0.0,
        0 => 255.0,
        _ => 128.0,
    });
    let quad = [[100.0, 100.0], [807.1, 100.0], [807.1, 1100.0], [100.0, 1100.0]];
    let page =
        rectify_planes(&frame, &quad, 0, Scale { dpi: Some(30), px_per_mm: None }).unwrap().to_picture();
    assert_eq!((page.width(), page.height()), (248, 351));
    assert!(page.rgb().iter().all(|v| (80..=176).contains(v)));
}

#[test]
fn a_turned_frame_keeps_every_pixel_of_brightness() {
    for orientation in ORIENTATIONS {
        let speckled = |_: usize, x: f32, y: f32| ((x * 37.0 + y * 91.0) as u32 * 73 % 251) as f32;
        let frame = planes([53, 38], None, orientation, speckled);
        for turns in 0..4 {
            let page = turned(&frame, turns).unwrap().to_picture();
            let turn = [
                Orientation::Upright,
                Orientation::Clockwise,
                Orientation::HalfTurn,
                Orientation::CounterClockwise,
            ];
            assert!(page == frame.to_picture().oriented(turn[usize::from(turns)]), "{orientation:?} {turns}");
        }
    }
}

#[test]
fn pictures_and_their_planes_give_the_same_page() {
    let frame = planes([400, 300], Some([1, 1]), Orientation::Upright, waves);
    let quad = [[41.0, 22.5], [288.3, 30.1], [301.7, 250.4], [23.9, 236.2]];
    let of_picture = rectify(&frame.to_picture(), &quad, 0, None).unwrap();
    let of_planes = rectify_planes(&frame, &quad, 0, Scale::default()).unwrap().to_picture();
    assert_eq!((of_picture.width(), of_picture.height()), (of_planes.width(), of_planes.height()));
    let pairs = of_picture.rgb().iter().zip(of_planes.rgb());
    let error =
        pairs.map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum::<f64>() / of_picture.rgb().len() as f64;
    assert!(error < 4.0, "{error}");
}

#[test]
fn small_pictures_of_planes_are_those_of_their_pixels() {
    for orientation in ORIENTATIONS {
        for sampling in SAMPLINGS {
            // Pale, so that every brightness and colour is one of red, green and blue.
            let pale = |plane, x, y| 128.0 + (waves(plane, x, y) - 128.0) * 0.3;
            let frame = planes([720, 512], sampling, orientation, pale);
            for longest in [360, 90, 45, 1] {
                let want = frame.to_picture().shrunk(longest);
                let small = frame.shrunk(longest);
                assert_eq!((small.width(), small.height()), (want.width(), want.height()));
                let pairs = small.rgb().iter().zip(want.rgb());
                let far = pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>();
                assert!(far <= 2 * small.rgb().len() as u64, "{orientation:?} {sampling:?} {longest}: {far}");
            }
        }
    }
}

#[test]
fn a_large_page_seen_aslant_is_the_frame_seen_through_the_map() {
    let frame = planes([1200, 1000], Some([2, 2]), Orientation::Upright, waves);
    // The far side is four fifths of the near one.
    let quad = [[140.0, 90.5], [1020.3, 40.1], [1130.7, 950.4], [30.9, 936.2]];
    let page = rectify_planes(&frame, &quad, 0, Scale::default()).unwrap().to_picture();
    assert!(page.width().min(page.height()) > 800);
    let error = squared_error(&frame, &quad, &page);
    assert!(error < 4.0, "{error}");
}

#[test]
fn a_pixel_of_planes_is_the_pictures() {
    for orientation in ORIENTATIONS {
        for sampling in SAMPLINGS {
            let pale = |plane, x, y| 128.0 + (waves(plane, x, y) - 128.0) * 0.3;
            let frame = planes([96, 64], sampling, orientation, pale);
            let want = frame.to_picture();
            let mut far = 0;
            for y in 0..frame.height() as usize {
                for x in 0..frame.width() as usize {
                    let pairs = frame.pixel(x, y).into_iter().zip(want.pixel(x, y));
                    far += pairs.map(|(a, b)| u64::from(a.abs_diff(b))).sum::<u64>();
                }
            }
            assert!(far <= 4 * want.rgb().len() as u64, "{orientation:?} {sampling:?}: {far}");
        }
    }
}

proptest! {
    #[test]
    fn any_corners_of_any_frame_make_a_page_or_an_error(
        size in [1_usize..90, 1_usize..90],
        sampling in 0..SAMPLINGS.len(),
        orientation in 0..ORIENTATIONS.len(),
        corners in proptest::array::uniform4([-20.0_f32..110.0, -20.0_f32..110.0]),
        turns in any::<u8>(),
        dpi in proptest::option::of(0_u32..80),
    ) {
        let frame = planes(size, SAMPLINGS[sampling], ORIENTATIONS[orientation], waves);
        if let Ok(page) = rectify_planes(&frame, &corners, turns, Scale { dpi, px_per_mm: None }) {
            prop_assert!(page.width() > 0 && page.height() > 0);
        }
        let page = turned(&frame, turns).unwrap();
        prop_assert_eq!(page.width() * page.height(), frame.width() * frame.height());
        frame.shrunk(1 + u32::from(turns));
    }
}
