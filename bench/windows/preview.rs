//! What a preview takes of the machine.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use yidang_imaging::{Picture, encode_jpeg};

use crate::window::Window;
use crate::{Failure, say};

const FORM: &[u8] = include_bytes!("../../fixtures/desk/01-form.jpg");
const LETTER: &[u8] = include_bytes!("../../fixtures/desk/03-letter.jpg");
const WIDTH: usize = 1920;
const HEIGHT: usize = 1080;
/// How often papers come and go on the desk that is not still.
const CHANGES_EVERY: Duration = Duration::from_millis(300);

pub(crate) fn preview(folder: &TempDir, seconds: u64) -> Result<(), Failure> {
    let frames = frames(folder.path(), WIDTH, HEIGHT)?;
    let window = Window::over_desk(folder.path(), "preview", &frames)?;
    window.lay(Some("form"))?;
    let read = Arc::new(AtomicU64::new(0));
    watch(&window, read.clone())?;
    std::thread::sleep(Duration::from_secs(3));
    let spent = |what: &str, meanwhile: &dyn Fn() -> Result<(), Failure>| {
        read.store(0, Ordering::SeqCst);
        let (before, began) = (window.process.processor_time()?, Instant::now());
        while began.elapsed() < Duration::from_secs(seconds) {
            meanwhile()?;
            std::thread::sleep(CHANGES_EVERY);
        }
        let (spent, span) = (window.process.processor_time()? - before, began.elapsed().as_secs_f64());
        let share = spent.as_secs_f64() / span * 100.0;
        let rate = read.load(Ordering::SeqCst) as f64 / span / 1e6;
        say(&format!("preview over {what}: {share:.1} % of one processor, {rate:.1} MB/s"))
    };
    spent("a still desk", &|| Ok(()))?;
    let turn = AtomicU64::new(0);
    spent("papers that come and go", &|| {
        window.lay(Some(["letter", "form"][turn.fetch_add(1, Ordering::SeqCst) as usize % 2]))
    })?;
    let memory = window.process.resident_bytes()? as f64 / 1e6;
    say(&format!("resident afterwards: {memory:.1} MB"))
}

/// The desk's pictures in this size, in a folder of their own.
pub(crate) fn frames(folder: &Path, width: usize, height: usize) -> Result<PathBuf, Failure> {
    let frames = folder.join("frames");
    fs::create_dir(&frames)?;
    for (name, picture) in [("form", FORM), ("letter", LETTER)] {
        let picture = yidang_imaging::decode(picture)?;
        fs::write(frames.join(format!("{name}.jpg")), encode_jpeg(&sized(&picture, width, height)?, 85)?)?;
    }
    Ok(frames)
}

/// The whole picture, each new pixel the nearest one.
fn sized(picture: &Picture, width: usize, height: usize) -> Result<Picture, Failure> {
    let (from_w, from_h) = (picture.width() as usize, picture.height() as usize);
    // As large as it fits, on a mat of the picture's own corner.
    let scale = (width as f64 / from_w as f64).min(height as f64 / from_h as f64);
    let mut rgb = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            let (x, y) = ((x as f64 / scale) as usize, (y as f64 / scale) as usize);
            let at = if x < from_w && y < from_h { (y * from_w + x) * 3 } else { 0 };
            rgb.extend_from_slice(&picture.rgb()[at..at + 3]);
        }
    }
    Picture::new(width as u32, height as u32, rgb).ok_or_else(|| "no picture".into())
}

/// Reads a preview on a thread of its own, as fast as it comes; counts its bytes.
pub(crate) fn watch(window: &Window, read: Arc<AtomicU64>) -> Result<(), Failure> {
    let host = window.process.url.strip_prefix("http://").ok_or("no address")?.to_owned();
    let mut stream = TcpStream::connect(&host)?;
    let url = window.ticket()?;
    stream.write_all(format!("GET {url} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes())?;
    std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 20];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            read.fetch_add(count as u64, Ordering::SeqCst);
        }
    });
    Ok(())
}
