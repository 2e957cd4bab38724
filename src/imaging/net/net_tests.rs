//! The page net's arithmetic against the plain way of doing it, and what it says of a photograph.

use proptest::prelude::*;

use super::layers::{Convolution, Maps, Reader};
use super::product::{Kernels, Then};
use super::{CLOSE_PX, GLANCE_PX, Of, PageNet, WEIGHTS, look_at};
use crate::{Picture, decode};

/// Numbers between -1 and 1 that are the same on every run.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed | 1;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(next).collect()
}

fn photograph(name: &str) -> Picture {
    let path = format!("{}/../../fixtures/desk/{name}.jpg", env!("CARGO_MANIFEST_DIR"));
    decode(&std::fs::read(path).unwrap()).unwrap()
}

/// A convolution by its definition.
fn convolved(planes: &Maps, weights: &[f32], bias: &[f32], side: usize, step: usize) -> Vec<f32> {
    let (width, height) = (planes.width / step, planes.height / step);
    let before = (side - 1) / 2;
    let value = |channel: usize, x: usize, y: usize| {
        let (Some(x), Some(y)) = (x.checked_sub(before), y.checked_sub(before)) else { return 0.0 };
        if x < planes.width && y < planes.height {
            planes.values[(channel * planes.height + y) * planes.width + x]
        } else {
            0.0
        }
    };
    let mut out = Vec::new();
    for (to, bias) in bias.iter().enumerate() {
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            let mut sum = *bias;
            for (from, dy, dx) in (0..planes.channels)
                .flat_map(|c| (0..side).flat_map(move |dy| (0..side).map(move |dx| (c, dy, dx))))
            {
                let weight = weights[((to * planes.channels + from) * side + dy) * side + dx];
                sum += weight * value(from, x * step + dx, y * step + dy);
            }
            out.push(sum);
        }
    }
    out
}

fn assert_close(a: &[f32], b: &[f32], what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() < 1e-3, "{what}, value {i}: {a} and {b}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_convolution_is_what_its_definition_says(
        (channels, outputs) in (1_usize..7, 1_usize..11),
        (width, height) in (1_usize..13, 1_usize..9),
        (side, step) in prop_oneof![Just((1, 1)), Just((3, 2)), Just((2, 2)), Just((3, 1))],
        seed: u32,
    ) {
        let (width, height) = (width * step, height * step);
        let values = numbers(channels * width * height, seed);
        let planes = Maps { channels, width, height, values };
        let weights = numbers(outputs * channels * side * side, seed ^ 7);
        let bias = numbers(outputs, seed ^ 9);
        let want = convolved(&planes, &weights, &bias, side, step);
        let convolution = Convolution::new(&weights, bias, side, step);
        for kernels in Kernels::all() {
            let got = convolution.run(&planes, Then::Store, kernels);
            assert_close(&got.values, &want, "sums");
            let got = convolution.run(&planes, Then::Rectify, kernels);
            let want: Vec<f32> = want.iter().map(|v| v.max(0.0)).collect();
            assert_close(&got.values, &want, "nothing below zero");
        }
    }
}

#[test]
fn a_block_looks_at_each_channel_and_adds_to_what_was_there() {
    let (channels, width, height, side) = (3, 11, 6, 5);
    let halves = |values: &[f32]| -> Vec<u8> {
        values.iter().flat_map(|v| ((v.to_bits() >> 16) as u16).to_le_bytes()).collect()
    };
    let kept = |values: Vec<f32>| -> Vec<f32> {
        values.into_iter().map(|v| f32::from_bits(v.to_bits() >> 16 << 16)).collect()
    };
    let sizes = [
        channels * side * side,
        channels,
        2 * channels * channels,
        2 * channels,
        2 * channels * channels,
        channels,
    ];
    let parts: Vec<Vec<f32>> = sizes.iter().zip(1..).map(|(size, seed)| kept(numbers(*size, seed))).collect();
    let bytes: Vec<u8> = parts.iter().flat_map(|part| halves(part)).collect();
    let block = Reader::new(&bytes).block(channels, side);
    let planes = Maps { channels, width, height, values: numbers(channels * width * height, 5) };
    let mut around = Vec::new();
    for channel in 0..channels {
        let area = width * height;
        let one =
            Maps { channels: 1, width, height, values: planes.values[channel * area..][..area].to_vec() };
        let weights = &parts[0][channel * side * side..][..side * side];
        around.extend(convolved(&one, weights, &parts[1][channel..=channel], side, 1));
    }
    let around = Maps { channels, width, height, values: around };
    let wide = convolved(&around, &parts[2], &parts[3], 1, 1).into_iter().map(|v| v.max(0.0)).collect();
    let wide = Maps { channels: 2 * channels, width, height, values: wide };
    let narrow = convolved(&wide, &parts[4], &parts[5], 1, 1);
    let want: Vec<f32> = planes.values.iter().zip(narrow).map(|(a, b)| a + b).collect();
    for kernels in Kernels::all() {
        assert_close(&block.run(planes.clone(), kernels).values, &want, "block");
    }
}

#[test]
fn every_processor_sees_the_same() {
    let net = PageNet::of(WEIGHTS);
    let frame = photograph("01-form");
    let all = Kernels::all();
    let seen: Vec<_> = all.into_iter().map(|kernels| net.look_at(&frame, GLANCE_PX, kernels)).collect();
    let (fused, portable) = seen.split_at(seen.len() - 1);
    for of in [Of::Page, Of::Side, Of::Corner] {
        for seen in fused {
            assert_close(portable[0].all(of), seen.all(of), &format!("{of:?}"));
            // With AVX-512 not a bit is different from what it is with AVX2.
            assert_eq!(fused[0].all(of), seen.all(of), "{of:?}");
        }
    }
}

#[test]
fn a_page_is_seen_where_it_lies_and_nothing_on_a_bare_mat() {
    let seen = look_at(&photograph("01-form"), CLOSE_PX);
    let (width, height) = (seen.cell[0] * seen.size[0] as f32, seen.cell[1] * seen.size[1] as f32);
    assert!(seen.at(Of::Page, [width / 2.0, height / 2.0]) > 0.9);
    assert!(seen.at(Of::Page, [2.0, 2.0]) < 0.1);
    let bare = look_at(&photograph("bare-mat"), CLOSE_PX);
    let page = bare.all(Of::Page);
    assert!(page.iter().filter(|page| **page > 0.5).count() < page.len() / 20);
}

#[test]
fn pictures_of_any_shape_can_be_looked_at() {
    for [width, height] in [[1, 1], [1, 900], [900, 1], [7, 5], [320, 180], [333, 517], [5000, 16]] {
        let grey = vec![90; (width * height * 3) as usize];
        let seen = look_at(&Picture::new(width, height, grey).unwrap(), CLOSE_PX);
        assert!(seen.size.iter().all(|places| (4..=80).contains(places)), "{width} x {height}");
        let everywhere = [Of::Page, Of::Side, Of::Corner].into_iter().flat_map(|of| seen.all(of));
        assert!(everywhere.into_iter().all(|value| (0.0..=1.0).contains(value)), "{width} x {height}");
    }
}
