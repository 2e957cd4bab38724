//! The archive that damages are done to: a copy of its own for each.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::steps::carry_out;
use super::{folder, said};
use crate::support::agent::{Agent, program};
use crate::support::repository::Repository;
use crate::support::said::text;
use crate::support::verified::{check, verify};
use crate::support::{copy_folder, wait_until};

const CONFIG: &str = "[agent]\ncounter = \"fixture\"\ndata_dir = \"data\"\nkeys_dir = \"keys\"\n";

/// A damaged copy, with whatever runs beside it.
pub(super) enum Store {
    /// Nothing runs: the check opens the archive itself.
    AtRest(TempDir),
    /// The damage was done while the daemon had the archive open, or while it was known at a repository.
    Beside { agent: Box<Agent>, _repository: Option<Repository> },
}

impl Store {
    /// Copies the store and carries the description's steps out.
    pub(super) fn damaged(description: &Value) -> Self {
        let steps = description["steps"].as_array().expect("a list");
        let damage = |folder: &Path| steps.iter().for_each(|step| carry_out(step, folder));
        match description["store"].as_str() {
            None => {
                let folder = tempfile::tempdir().expect("a folder");
                copy_folder(&super::folder().join("store"), folder.path());
                std::fs::write(folder.path().join("yidang.toml"), CONFIG).expect("it is written");
                close_to_others(folder.path());
                // An older version's index is taken forward before it is damaged, and not made anew afterwards.
                let opened = run(&["archive", "stats"], &folder.path().join("yidang.toml"));
                assert!(opened.status.success(), "{}", text(&opened.stderr));
                damage(folder.path());
                Self::AtRest(folder)
            }
            Some("running") => {
                let agent = Agent::start_on_copy(&folder().join("store"));
                damage(&folder_of(&agent));
                Self::Beside { agent: Box::new(agent), _repository: None }
            }
            Some("anchored") => {
                let repository = Repository::start();
                let mut agent = Agent::start_enrolled_on_copy(
                    &folder().join("store"),
                    &repository.url,
                    &repository.enrol_code(),
                );
                wait_until("the repository has the ledger's head, and the sweep has made the copies", || {
                    agent.data().join("backup/keyring.db").is_file()
                        && agent.get("/v1/sync").expect(200)["backlog_materials"] == 0
                        && check(&verify(&agent, &[]), "anchor")["examined"] == 1
                });
                assert!(agent.stop());
                damage(&folder_of(&agent));
                Self::Beside { agent: Box::new(agent), _repository: Some(repository) }
            }
            Some(other) => panic!("`{other}` is no way to have a store"),
        }
    }

    /// What the check says: the report, or why there is none. The file it writes says the same.
    pub(super) fn verify(&self) -> Value {
        let reports = tempfile::tempdir().expect("a folder");
        let file = reports.path().join("report.json");
        let mut arguments = vec!["archive", "verify", "--deep", "--json", "--report"];
        arguments.push(file.to_str().expect("a path"));
        let output = match self {
            Self::AtRest(folder) => run(&arguments, &folder.path().join("yidang.toml")),
            Self::Beside { agent, .. } => agent.command(&arguments),
        };
        let error = text(&output.stderr);
        assert!(!error.contains("panicked"), "{error}");
        if output.stdout.is_empty() {
            assert_eq!(output.status.code(), Some(1), "{error}");
            assert!(error.contains("remedy: ") && error.contains("处理办法："), "{error}");
            return json!({"clean": false, "refused": refusal(&error)});
        }
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        let written = std::fs::read(&file).expect("the report was written");
        assert_eq!(serde_json::from_slice::<Value>(&written).expect("JSON"), report);
        assert_eq!(output.status.success(), report["clean"] == true, "{report}");
        said(&report)
    }
}

/// Code and cause, without what the layer below said.
fn refusal(error: &str) -> String {
    let line = error.lines().find_map(|line| line.strip_prefix("error ")).expect("a code");
    line.split_once(" (").map_or(line, |(before, _)| before).to_owned()
}

fn run(arguments: &[&str], config: &Path) -> Output {
    program().args(arguments).arg("--config").arg(config).output().expect("the program runs")
}

fn folder_of(agent: &Agent) -> PathBuf {
    agent.data().parent().expect("a folder").to_path_buf()
}

/// As an archive's folders are; a checkout of the sources leaves them open.
fn close_to_others(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    for name in ["data", "keys"] {
        let own = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(folder.join(name), own).expect("it is set");
    }
}
