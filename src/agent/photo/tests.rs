//! Decoders that do what decoders should not, run for real. `decoder.sh` does it, by the name it is run by.

use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use super::sandbox::Sandbox;
use super::*;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/photo/decoder.sh");

/// A decoder of this name, in a folder of its own that lasts as long as it.
struct Bench {
    _folder: tempfile::TempDir,
    decoder: PhotoDecoder,
}

fn bench(name: &str, sandbox: Sandbox) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join(name);
    symlink(SCRIPT, &program).unwrap();
    std::fs::write(folder.path().join("picture"), bmp()).unwrap();
    Bench { _folder: folder, decoder: PhotoDecoder { program, sandbox } }
}

/// A drawn picture of a portrait's size: 24 bits, bottom-up, rows padded to four bytes.
fn bmp() -> Vec<u8> {
    let mut bytes = b"BM".to_vec();
    for word in [38862_u32, 0, 54, 40, 102, 126] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend([1, 0, 24, 0]);
    bytes.extend([0; 24]);
    for y in 0..126_u8 {
        bytes.extend((0..102_u8).flat_map(|x| [x, y, x ^ y]));
        bytes.extend([0; 2]);
    }
    bytes
}

fn decoded(name: &str, sandbox: Sandbox) -> Result<Vec<u8>, DecodeError> {
    bench(name, sandbox).decoder.decode(&[7; WLT_LENGTH_BYTES])
}

/// Both ways a program may be run here.
fn sandboxes() -> [Sandbox; 2] {
    [Sandbox::find(), Sandbox::without_namespaces()]
}

/// Whether namespaces are permitted; says so where a test can show nothing without them.
fn has_namespaces(test: &str) -> bool {
    let has = Sandbox::find().lacks().is_none();
    if !has {
        report_skipped(test);
    }
    has
}

fn report_skipped(test: &str) {
    // Past the runner, which keeps to itself what a passing test prints.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: this system permits no namespaces");
}

/// How many processes sleep for this odd time.
fn sleepers(seconds: &str) -> usize {
    let wanted = format!("sleep\0{seconds}\0");
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let commands = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    commands.filter(|command| command == wanted.as_bytes()).count()
}

/// Whether nobody sleeps that long any more: who was killed may be listed for a moment still.
fn are_gone(seconds: &str) -> bool {
    let until = Instant::now() + Duration::from_secs(2);
    while sleepers(seconds) > 0 {
        if Instant::now() > until {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

/// A time to sleep that no other test run uses.
fn odd_time(tenth: &str) -> String {
    format!("{}.{tenth}", 100_000 + std::process::id())
}

#[test]
fn a_good_decoders_picture_becomes_a_png_of_the_same_pixels() {
    for sandbox in sandboxes() {
        let png = decoded("good", sandbox).unwrap_or_else(|e| panic!("{e}"));
        let picture = yidang_imaging::decode(&png).unwrap();
        assert_eq!((picture.width(), picture.height()), (102, 126));
        let (x, y) = (10_u8, 20_u8);
        let at = 3 * (102 * usize::from(125 - y) + usize::from(x));
        assert_eq!(picture.rgb()[at..at + 3], [x ^ y, y, x]);
    }
}

#[test]
fn a_decoder_need_not_read_and_runs_bare_and_bounded() {
    for name in ["asks-for-nothing", "clean"] {
        for sandbox in sandboxes() {
            decoded(name, sandbox).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}

#[test]
fn a_decoder_that_wants_two_gigabytes_fails() {
    let error = decoded("large", Sandbox::find()).unwrap_err();
    assert!(matches!(error, DecodeError::Failed(status) if status.code() == Some(6)), "{error}");
}

#[test]
fn what_is_no_portrait_is_told() {
    for name in ["garbage", "nothing"] {
        let error = decoded(name, Sandbox::find()).unwrap_err();
        assert!(matches!(error, DecodeError::Picture(PortraitError::NotAnImage)), "{name}: {error}");
    }
    let error = decoded("flood", Sandbox::find()).unwrap_err();
    assert!(matches!(error, DecodeError::TooMuch), "{error}");
    let error = decoded("fails", Sandbox::find()).unwrap_err();
    assert_eq!(error.to_string(), "the photo decoder failed: exit status: 7");
}

#[test]
fn a_decoder_that_hangs_is_killed_in_time() {
    std::thread::scope(|scope| {
        for name in ["hang", "silent"] {
            for sandbox in sandboxes() {
                scope.spawn(move || {
                    let begun = Instant::now();
                    let error = decoded(name, sandbox).unwrap_err();
                    assert!(matches!(error, DecodeError::Time), "{name}: {error}");
                    let took = begun.elapsed();
                    // A loaded machine may be slow to bury it.
                    assert!(took >= DECODED_WITHIN && took < DECODED_WITHIN * 2, "{took:?}");
                });
            }
        }
    });
}

#[test]
fn children_that_are_left_behind_are_killed() {
    let time = odd_time("2");
    let begun = Instant::now();
    decoded(&format!("leaves-{time}"), Sandbox::without_namespaces()).unwrap_or_else(|e| panic!("{e}"));
    assert!(begun.elapsed() < DECODED_WITHIN, "the output that a child holds open was waited for");
    assert!(are_gone(&time));
}

#[test]
fn children_that_leave_the_group_are_killed_as_well() {
    if !has_namespaces("children_that_leave_the_group_are_killed_as_well") {
        return;
    }
    let time = odd_time("1");
    decoded(&format!("leaves-{time}"), Sandbox::find()).unwrap_or_else(|e| panic!("{e}"));
    assert!(are_gone(&time));
}

#[test]
fn a_bomb_is_over_when_the_time_is() {
    if !has_namespaces("a_bomb_is_over_when_the_time_is") {
        return;
    }
    let time = odd_time("3");
    let name = format!("bomb-{time}");
    std::thread::scope(|scope| {
        let bomb = scope.spawn(|| decoded(&name, Sandbox::find()));
        std::thread::sleep(DECODED_WITHIN / 2);
        assert!(sleepers(&time) > 40, "the bomb went off");
        assert!(matches!(bomb.join().unwrap(), Err(DecodeError::Time)));
    });
    // Killing is asked for and answered at once; the last of them may take the system a moment.
    let until = Instant::now() + Duration::from_secs(1);
    while sleepers(&time) > 0 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(are_gone(&time));
}

#[test]
fn a_decoder_reaches_no_network() {
    if !has_namespaces("a_decoder_reaches_no_network") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let name = format!("connects-{}", listener.local_addr().unwrap().port());
    let error = decoded(&name, Sandbox::find()).unwrap_err();
    assert!(matches!(error, DecodeError::Failed(_)), "{error}");
    assert!(listener.accept().is_err(), "somebody came through");
    // The same program reaches it when nothing keeps it from doing so.
    decoded(&name, Sandbox::without_namespaces()).unwrap_or_else(|e| panic!("{e}"));
    assert!(listener.accept().is_ok());
}

#[test]
fn a_program_that_cannot_be_run_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let reason = |path: &Path| PhotoDecoder::new(path.to_owned()).absent().unwrap_or_default();
    assert!(reason(&folder.path().join("none")).contains("none: No such file"));
    assert!(reason(folder.path()).ends_with("not a program"));
    let plain = folder.path().join("plain");
    std::fs::write(&plain, "").unwrap();
    assert!(reason(&plain).ends_with("allow it with chmod +x"));
    let error = PhotoDecoder::new(plain).decode(&[7; WLT_LENGTH_BYTES]).unwrap_err();
    assert!(matches!(error, DecodeError::NoDecoder(_)), "{error}");
}

#[test]
fn a_photo_of_another_length_reaches_no_decoder() {
    let error = bench("good", Sandbox::find()).decoder.decode(&[7; 1000]).unwrap_err();
    assert!(matches!(error, DecodeError::Length(1000)), "{error}");
}
