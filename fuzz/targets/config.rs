//! The agent's configuration file, any bytes.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use yidang_agent::{Config, DriverNames};

/// One file for each process, in memory where the system has such a folder.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let shared = PathBuf::from("/dev/shm");
    let folder = if shared.is_dir() { shared } else { std::env::temp_dir() };
    folder.join(format!("yidang-fuzz-{}.toml", std::process::id()))
});

const DRIVERS: DriverNames<'_> = DriverNames { card: &["pcsc", "simulated"], camera: &["simulated"] };

fuzz_target!(|data: &[u8]| {
    std::fs::write(&*FILE, data).expect("the file is written");
    match Config::load(Some(&FILE), [], DRIVERS) {
        Ok(config) => {
            assert!(config.listen.ip().is_loopback(), "listens to the world");
            assert!(config.data_dir.is_absolute() && config.keys_dir.is_absolute());
            assert!(!config.keys_dir.starts_with(&config.data_dir), "keys beside the data");
            assert!(
                config.card_photo_decoder.is_none_or(|program| program.is_absolute()),
                "a program by name"
            );
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
