//! Promise: where it is configured, pages and programs of this PC call by https, with a certificate of this PC's own
//! authority, which renews itself and can vouch for nobody else.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::agent::Agent;
use crate::support::said::{document, refusal, text};
use crate::support::wait_until;

/// An agent that serves https, and its port.
fn start(more: &str) -> (Agent, u16) {
    let mut agent = Agent::start();
    assert!(agent.stop());
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
    let written = std::fs::read_to_string(agent.config()).expect("the file is read");
    let section = format!("[http]\ntls = \"loopback\"\ntls_listen = \"127.0.0.1:{port}\"\n{more}");
    std::fs::write(agent.config(), written.replace("[http]\n", &section)).expect("the file is written");
    agent.run();
    (agent, port)
}

fn authority(agent: &Agent) -> PathBuf {
    agent.data().join("tls/authority.pem")
}

/// The real curl, which trusts this authority and no other.
fn curl(agent: &Agent, arguments: &[&str]) -> Output {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--max-time", "20", "--cacert"]).arg(authority(agent));
    curl.args(arguments).output().expect("curl runs")
}

fn status(agent: &Agent, arguments: &[&str]) -> String {
    let nowhere = ["--output", "/dev/null", "--write-out", "%{http_code}"];
    text(&curl(agent, &[&nowhere, arguments].concat()).stdout)
}

#[test]
fn curl_calls_by_https_by_each_of_this_machines_names_and_passes_the_same_guard() {
    let (agent, port) = start("");
    let token = format!("Authorization: Bearer {}", agent.token);
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("https://{host}:{port}/v1/status");
        assert_eq!(status(&agent, &["--header", &token, &url]), "200", "{host}");
        for (header, wanted) in [
            ("Host: evil.example".to_owned(), "421"),
            (format!("Host: {}", agent.url.trim_start_matches("http://")), "421"),
            ("Origin: https://evil.example".to_owned(), "403"),
            ("Origin: null".to_owned(), "403"),
            (format!("Origin: http://localhost:{port}"), "403"),
            (format!("Origin: https://localhost:{port}"), "200"),
        ] {
            let told = status(&agent, &["--header", &token, "--header", &header, &url]);
            assert_eq!(told, wanted, "{host} {header}");
        }
        assert_eq!(status(&agent, &[&url]), "401", "the token is asked for");
    }
    // The page that is served by https may call the plain address too: it is the same daemon's.
    let own = format!("Origin: https://localhost:{port}");
    assert_eq!(status(&agent, &["--header", &own, &format!("{}/v1/health", agent.url)]), "200");
    agent.get("/v1/status").expect(200);
}

#[test]
fn events_come_by_https_as_they_happen() {
    let (agent, port) = start("");
    let token = format!("Authorization: Bearer {}", agent.token);
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--no-buffer", "--max-time", "60", "--header", &token, "--cacert"])
        .arg(authority(&agent));
    curl.args(["--header", "Last-Event-ID: 0", &format!("https://localhost:{port}/v1/events")]);
    let mut stream = curl.stdout(std::process::Stdio::piped()).spawn().expect("curl runs");
    agent.post("/v1/simulated/card", &serde_json::json!({"insert": null})).expect(204);
    let mut output = stream.stdout.take().expect("its output is piped");
    let (mut told, mut piece) = (String::new(), [0; 4096]);
    while !told.contains("event: card.removed") {
        let read = output.read(&mut piece).expect("a piece comes");
        assert!(read > 0, "it ended: {told}");
        told.push_str(&String::from_utf8_lossy(&piece[..read]));
    }
    stream.kill().and_then(|()| stream.wait()).expect("it ends");
}

#[test]
fn nobody_is_answered_under_another_name_or_without_trust() {
    let (agent, port) = start("");
    let elsewhere = format!("evil.example:{port}:127.0.0.1");
    let named = curl(&agent, &["--resolve", &elsewhere, &format!("https://evil.example:{port}/v1/health")]);
    assert!(!named.status.success() && named.stdout.is_empty(), "no certificate for another name");
    let mut distrustful = Command::new("curl");
    let refused = distrustful.args(["--silent", &format!("https://localhost:{port}/v1/health")]).output();
    assert_eq!(refused.expect("curl runs").status.code(), Some(60), "nobody trusts it until it is installed");
    let mut plain = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    plain.write_all(b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it is sent");
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.windows(5).any(|w| w == b"HTTP/"), "plain text is not answered there");
}

#[test]
fn who_begins_no_handshake_keeps_nobody_out_and_is_hung_up_on() {
    const SILENT: usize = 200;
    let (agent, port) = start("");
    let connect = |_| TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    let mut silent: Vec<TcpStream> = (0..SILENT).map(connect).collect();
    for (number, stream) in silent.iter_mut().enumerate() {
        // Some say nothing, some begin, some talk nonsense.
        let said: &[u8] = [b"".as_slice(), b"\x16\x03\x01\x02\x00", b"\x80\xff\x00"][number % 3];
        let _ = stream.write_all(said);
    }
    assert_eq!(status(&agent, &[&format!("https://localhost:{port}/v1/health")]), "200");
    for mut stream in silent {
        stream.set_read_timeout(Some(std::time::Duration::from_secs(40))).expect("a wait is set");
        let mut rest = Vec::new();
        // Closed with whatever the protocol says of it, or cut off.
        let waited = stream.read_to_end(&mut rest).err().map(|error| error.kind());
        assert!(waited != Some(std::io::ErrorKind::WouldBlock), "it is held open");
    }
    agent.get("/v1/health").expect(200);
}

/// As by whoever has stolen the authority's key.
fn forge(agent: &Agent, name: &str) -> PathBuf {
    let folder = agent.folder.path();
    let file = |end: &str| folder.join(format!("forged.{end}"));
    std::fs::write(file("ext"), format!("subjectAltName=DNS:{name}\nextendedKeyUsage=serverAuth\n"))
        .expect("written");
    let openssl = |arguments: Vec<&std::ffi::OsStr>| {
        let done = Command::new("openssl").args(arguments).output().expect("openssl runs");
        assert!(done.status.success(), "{}", text(&done.stderr));
    };
    let (key, request, made) = (file("key"), file("csr"), folder.join(format!("{name}.pem")));
    let words = |text: &'static str| text.split(' ').map(std::ffi::OsStr::new);
    let subject = std::ffi::OsString::from(format!("/CN={name}"));
    let mut asks: Vec<_> = words("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout").collect();
    asks.extend([
        key.as_os_str(),
        "-out".as_ref(),
        request.as_os_str(),
        "-subj".as_ref(),
        subject.as_os_str(),
    ]);
    openssl(asks);
    let (authority, stolen) = (authority(agent), agent.data().join("tls/authority.key"));
    let (extensions, mut signs) = (file("ext"), words("x509 -req -days 1 -in").collect::<Vec<_>>());
    signs.extend([
        request.as_os_str(),
        "-CA".as_ref(),
        authority.as_os_str(),
        "-CAkey".as_ref(),
        stolen.as_os_str(),
    ]);
    signs.extend(["-extfile".as_ref(), extensions.as_os_str(), "-out".as_ref(), made.as_os_str()]);
    openssl(signs);
    made
}

#[test]
fn the_authority_can_vouch_for_no_other_name_even_by_whoever_steals_its_key() {
    let (agent, _) = start("");
    for (name, is_good) in [("localhost", true), ("evil.example", false), ("one.example.gov.cn", false)] {
        let forged = forge(&agent, name);
        let mut openssl = Command::new("openssl");
        openssl.args(["verify", "-purpose", "sslserver", "-CAfile"]).arg(authority(&agent)).arg(forged);
        let verified = openssl.output().expect("openssl runs");
        let said = text(&verified.stdout) + &text(&verified.stderr);
        assert_eq!(verified.status.success(), is_good, "{name}: {said}");
        assert!(is_good || said.contains("permitted subtree violation"), "{name}: {said}");
    }
}

#[test]
fn a_certificate_is_renewed_before_its_end_and_nobody_notices() {
    // It lasts for six seconds, and is renewed after four.
    let (agent, port) = start("tls_life_minutes = 0.1\n");
    let url = format!("https://localhost:{port}/v1/health");
    let serial = || {
        let asked = curl(&agent, &["--output", "/dev/null", "--write-out", "%{certs}", &url]);
        assert!(asked.status.success(), "one that has expired is shown: {}", text(&asked.stderr));
        let told = text(&asked.stdout);
        let line = told.lines().find(|line| line.starts_with("Serial Number:")).map(str::to_owned);
        line.unwrap_or_else(|| panic!("{told}"))
    };
    let mut seen = vec![serial()];
    wait_until("it is renewed twice", || {
        let now = serial();
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        seen.len() >= 3
    });
}

/// A PC's folders: a system's list, a home with Chromium's database, a profile of Firefox. `None`, and the skipped test
/// is named, where there is no certutil.
fn computer(folder: &Path) -> Option<Vec<PathBuf>> {
    let databases =
        ["home/clerk/.pki/nssdb", "home/clerk/.mozilla/firefox/a.default"].map(|at| folder.join(at));
    std::fs::create_dir_all(folder.join("usr/local/share/ca-certificates")).expect("a folder");
    for database in &databases {
        std::fs::create_dir_all(database).expect("a folder");
        let new = format!("sql:{}", database.display());
        let Ok(made) = Command::new("certutil").args(["-N", "--empty-password", "-d", &new]).output() else {
            let test = std::thread::current().name().unwrap_or_default().to_owned();
            // Past the runner, which keeps to itself what a passing test prints.
            let _ = writeln!(std::io::stderr(), "SKIPPED {test}: the package libnss3-tools is missing");
            return None;
        };
        assert!(made.status.success(), "{}", text(&made.stderr));
    }
    Some(databases.into())
}

#[test]
fn the_authority_is_installed_shown_and_removed_where_browsers_and_the_system_look() {
    let (agent, _) = start("");
    let computer_folder = tempfile::tempdir().expect("a folder");
    let Some(databases) = computer(computer_folder.path()) else { return };
    let root = computer_folder.path().to_str().expect("a path");
    let certificate =
        |verb: &str| document(&agent.command(&["certificate", verb, "--root", root, "--json"]), 0);
    let states = |told: &Value| -> Vec<String> {
        let places = told["places"].as_array().expect("places");
        places.iter().map(|place| place["state"].as_str().expect("a state").to_owned()).collect()
    };
    assert_eq!(states(&certificate("show")), ["missing"; 3]);
    let installed = certificate("install");
    assert_eq!(states(&installed), ["written"; 3]);
    assert_eq!(states(&certificate("install")), ["unchanged"; 3]);
    assert_eq!(states(&certificate("show")), ["trusted"; 3]);
    let name = installed["name"].as_str().expect("a name");
    for database in &databases {
        let listed =
            Command::new("certutil").args(["-L", "-d", &format!("sql:{}", database.display())]).output();
        let listed = text(&listed.expect("certutil runs").stdout);
        assert!(
            listed.lines().any(|line| line.starts_with(name) && line.trim_end().ends_with("C,,")),
            "{listed}"
        );
    }
    // Another authority takes the place of this one; the old one is trusted by nobody any more.
    for file in ["authority.key", "authority.pem"] {
        std::fs::remove_file(agent.data().join("tls").join(file)).expect("it was there");
    }
    assert_eq!(states(&certificate("show")), ["missing"; 3]);
    let newer = certificate("install");
    assert_ne!(newer["name"], installed["name"]);
    for database in &databases {
        let listed =
            Command::new("certutil").args(["-L", "-d", &format!("sql:{}", database.display())]).output();
        assert!(!text(&listed.expect("certutil runs").stdout).contains(name), "the old one is gone");
    }
    assert_eq!(states(&certificate("remove")), ["removed"; 3]);
    assert_eq!(states(&certificate("remove")), ["nothing there"; 3]);
}

#[test]
fn where_it_is_not_configured_nothing_is_served_made_or_trusted() {
    let agent = Agent::start();
    assert!(!agent.data().join("tls").exists());
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().to_str().expect("a path");
    refusal(&agent.command(&["certificate", "install", "--root", root]), "tls_off");
    assert!(!agent.data().join("tls").exists());
}
