//! The memory of the real command while it imports very many photographs.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::documents::someone;
use crate::{Failure, open, say};

const PICTURE: &[u8] = include_bytes!("../../fixtures/desk/small.jpg");
/// How many people the photographs are spread over.
const PEOPLE: u32 = 1000;
/// How often memory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(crate) fn import(folder: &TempDir, binary: &Path, files: u32) -> Result<(), Failure> {
    let folder = folder.path();
    write_office(folder, files)?;
    // Founded as the first `yidang run` does.
    drop(open(folder, "data")?);
    let config = folder.join("agent.toml");
    fs::write(
        &config,
        "[agent]\ncounter = \"bench\"\ndata_dir = \"data\"\n[card]\ndriver = \"simulated\"\n\
         [camera]\ndriver = \"simulated\"\n",
    )?;
    let began = Instant::now();
    // It runs in another folder.
    let mut child = Command::new(fs::canonicalize(binary)?)
        .args(["archive", "import"])
        .arg(folder.join("office/m.csv"))
        .args(["--json", "--as-is", "--config"])
        .arg(&config)
        .current_dir(folder)
        .stdout(Stdio::null())
        .spawn()?;
    let seen = watch(&mut child)?;
    let seconds = began.elapsed().as_secs_f64();
    if !child.wait()?.success() {
        return Err("the import failed".into());
    }
    // Of the whole run in tenths: the largest in each.
    let tenths: Vec<String> = seen
        .chunks(seen.len().div_ceil(10).max(1))
        .filter_map(|tenth| tenth.iter().max().map(|kib| format!("{:.1}", *kib as f64 / 1024.0)))
        .collect();
    say(&format!(
        "{files} photographs of {} bytes in {seconds:.0} s ({:.0}/s): MiB resident in each tenth of the time: {}",
        PICTURE.len(),
        f64::from(files) / seconds,
        tenths.join(" "),
    ))
}

/// A folder of photographs, no two alike, and their manifest.
fn write_office(folder: &Path, files: u32) -> Result<(), Failure> {
    let office = folder.join("office");
    fs::create_dir(&office)?;
    let mut manifest = std::io::BufWriter::new(fs::File::create(office.join("m.csv"))?);
    writeln!(manifest, "subject_type,subject,kind,path,case")?;
    for number in 0..files {
        // What stands behind a JPEG's end is not looked at.
        let bytes = [PICTURE, &number.to_be_bytes()].concat();
        fs::write(office.join(format!("{number}.jpg")), bytes)?;
        let who = someone(number % PEOPLE);
        writeln!(manifest, "resident,{},old_form,{number}.jpg,K{number}", who.value())?;
    }
    manifest.flush()?;
    Ok(())
}

/// Resident memory in KiB until it ends.
fn watch(child: &mut Child) -> Result<Vec<u64>, Failure> {
    let status = format!("/proc/{}/status", child.id());
    let mut seen = Vec::new();
    while child.try_wait()?.is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        seen.extend(line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()));
        sleep(LOOK_EVERY);
    }
    if seen.is_empty() { Err("it ended before it was looked at".into()) } else { Ok(seen) }
}
