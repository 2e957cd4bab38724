//! A blob's file: any bytes, and a sealed file that was changed at one place.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yidang_archive::fuzz::{open_blob, seal_blob};

fuzz_target!(|data: &[u8]| {
    assert!(open_blob(data).is_none(), "opened what nobody sealed");
    let Some(([high, low, change], plain)) = data.split_first_chunk::<3>() else { return };
    let mut file = seal_blob(plain);
    assert!(open_blob(&file).as_deref() == Some(plain), "a blob does not open to itself");
    let at = usize::from(u16::from_be_bytes([*high, *low])) % file.len();
    if *change == 0 {
        file.truncate(at);
    } else {
        file[at] ^= change;
    }
    assert!(open_blob(&file).is_none(), "opened a changed file");
});
