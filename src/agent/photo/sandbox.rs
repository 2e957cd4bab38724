//! What a foreign program is kept from, by means the system has without any code of ours in the child.

use std::path::Path;
use std::process::{Command, Stdio};

/// Limits of the program and of each of its children: 1 GiB of addresses, 10 seconds of CPU, files of 16 MiB, and
/// no core file, which would hold the photo.
#[cfg(target_os = "linux")]
const LIMITED: &str = r#"ulimit -v 1048576 && ulimit -t 10 && ulimit -f 32768 && ulimit -c 0 && exec "$@""#;
#[cfg(not(target_os = "linux"))]
const LIMITED: &str = r#"ulimit -t 10 && ulimit -f 32768 && ulimit -c 0 && exec "$@""#;

/// Ends a program that hangs when nobody is left to kill it, because the agent itself was killed.
const TIMER: &[&str] = &["/usr/bin/timeout", "--foreground", "--signal=KILL", "10"];
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
    /// What stands before the program.
    before: Vec<&'static str>,
    has_namespaces: bool,
}

impl Sandbox {
    /// The best way that this system permits, found by trying.
    pub(super) fn find() -> Self {
        let mut ways =
            UNSHARE.into_iter().flat_map(|tool| NAMESPACES.map(|options| [&[tool], options].concat()));
        let way = ways.find(|way| works(way));
        let has_namespaces = way.is_some();
        Self { before: [timer(), &way.unwrap_or_default()].concat(), has_namespaces }
    }

    /// Limits alone, as where no namespace is permitted.
    #[cfg(test)]
    pub(super) fn without_namespaces() -> Self {
        Self { before: timer().to_vec(), has_namespaces: false }
    }

    /// What is missing.
    pub(super) fn lacks(&self) -> Option<&'static str> {
        (!self.has_namespaces).then_some(
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

fn timer() -> &'static [&'static str] {
    if works(TIMER) { TIMER } else { &[] }
}

fn works(way: &[&str]) -> bool {
    let [tool, options @ ..] = way else { return false };
    let mut trial = Command::new(tool);
    trial.args(options).arg("/bin/true").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    trial.status().is_ok_and(|status| status.success())
}
