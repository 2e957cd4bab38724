//! Promise: key files bound to a PC's TPM open there, whenever it is switched on, and nowhere else.

use std::fs;

use serde_json::json;

use crate::support::agent::{Agent, program};
use crate::support::tpm::Tpm;

const FORM: &[u8] = include_bytes!("../fixtures/desk/01-form.jpg");
const NAME: &str = "yidang-key";

#[test]
fn key_files_bound_to_a_tpm_open_beside_that_tpm_alone() {
    let (Some(mut tpm), Some(other)) = (Tpm::start(), Tpm::start()) else { return };
    // A window that has worked with bare keys until now.
    let mut agent = Agent::start();
    let holder = agent.read_card();
    let capture = agent.upload(FORM).expect(201);
    let body = json!({"holders": [holder], "kind": "form", "captures": [capture["id"]]});
    let material = agent.post("/v1/materials", &body).expect(201)["id"].as_str().expect("an id").to_owned();
    assert!(agent.stop());

    // What an installer does.
    let folder = tempfile::tempdir().expect("a folder");
    let [bare, sealed, handed] = ["bare", "sealed", "credentials"].map(|name| folder.path().join(name));
    fs::write(&bare, [0x5A; 32]).expect("written");
    assert!(tpm.seal(NAME, &bare, &sealed), "systemd-creds does not seal under this TPM");
    fs::remove_file(&bare).expect("removed");
    let config = fs::read_to_string(agent.config()).expect("its configuration");
    let config = config.replace("[agent]\n", "[agent]\nkey_keeper = \"systemd-credential\"\n");
    fs::write(agent.config(), config).expect("written");

    let kept = sealed.with_extension("kept");
    fs::copy(&sealed, &kept).expect("copied");
    for start in ["first", "after the PC was switched off and on"] {
        fs::create_dir(&handed).expect("a folder");
        assert!(tpm.open(NAME, &sealed, &handed.join(NAME)), "{start}");
        agent.run_with_credentials(&handed);
        agent.read_card();
        let page = format!("/v1/materials/{material}/pages/1/image?rendition=original");
        assert_eq!(agent.get(&page).bytes, FORM, "{start}");
        assert!(agent.stop(), "{start}");
        // As systemd does when the service ends.
        fs::remove_dir_all(&handed).expect("removed");
        tpm.restart();
    }

    let keys = agent.config().with_file_name("keys");
    let key = fs::read_to_string(keys.join("epoch-0001.key")).expect("the epoch's key");
    assert!(key.contains("\nsealed ") && !key.contains("\nkey "), "{key}");
    // Whoever takes the whole disk has the sealed credential too, and another TPM.
    let taken = folder.path().join("taken");
    assert!(!other.open(NAME, &kept, &taken) && !taken.exists());
    fs::create_dir(&handed).expect("a folder");
    fs::copy(&kept, handed.join(NAME)).expect("copied");
    let mut command = program();
    command.args(["archive", "stats", "--config"]).arg(agent.config()).env("CREDENTIALS_DIRECTORY", &handed);
    let refused = command.output().expect("it runs");
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("error credential_wrong: "), "{said}");
}
