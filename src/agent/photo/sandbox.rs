//! What a foreign program is kept from, by means the system has without any code of ours in the child.

use std::path::Path;
use std::process::{Command, Stdio};

/// Limits of the program and of each of its children: 1 GiB of addresses, 10 seconds of CPU, files of 16 MiB, and
/// no core file, which would hold the photo.
#[cfg(target_os = "linux")]
const LIMITED: &str = r#"ulimit -v 1048576 && ulimit -t 10 && ulimit -f 32768 && ulimit -c 0 && exec "$@""#;
#[cfg(not(target_os = "linux"))]
const LIMITED: &str = r#"ulimit -t 10 && ulimit -f 32768 && ulimit -c 0 && exec "$@""#;

/// util-linux's, where distributions put it.
const UNSHARE: [&str; 2] = ["/usr/bin/unshare", "/bin/unshare"];
/// A network without an interface, and a process table of its own: what is in it ends with the program, whatever
/// it does. Without rights first, then as root.
const NAMESPACES: [&[&str]; 2] = [
    &["--user", "--map-current-user", "--net", "--pid", "--fork", "--kill-child", "--"],
    &["--net", "--pid", "--fork", "--kill-child", "--"],
];

/// How a program is shut in on this system.
pub(super) struct Sandbox {
    /// What stands before the program; empty where nothing is permitted.
    before: Vec<&'static str>,
}

impl Sandbox {
    /// The best way that this system permits, found by trying.
    pub(super) fn find() -> Self {
        let ways = UNSHARE.into_iter().flat_map(|tool| NAMESPACES.map(|options| [&[tool], options].concat()));
        Self { before: ways.into_iter().find(|way| works(way)).unwrap_or_default() }
    }

    /// Limits alone, as where no namespace is permitted.
    #[cfg(test)]
    pub(super) fn without_namespaces() -> Self {
        Self { before: vec![] }
    }

    /// What is missing.
    pub(super) fn lacks(&self) -> Option<&'static str> {
        self.before.is_empty().then_some(
            "this system gives the photo decoder no network of its own (unshare of util-linux, user namespaces): \
             it can reach the network",
        )
    }

    /// The program within its bounds.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", LIMITED, "sh"]).args(&self.before).arg(program);
        command
    }
}

fn works(way: &[&str]) -> bool {
    let [tool, options @ ..] = way else { return false };
    let mut trial = Command::new(tool);
    trial.args(options).arg("/bin/true").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    trial.status().is_ok_and(|status| status.success())
}
