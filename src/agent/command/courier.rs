//! `yidang courier`.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;
use yidang_sync::parcel::{ParcelError, read_header};

use super::output::{say, say_json};
use super::progress::Bar;
use super::reach;
use super::whole_file::{WholeFile, resolved};
use crate::config::Config;
use crate::control::{CourierNews, CourierRequest, News, Outcome, RECEIPT_BYTES_MAX, Request};
use crate::failure::Failure;

/// Longest file of FAT32, in which sticks come.
const SIZE_MAX_DEFAULT: u64 = u32::MAX as u64;
/// Least that `--max-bytes` may say.
const SIZE_MAX_LEAST: u64 = 64 << 10;

const OFFERED_AGAIN: &str = "the repository lacks what it had confirmed, as one that was put back from a backup: pack again, and \
     everything is offered to it again; nothing is filed twice\n  \
     中心库缺少曾经确认过的内容，如同从备份恢复而来：请重新打包，全部材料会重新送交，不会重复入库。";

/// Told where the repository remembers another ledger.
const LEDGER_DIFFERS: &str = "the repository remembers another ledger than this window has, as of a data folder that was put back to an \
     earlier state: nothing is forgotten here until the holds are confirmed; run `yidang archive verify`, then `yidang archive rebuild`\n  \
     中心库所记的账本与本窗口的不同，如同数据文件夹曾被换成较早的一份：确认保全之前，这里不删除任何内容。请先运行 \
     `yidang archive verify`，再运行 `yidang archive rebuild`。";

/// What goes between this window and the repository on a stick, where no network does.
#[derive(Subcommand)]
pub(super) enum CourierCommand {
    /// Writes everything that waits for the repository into parcels that only the repository can open.
    ///
    /// What is packed waits on, until its receipt has come or the network has brought it: packing twice does no harm. A
    /// parcel of nothing asks for news. It is there whole or not at all.
    Pack {
        /// A folder, or the file to write; older parcels of that name are replaced.
        #[arg(value_name = "OUT")]
        out: PathBuf,
        /// Longest file; a single picture may go beyond.
        #[arg(long, value_name = "BYTES", default_value_t = SIZE_MAX_DEFAULT,
              value_parser = clap::value_parser!(u64).range(SIZE_MAX_LEAST..))]
        max_bytes: u64,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Takes the repository's receipt: what it has taken waits no longer, and what it says is to be forgotten or put
    /// right here is. Twice does no harm.
    Unpack {
        /// The file that `yidang-repository courier unpack` wrote.
        #[arg(value_name = "RECEIPT")]
        receipt: PathBuf,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn courier(config: &Config, command: CourierCommand) -> Result<ExitCode, Failure> {
    match command {
        CourierCommand::Pack { out, max_bytes, json } => pack(config, &out, max_bytes, json)?,
        CourierCommand::Unpack { receipt, json } => unpack(config, &receipt, json)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The files as they come.
struct Parcels<'a> {
    out: &'a Path,
    open: Option<WholeFile>,
    whole: Vec<WholeFile>,
    written: Vec<(PathBuf, u64)>,
}

impl Parcels<'_> {
    fn take(&mut self, news: CourierNews) -> io::Result<()> {
        match news {
            CourierNews::Begin { agent, part } => {
                let path = resolved(&self.place(&agent, part))?;
                check_free(&path)?;
                self.open = Some(WholeFile::create(path.clone())?);
                self.written.push((path, 0));
            }
            CourierNews::Piece(bytes) => {
                if let (Some(file), Some((_, size))) = (&mut self.open, self.written.last_mut()) {
                    file.write_all(&bytes)?;
                    *size += bytes.len() as u64;
                }
            }
            CourierNews::End => self.whole.extend(self.open.take()),
            CourierNews::Again => {
                self.open = None;
                self.whole.clear();
                self.written.clear();
            }
        }
        Ok(())
    }

    fn place(&self, agent: &str, part: u32) -> PathBuf {
        if self.out.is_dir() {
            // The name came from the repository, and goes into a path.
            let agent: String = agent.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
            return self.out.join(format!("yidang-{agent}-{part}.parcel"));
        }
        if part == 1 {
            return self.out.to_owned();
        }
        let mut name = self.out.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{part}"));
        if let Some(ending) = self.out.extension() {
            name.push(".");
            name.push(ending);
        }
        self.out.with_file_name::<OsString>(name)
    }

    /// All of them take their places once all of them are whole.
    fn finish(self) -> io::Result<Vec<(PathBuf, u64)>> {
        self.whole.into_iter().try_for_each(WholeFile::finish_durably)?;
        Ok(self.written)
    }
}

/// Only a parcel is ever replaced, whole or cut off, and what is empty.
fn check_free(path: &Path) -> io::Result<()> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    let about = file.metadata()?;
    if about.is_file() && (about.len() == 0 || !matches!(read_header(&mut file), Err(ParcelError::Unknown))) {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{} is there and is no parcel", path.display())))
}

fn pack(config: &Config, out: &Path, size_max: u64, json: bool) -> Result<(), Failure> {
    if !out.exists() && out.extension().is_none_or(|ending| ending != "parcel") {
        // A stick that is not there; what it was to take would lie on this PC's own disk.
        let cause = format!("{} is not there", out.display());
        let remedy =
            "check that the stick is mounted; name a folder that is there, or a file that ends in .parcel";
        return Err(Failure::new("parcel_unwritable", cause, remedy));
    }
    let mut parcels = Parcels { out, open: None, whole: Vec::new(), written: Vec::new() };
    let (mut bar, mut failed) = (Bar::new(), None);
    let request = Request::Courier(CourierRequest::Pack { size_max });
    let packed = reach::carry_out(config, &request, &mut |news| match news {
        News::Progress { done, all } => {
            bar.show(done, all);
            Ok(())
        }
        News::Courier(news) => parcels.take(news).map_err(|error| {
            failed = Some(unwritable(&error));
            io::Error::other("the parcel could not be written")
        }),
        _ => Ok(()),
    });
    bar.clear();
    // What could not be written here is why nothing more was told.
    let packed = match (failed, packed) {
        (Some(failure), _) | (None, Err(failure)) => return Err(failure),
        (None, Ok(Outcome::Packed(packed))) => packed,
        (None, Ok(_)) => {
            return Err(Failure::new("daemon_lost", "another answer came", "restart the daemon"));
        }
    };
    let written = parcels.finish().map_err(|error| unwritable(&error))?;
    if json {
        let files: Vec<_> = written
            .iter()
            .map(|(path, size)| json!({"file": path.to_string_lossy(), "size_bytes": size}))
            .collect();
        return say_json(&json!({"files": files, "commits": packed.commits, "entries": packed.entries,
            "materials": packed.materials, "pictures": packed.pictures}));
    }
    for (path, size) in &written {
        say(&format!("{}\t{size} bytes", path.display()))?;
    }
    let (materials, pictures, entries) = (packed.materials, packed.pictures, packed.entries);
    say(&format!("{materials} papers with {pictures} pictures, {entries} entries in all"))
}

fn unwritable(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::FileTooLarge => {
            let remedy = "use a larger stick, or smaller files with `--max-bytes`; nothing was lost";
            Failure::new("stick_full", error, remedy)
        }
        io::ErrorKind::AlreadyExists => {
            Failure::new("parcel_unwritable", error, "name a folder, or a file that is not there yet")
        }
        _ => Failure::new("parcel_unwritable", error, "check the folder and the stick, then pack again"),
    }
}

fn unpack(config: &Config, file: &Path, json: bool) -> Result<(), Failure> {
    let unreadable = |error: io::Error| {
        Failure::new("receipt_unreadable", error, "check the file, its rights and the stick")
    };
    let mut receipt = Vec::new();
    let opened = File::open(file).map_err(unreadable)?;
    opened.take(RECEIPT_BYTES_MAX + 1).read_to_end(&mut receipt).map_err(unreadable)?;
    if receipt.len() as u64 > RECEIPT_BYTES_MAX {
        let remedy = "choose the file that `yidang-repository courier unpack` wrote";
        return Err(Failure::new("receipt_unknown", "this is no receipt", remedy));
    }
    let request = CourierRequest::Unpack { size: receipt.len() as u64, receipt: vec![receipt] };
    let unpacked = reach::carry_out(config, &Request::Courier(request), &mut |_| Ok(()))?;
    let Outcome::Unpacked(done) = unpacked else {
        return Err(Failure::new("daemon_lost", "another answer came", "restart the daemon"));
    };
    if done.offered_again {
        // Where nobody reads it there is nobody to tell.
        let _ = writeln!(io::stderr(), "{OFFERED_AGAIN}");
    }
    if done.ledger_differs {
        let _ = writeln!(io::stderr(), "{LEDGER_DIFFERS}");
    }
    if json {
        return say_json(&done);
    }
    for line in &done.refused {
        say(&format!("refused {}: {}", line.id, line.code))?;
    }
    let (commits, accepted, refused, news) = (done.commits, done.accepted, done.refused.len(), done.news);
    say(&format!("{commits} commits answered: {accepted} entries taken, {refused} refused; {news} news"))?;
    say(&format!("{} papers wait", done.backlog_materials))
}
