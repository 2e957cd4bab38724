//! The real pcscd with readers made of software.
//!
//! pcscd listens on one socket for the whole machine, so only one test at a time has it: the others wait for
//! a lock. It is started with its own configuration and without systemd, and it is killed and its files are
//! removed when the [`Pcscd`] is dropped. Should the test process itself be killed, pcscd ends by itself
//! after a minute without clients.

use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use yidang_device::CardDriver;
use yidang_pcsc::PcscDriver;
use yidang_virtual_reader::VirtualReader;

/// Where Debian and its derivatives install it; it is on no user's path.
const PROGRAM: &str = "/usr/sbin/pcscd";
const PACKAGE: &str = "pcscd";
const RUN_FOLDER: &str = "/run/pcscd";
const SOCKET: &str = "/run/pcscd/pcscd.comm";
const PROCESS_FILE: &str = "/run/pcscd/pcscd.pid";
const READY_WITHIN: Duration = Duration::from_secs(10);
const HANDLER: &str = "libyidang_virtual_reader.so";

/// Why there is no pcscd to test with.
#[derive(Debug)]
pub(crate) enum Unavailable {
    /// The machine lacks it: a test may be reported as skipped, by this package's name.
    Package(&'static str),
    /// This account may not write pcscd's folder in /run; as root it may.
    Account,
    /// A pcscd these tests did not start is running; they would disturb each other.
    Foreign,
    /// The reader's cdylib is in none of these places; `cargo build -p yidang-virtual-reader` makes it.
    Handler(Vec<PathBuf>),
    /// It was started and is not ready; what it wrote.
    NotReady(String),
    /// The operating system refused something.
    Io(io::Error),
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package(package) => write!(f, "the package {package} is missing"),
            Self::Account => write!(f, "this account may not write {RUN_FOLDER}: run the tests as root"),
            Self::Foreign => write!(f, "a pcscd that is not ours runs on this machine: stop it"),
            Self::Handler(places) => write!(f, "build yidang-virtual-reader first: it is not at {places:?}"),
            Self::NotReady(log) => write!(f, "pcscd was started and does not serve; it wrote: {log}"),
            Self::Io(error) => write!(f, "{error}"),
        }
    }
}

impl From<io::Error> for Unavailable {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A running pcscd, and the readers it serves.
pub(crate) struct Pcscd {
    /// The readers, in the order of their numbers; see [`Pcscd::reader_name`].
    pub(crate) readers: Vec<VirtualReader>,
    daemon: Option<Child>,
    folder: PathBuf,
    // Held until the end: dropped last, after the files are gone.
    _only_one: File,
}

impl Pcscd {
    /// Starts pcscd with this many empty readers. Waits while another test has it.
    pub(crate) fn start(readers: usize) -> Result<Self, Unavailable> {
        if !Path::new(PROGRAM).is_file() {
            return Err(Unavailable::Package(PACKAGE));
        }
        let handler = find_handler()?;
        let only_one = File::create(std::env::temp_dir().join("yidang-test-pcscd.lock"))?;
        only_one.lock()?;
        prepare_run_folder()?;
        let folder = new_folder()?;
        let served = serve_readers(&folder, readers, &handler);
        // From here on the drop cleans up, whatever fails.
        let mut pcscd = Self { readers: Vec::new(), daemon: None, folder, _only_one: only_one };
        pcscd.readers = served?;
        pcscd.start_again()?;
        Ok(pcscd)
    }

    /// The PC/SC name of a reader. pcscd appends a number for the reader and one for its slot.
    pub(crate) fn reader_name(number: usize) -> String {
        format!("Yidang Virtual Reader {number} {number:02X} 00")
    }

    /// Kills it as a crash would: it cannot clean up, and its socket file stays.
    pub(crate) fn kill(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            // Both fail only when it is gone already.
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }

    /// Starts it again after a [`kill`](Self::kill) and waits until it serves.
    pub(crate) fn start_again(&mut self) -> Result<(), Unavailable> {
        self.kill();
        remove_run_files();
        let log = self.folder.join("log");
        let output = File::create(&log)?;
        let mut command = Command::new(PROGRAM);
        command.args(["--foreground", "--auto-exit", "--config"]).arg(self.folder.join("conf"));
        if offers_polkit_switch()? {
            command.arg("--disable-polkit");
        }
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        self.daemon = Some(command.spawn()?);
        // The socket file says nothing: one of a killed pcscd looks the same.
        let started = Instant::now();
        while started.elapsed() < READY_WITHIN {
            if PcscDriver::new().list().is_ok_and(|readers| readers.len() == self.readers.len()) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(Unavailable::NotReady(fs::read_to_string(log)?))
    }
}

impl Drop for Pcscd {
    fn drop(&mut self) {
        self.kill();
        self.readers.clear();
        remove_run_files();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A folder of this process's own. Its path is short because sockets live in it.
fn new_folder() -> io::Result<PathBuf> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("yidang-pcscd-{}-{number}", std::process::id()));
    fs::create_dir_all(folder.join("conf"))?;
    Ok(folder)
}

/// Serves the readers and writes the configuration that makes pcscd look for them.
fn serve_readers(folder: &Path, count: usize, handler: &Path) -> io::Result<Vec<VirtualReader>> {
    let mut readers = Vec::new();
    let mut configuration = String::new();
    for number in 0..count {
        let reader = VirtualReader::serve(&folder.join(format!("r{number}")))?;
        let entry = format!(
            "FRIENDLYNAME \"Yidang Virtual Reader {number}\"\nDEVICENAME {}\nLIBPATH {}\nCHANNELID {number}\n\n",
            reader.socket().display(),
            handler.display(),
        );
        configuration.write_str(&entry).map_err(io::Error::other)?;
        readers.push(reader);
    }
    fs::write(folder.join("conf/readers"), configuration)?;
    Ok(readers)
}

/// Makes sure that pcscd can make its socket and that no other pcscd has one.
fn prepare_run_folder() -> Result<(), Unavailable> {
    if UnixStream::connect(SOCKET).is_ok() {
        return Err(Unavailable::Foreign);
    }
    let probe = Path::new(RUN_FOLDER).join("yidang-test");
    let writable = fs::create_dir_all(RUN_FOLDER).and_then(|()| File::create(&probe));
    match writable {
        Ok(_) => Ok(fs::remove_file(probe)?),
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Err(Unavailable::Account),
        Err(e) => Err(e.into()),
    }
}

/// Removes what a killed pcscd left behind and a new one would take for another that still runs.
fn remove_run_files() {
    for file in [SOCKET, PROCESS_FILE] {
        // Not there is what is wanted; anything else shows when pcscd does not get ready.
        let _ = fs::remove_file(file);
    }
}

/// Newer versions ask polkit about every client, which is not there in a container.
fn offers_polkit_switch() -> io::Result<bool> {
    let help = Command::new(PROGRAM).arg("--help").stdin(Stdio::null()).output()?;
    Ok([help.stdout, help.stderr]
        .iter()
        .any(|text| String::from_utf8_lossy(text).contains("--disable-polkit")))
}

/// Finds the cdylib cargo built. As a dependency of a test it lies beside the test's executable, in `deps`;
/// built by itself it lies one folder up, where programs are. The newer one is the one that was just built.
fn find_handler() -> Result<PathBuf, Unavailable> {
    let executable = std::env::current_exe()?;
    let folders = executable.ancestors().skip(1).take(2);
    let places: Vec<PathBuf> =
        folders.flat_map(|at| [at.join(HANDLER), at.join("deps").join(HANDLER)]).collect();
    let built = |place: &&PathBuf| fs::metadata(place).and_then(|found| found.modified()).ok();
    let newest = places.iter().filter(|place| built(place).is_some()).max_by_key(built);
    newest.cloned().ok_or(Unavailable::Handler(places.clone()))
}
