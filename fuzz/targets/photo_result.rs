//! What a photo decoder wrote: any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yidang_imaging::{PORTRAIT_SIDE_MAX_PX, PORTRAIT_SIDE_MIN_PX, decode, portrait};

fuzz_target!(|data: &[u8]| {
    let Ok(png) = portrait(data) else { return };
    let picture = decode(&png).expect("what was written anew is whole");
    let sides = PORTRAIT_SIDE_MIN_PX..=PORTRAIT_SIDE_MAX_PX;
    assert!(sides.contains(&picture.width()) && sides.contains(&picture.height()), "no portrait's size");
});
