//! Any bytes as what lies in a camera's buffer: the one JPEG at their start, and what must not become part of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yidang_device::whole_jpeg;

/// Bytes of the Huffman tables that are put in where a camera leaves them out.
const TABLES_BYTES: usize = 420;

fuzz_target!(|bytes: &[u8]| {
    let Some(jpeg) = whole_jpeg(bytes) else { return };
    assert!(jpeg.starts_with(&[0xFF, 0xD8]) && jpeg.ends_with(&[0xFF, 0xD9]));
    assert!(jpeg.len() <= bytes.len() + TABLES_BYTES);
    assert_eq!(whole_jpeg(&jpeg).as_ref(), Some(&jpeg), "a whole picture stays what it is");
    // The bytes again, as an earlier picture's behind this one.
    let longer = [bytes, bytes].concat();
    assert_eq!(whole_jpeg(&longer), Some(jpeg), "what lies behind a picture is no part of it");
});
