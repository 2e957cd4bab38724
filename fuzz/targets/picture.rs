//! Any bytes as a picture. Large claims are legal and slow, and pass by.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yidang_imaging::{PageOptions, inspect, make_page};

const PIXELS_MAX: u64 = 200_000;

fuzz_target!(|data: &[u8]| {
    let Ok(header) = inspect(data) else { return };
    if u64::from(header.width) * u64::from(header.height) > PIXELS_MAX {
        return;
    }
    if let Ok(page) = make_page(data, &PageOptions::default()) {
        assert_eq!(page.header, header);
        assert!(inspect(&page.page.bytes).is_ok(), "a page that is no picture");
    }
});
