//! Promise: who installs a reader sees with `yidang card` what it does, beside the daemon as well as without
//! one; the reader with a security module is used; and a driver that hangs keeps nobody from working.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use yidang_agent::{Config, Daemon, DriverNames, Drivers, Scope, Tokens};
use yidang_device::{
    Access, Cancel, CardDriver, CardReader, DeviceError, DeviceListing, Presence, RawCard, ReadWish,
};
use yidang_virtual_reader::{Card, Door, Fault, Module, Parts, Wrap};

use crate::support::agent::Agent;
use crate::support::cards::{CHIP_SERIAL, card, module_card, pcscd, texts};
use crate::support::pcscd::Pcscd;

/// Longest a test waits for what happens in the background.
const PATIENCE: Duration = Duration::from_secs(20);
/// How soon a card's coming and going is told.
const TOLD_WITHIN: Duration = Duration::from_secs(1);
/// Until a watching command listens; what happens before is not told it.
const LISTENS_WITHIN: Duration = Duration::from_millis(1500);
/// The reader of this number has its module behind this profile.
const TUNNEL: &str =
    "[match]\nreaders = [\"Yidang Virtual Reader 1 *\"]\n[transmit]\nheader = \"FF F0 00 00\"\n";
const BARE: &str = "[match]\nreaders = [\"Yidang Virtual Reader 0 *\"]\n[bare]\n";
const SHORT: Wrap = Wrap { header: [0xFF, 0xF0, 0x00, 0x00], extended: false };
/// What no output may have that was not asked for in full.
const PERSONAL: [&str; 6] =
    ["样例甲", "19491231", "1949-12-31", "11010519491231002X", "测试路", "3f21007ac455100e"];

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The one JSON document on standard output, and nothing else there.
fn document(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&output.stdout)))
}

/// Exit code 1, this code on standard error, nothing on standard output.
fn fails(output: &Output, code: &str) -> String {
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains(&format!("error {code}: ")) && error.contains("remedy: "), "{error}");
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
    error
}

fn tells_nobody(output: &Output) {
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    for personal in PERSONAL {
        assert!(!said.to_lowercase().contains(&personal.to_lowercase()), "{personal}: {said}");
    }
}

fn readers(agent: &Agent) -> Vec<Value> {
    let status = agent.get("/v1/status").expect(200);
    let devices = status["devices"].as_array().expect("a list").iter();
    devices.filter(|device| device["type"] == "card_reader").cloned().collect()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
    began.elapsed()
}

/// A running `yidang card watch`.
struct Watch {
    process: Child,
    lines: Receiver<String>,
}

impl Watch {
    fn start(agent: &Agent, more: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_yidang"))
            .args(["card", "watch"])
            .args(more)
            .arg("--config")
            .arg(agent.folder.path().join("yidang.toml"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let output = BufReader::new(process.stdout.take().expect("its output is piped"));
        let (tell, lines) = channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self { process, lines }
    }

    /// The next line, which is about this.
    #[track_caller]
    fn next(&self, kind: &str, within: Duration) -> String {
        let line = self.lines.recv_timeout(within).unwrap_or_else(|e| panic!("{kind}: {e}"));
        assert!(line.contains(kind), "{kind}: {line}");
        line
    }

    /// Nothing is told for a while.
    #[track_caller]
    fn is_silent(&self) {
        assert_eq!(self.lines.recv_timeout(TOLD_WITHIN), Err(RecvTimeoutError::Timeout));
    }

    /// Ends it as Ctrl-C does; its exit code.
    fn interrupt(mut self) -> Option<i32> {
        let sent = Command::new("kill").arg("-INT").arg(self.process.id().to_string()).status();
        assert!(sent.is_ok_and(|s| s.success()), "the signal is sent");
        self.process.wait().expect("it ends").code()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_reading_is_masked_unless_all_is_asked_for_beside_the_daemon_and_without() {
    let mut agent = Agent::start();
    let api = agent.post("/v1/card/read", &json!({})).expect(200);
    let say = |agent: &Agent| {
        let masked = document(&agent.command(&["card", "read", "--json"]));
        let full = document(&agent.command(&["card", "read", "--json", "--full"]));
        let plain = text(&agent.command(&["card", "read", "--wait-ms", "1000"]).stdout);
        let whole = text(&agent.command(&["card", "read", "--full"]).stdout);
        (masked, full, plain, whole)
    };
    let beside = say(&agent);
    assert!(agent.stop());
    assert_eq!(say(&agent), beside);
    let (masked, full, plain, whole) = beside;
    for (field, value) in api.as_object().expect("an object") {
        match field.as_str() {
            "holder" | "expires_at" => assert_eq!(full[field], Value::Null, "no dossier is opened"),
            "rights" => assert_eq!(full[field], json!([])),
            _ => assert_eq!(&full[field], value, "{field}"),
        }
        assert!(masked.as_object().expect("an object").contains_key(field), "{field}");
    }
    assert_eq!((&masked["masked"], &full["masked"]), (&json!(true), &json!(false)));
    assert_eq!((&masked["name"], &masked["id_number"]), (&json!("张**"), &json!("000000**********1X")));
    assert_eq!(masked["origin"], "simulated");
    for shown in [masked.to_string(), plain.clone()] {
        for personal in ["张一档", "19900228", "1990-02-28", "样本路"] {
            assert!(!shown.contains(personal), "{personal}: {shown}");
        }
    }
    assert!(plain.contains("id_number\t000000**********1X"), "{plain}");
    assert!(whole.contains("name\t张一档") && whole.contains("id_number\t00000019900228001X"), "{whole}");
}

#[test]
fn what_cannot_be_read_has_the_codes_of_the_api_and_nonsense_is_usage() {
    let mut agent = Agent::start();
    agent.post("/v1/simulated/card", &json!({"insert": null})).expect(204);
    fails(&agent.command(&["card", "read"]), "card_absent");
    let began = Instant::now();
    fails(&agent.command(&["card", "read", "--wait-ms", "600"]), "card_absent");
    assert!(began.elapsed() >= Duration::from_millis(600));
    for wrong in [&["card", "read", "--wait-ms", "x"][..], &["card", "watch", "--json", "tree"], &["card"]] {
        assert_eq!(agent.command(wrong).status.code(), Some(2), "{wrong:?}");
    }
    agent
        .post("/v1/simulated/fault", &json!({"device": "card", "fault": "unplug", "times": 1000}))
        .expect(204);
    wait_until("the reader is gone", || readers(&agent)[0]["state"] == "absent");
    fails(&agent.command(&["card", "read"]), "reader_absent");
    // A dead daemon's socket stops nobody.
    agent.kill();
    assert_eq!(document(&agent.command(&["card", "read", "--json"]))["origin"], "simulated");
}

#[test]
fn watching_tells_each_event_once_and_ends_with_the_signal_or_the_daemon() {
    let mut agent = Agent::start();
    let (lines, json) = (Watch::start(&agent, &[]), Watch::start(&agent, &["--json", "lines"]));
    let insert = |name: Value| agent.post("/v1/simulated/card", &json!({"insert": name})).expect(204);
    std::thread::sleep(LISTENS_WITHIN);
    for (name, kind) in [(json!(null), "card.removed"), (json!("01-resident"), "card.inserted")] {
        insert(name);
        let line = lines.next(kind, PATIENCE);
        assert_eq!(line.split('\t').skip(1).collect::<Vec<_>>(), [kind, "simulated-reader"]);
        let event: Value = serde_json::from_str(&json.next(kind, PATIENCE)).expect("a document a line");
        assert_eq!((&event["type"], &event["data"]), (&json!(kind), &json!({"device": "simulated-reader"})));
        assert!(event["id"].is_u64() && event["at"].is_string(), "{event}");
    }
    // A card that was read and lies there is not removed, though the module finds it no more.
    agent.read_card();
    agent.read_card();
    json.is_silent();
    agent.post("/v1/simulated/fault", &json!({"device": "card", "fault": "unplug", "times": 2})).expect(204);
    for kind in ["card.removed", "device.lost"] {
        lines.next(kind, PATIENCE);
    }
    lines.next("device.found", Duration::from_secs(3));
    assert_eq!(lines.interrupt(), Some(0));
    assert!(agent.stop());
    let mut json = json;
    assert_eq!(json.process.wait().expect("it ends").code(), Some(1), "the daemon it watched is gone");
    let alone = Watch::start(&agent, &[]);
    alone.next("device.found", PATIENCE);
    alone.next("card.inserted", PATIENCE);
    assert_eq!(alone.interrupt(), Some(0));
}

#[test]
fn watchers_that_were_killed_take_no_place_from_commands() {
    let agent = Agent::start();
    for _ in 0..12 {
        let watch = Watch::start(&agent, &[]);
        std::thread::sleep(Duration::from_millis(100));
        drop(watch);
    }
    let began = Instant::now();
    document(&agent.command(&["card", "probe", "--json"]));
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[test]
fn a_probe_over_pcsc_tells_the_way_and_nothing_of_the_card() {
    let Some(pcscd) = pcscd(2) else { return };
    pcscd.readers[1].install(Module::new(Door::Transmit(SHORT), Parts::ALL));
    let mut agent = Agent::start_over_pcsc(&[("tunnel.toml", TUNNEL)]);
    let [resident, ..] = texts();
    pcscd.readers[0].insert(card(&resident));
    pcscd.readers[1].insert(module_card(&resident).0);
    std::thread::sleep(TOLD_WITHIN);
    let probe = |agent: &Agent| {
        tells_nobody(&agent.command(&["card", "probe"]));
        let probe = agent.command(&["card", "probe", "--json"]);
        tells_nobody(&probe);
        document(&probe)["drivers"][0].clone()
    };
    for beside in [true, false] {
        let found = probe(&agent);
        assert_eq!((&found["driver"], &found["error"]), (&json!("pcsc"), &Value::Null));
        let [paged, tunnel] = &found["readers"].as_array().expect("a list")[..] else { panic!("{found}") };
        // The one with the module is in use, though it is listed later.
        assert_eq!((&paged["in_use"], &tunnel["in_use"]), (&json!(false), &json!(true)), "{beside}");
        assert!(tunnel["name"].as_str().expect("a name").contains("(profile tunnel, from the folder"));
        assert!(tunnel["reason"].as_str().expect("a reason").contains("has a security module"), "{tunnel}");
        assert_eq!(
            tunnel["module"],
            json!({"works": true, "error": null, "number": "05.01-20260101-0000000001-0000000001"})
        );
        let steps = tunnel["steps"].as_array().expect("a list");
        let step = |command: &str| steps.iter().find(|s| s["command"] == command).expect("it is told");
        assert_eq!(
            (&step("30 01")["received_bytes"], &step("30 01")["status"]),
            (&json!(1295), &json!("00 00 90"))
        );
        assert!(step("FF F0 00 00")["elapsed_ms"].is_u64());
        assert!(paged["atr"].as_str().expect("an ATR").starts_with("3B 8F 80 01"), "{paged}");
        assert_eq!(paged["module"], Value::Null);
        let first = &paged["steps"][0];
        assert_eq!(
            (&first["command"], &first["sent_bytes"], &first["received_bytes"], &first["status"]),
            (&json!("FF B0 00 00"), &json!(5), &json!(258), &json!("90 00"))
        );
        assert_eq!((&paged["reading"]["done"], &tunnel["reading"]["done"]), (&json!(true), &json!(true)));
        if beside {
            assert!(agent.stop());
        }
    }
    agent.run();
    pcscd.readers[0].fail_next(20, &Fault::Answer(vec![0x6F, 0x00]));
    let paged = &probe(&agent)["readers"][0];
    assert_eq!(paged["reading"]["failure"]["code"], "card_unreadable", "{paged}");
}

#[test]
fn two_programs_share_a_reader_and_events_come_in_time_and_once() {
    let Some(pcscd) = pcscd(1) else { return };
    let agent = Agent::start_over_pcsc(&[]);
    wait_until("the reader is found", || readers(&agent)[0]["state"] == "ready");
    let watch = Watch::start(&agent, &["--json"]);
    let mut other = agent.folder.path().join("other");
    std::fs::create_dir(&other).expect("a folder");
    other.push("yidang.toml");
    let config = "[agent]\ncounter = \"other\"\ndata_dir = \"data\"\n[card]\ndriver = \"pcsc\"\n";
    std::fs::write(&other, config).expect("the file is written");
    let [resident, ..] = texts();
    std::thread::sleep(LISTENS_WITHIN);
    for _ in 0..3 {
        pcscd.readers[0].insert(card(&resident));
        // At once: the service has not looked yet.
        let began = Instant::now();
        agent.post("/v1/card/read", &json!({})).expect(200);
        assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
        watch.next("card.inserted", PATIENCE);
        // Another program, without a daemon of its own, between the daemon's calls.
        let output = Command::new(env!("CARGO_BIN_EXE_yidang"))
            .args(["card", "read", "--json", "--full", "--config"])
            .arg(&other)
            .output()
            .expect("the program runs");
        assert_eq!(document(&output)["id_number"], "11010519491231002X");
        pcscd.readers[0].fail_after(2, 1, &Fault::Pull);
        agent.post("/v1/card/read", &json!({})).is_problem(502, "card_unreadable");
        watch.next("card.removed", PATIENCE);
        pcscd.readers[0].heal();
        agent.post("/v1/card/read", &json!({})).is_problem(409, "card_absent");
    }
    watch.is_silent();
    // Pulled, laid again and pulled within a moment: one card at most.
    pcscd.readers[0].insert(card(&resident));
    watch.next("card.inserted", PATIENCE);
    for _ in 0..30 {
        pcscd.readers[0].remove();
        std::thread::sleep(Duration::from_millis(20));
        pcscd.readers[0].insert(card(&resident));
        std::thread::sleep(Duration::from_millis(60));
    }
    std::thread::sleep(TOLD_WITHIN);
    assert!(watch.lines.try_iter().count() <= 8, "no storm");
    agent.post("/v1/card/read", &json!({})).expect(200);
    assert_eq!(watch.interrupt(), Some(0));
}

#[test]
fn a_waiting_call_answers_soon_after_the_card_is_there() {
    let Some(pcscd) = pcscd(1) else { return };
    let agent = Agent::start_over_pcsc(&[]);
    wait_until("the reader is found", || readers(&agent)[0]["state"] == "ready");
    let [resident, ..] = texts();
    for pause in [200, 450, 700] {
        std::thread::scope(|scope| {
            let laid = scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(pause));
                pcscd.readers[0].insert(card(&resident));
                Instant::now()
            });
            agent.post("/v1/card/read", &json!({"wait_ms": 5000})).expect(200);
            let took = laid.join().expect("it is laid").elapsed();
            // pcscd looks every 400 ms; the rest is ours, and the busy machine's.
            assert!(took < Duration::from_secs(2), "{took:?}");
        });
        pcscd.readers[0].remove();
        std::thread::sleep(TOLD_WITHIN);
    }
}

#[test]
fn the_reader_with_a_module_is_used_and_the_other_is_told_of() {
    let Some(pcscd) = pcscd(2) else { return };
    pcscd.readers[1].install(Module::new(Door::Transmit(SHORT), Parts::ALL));
    let agent = Agent::start_over_pcsc(&[("bare.toml", BARE), ("tunnel.toml", TUNNEL)]);
    wait_until("the reader is found", || readers(&agent).len() == 2);
    let [used, other] = &readers(&agent)[..] else { panic!("two readers") };
    assert_eq!((&used["id"], &used["state"]), (&json!(Pcscd::reader_name(1)), &json!("ready")));
    assert_eq!(used["reason"], "it has a security module");
    assert_eq!((&other["id"], &other["driver"]), (&json!(Pcscd::reader_name(0)), &json!("pcsc")));
    assert_eq!(other["reason"], "not in use: it has no security module");
    pcscd.readers[1].insert(module_card(&texts()[0]).0);
    agent.post("/v1/card/read", &json!({"wait_ms": 5000})).expect(200);
    assert!(agent.read_log().contains("it has a security module"), "{}", agent.read_log());
}

#[test]
fn a_reader_that_shows_to_have_no_module_is_left_for_the_next_one() {
    let Some(pcscd) = pcscd(2) else { return };
    let agent = Agent::start_over_pcsc(&[]);
    wait_until("the readers are found", || readers(&agent).len() == 2);
    pcscd.readers[0].insert(Card::without_module(CHIP_SERIAL));
    let refused = agent.post("/v1/card/read", &json!({"wait_ms": 5000}));
    refused.is_problem(503, "reader_absent");
    let refused = refused.json();
    assert!(refused["remedy"].as_str().expect("a text").contains("安全模块"), "{refused}");
    assert!(refused["detail"].as_str().expect("a text").contains("重放证件没有用"), "{refused}");
    wait_until("the other one is used", || readers(&agent)[0]["id"] == Pcscd::reader_name(1));
    pcscd.readers[1].insert(card(&texts()[0]));
    agent.post("/v1/card/read", &json!({"wait_ms": 5000})).expect(200);
    assert_eq!(readers(&agent)[0]["reason"], "it has a security module");
    assert_eq!(readers(&agent)[1]["reason"], "not in use: it has no security module");
}

#[test]
fn a_named_port_that_is_absent_is_named() {
    let section = "[card]\ndriver = \"auto\"\nport = \"/dev/yidang-no-such-port\"\n";
    for section in [section.to_owned(), section.replace("auto", "sam-serial")] {
        let agent = Agent::start_with_card(&section);
        let refused = agent.post("/v1/card/read", &json!({}));
        if section.contains("serial") {
            refused.is_problem(503, "reader_absent");
            let refused = refused.json();
            assert!(
                refused["detail"].as_str().expect("a text").contains("/dev/yidang-no-such-port"),
                "{refused}"
            );
            assert!(
                fails(&agent.command(&["card", "read"]), "reader_absent").contains("yidang-no-such-port")
            );
        }
        let probe = document(&agent.command(&["card", "probe", "--json"]));
        let port = &probe["drivers"][0];
        assert_eq!(port["driver"], "sam-serial");
        assert!(port["error"].as_str().expect("a text").contains("/dev/yidang-no-such-port"), "{probe}");
    }
}

/// A reader whose library never returns from a reading, until it is let go.
#[derive(Clone, Default)]
struct Blocking(Arc<(Mutex<bool>, Condvar)>);

fn blocking() -> DeviceListing {
    DeviceListing { id: "blocking".into(), name: "blocking".into(), access: Access::Granted }
}

impl CardDriver for Blocking {
    fn name(&self) -> &'static str {
        "blocking"
    }

    fn list(&self) -> Result<Vec<DeviceListing>, DeviceError> {
        Ok(vec![blocking()])
    }

    fn open(&self, _id: &str) -> Result<Box<dyn CardReader>, DeviceError> {
        Ok(Box::new(self.clone()))
    }
}

impl CardReader for Blocking {
    fn listing(&self) -> DeviceListing {
        blocking()
    }

    fn wait(&mut self, _last: Presence, timeout: Duration, cancel: &Cancel) -> Result<Presence, DeviceError> {
        cancel.sleep(timeout);
        Ok(Presence::Present)
    }

    fn read(&mut self, _wish: ReadWish, _cancel: &Cancel) -> Result<RawCard, DeviceError> {
        let let_go = self.0.0.lock().expect("nobody panics");
        drop(self.0.1.wait_while(let_go, |let_go| !*let_go).expect("nobody panics"));
        Err(DeviceError::new(yidang_device::DeviceCondition::CardUnreadable, "let go"))
    }
}

#[test]
fn a_library_that_never_returns_does_not_wedge_the_daemon() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("yidang.toml");
    let config = "[agent]\ncounter = \"c\"\ndata_dir = \"data\"\n[http]\nlisten = \"127.0.0.1:0\"\n";
    std::fs::write(&file, config).expect("the file is written");
    let names = DriverNames { card: &[], camera: &[] };
    let config = Config::load(Some(&file), [], names).expect("it holds");
    let data = config.data_dir.clone();
    let driver = Blocking::default();
    let drivers = Drivers { card: vec![Arc::new(driver.clone())], ..Drivers::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let daemon = runtime.block_on(Daemon::start(config, drivers)).expect("it starts");
    let url = format!("http://{}", daemon.address());
    let token = Tokens::open(&data).and_then(|t| t.create("t", &[Scope::Card], None)).expect("a token");
    let running = runtime.spawn(daemon.run(async move {
        let _ = stopped.await;
    }));
    let call = |path: &str, post: bool| -> (u16, Value) {
        let client: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let (url, bearer) = (format!("{url}{path}"), format!("Bearer {token}"));
        let answer = if post {
            client.post(url).header("Authorization", bearer).send_empty()
        } else {
            client.get(url).header("Authorization", bearer).call()
        };
        let mut answer = answer.expect("the daemon answers");
        let body = answer.body_mut().read_to_string().expect("a body");
        (answer.status().as_u16(), serde_json::from_str(&body).expect("JSON"))
    };
    let began = Instant::now();
    let (status, problem) = call("/v1/card/read", true);
    assert_eq!((status, &problem["code"]), (503, &json!("busy")), "{problem}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    // Told and replaced after its bound of 25 seconds.
    let kinds = || {
        let (_, polled) = call("/v1/events?after=0", false);
        let events = polled["events"].as_array().expect("a list").clone();
        events.iter().map(|event| event["type"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    wait_until("it is abandoned", || kinds().iter().any(|kind| kind == "device.lost"));
    assert!(began.elapsed() > Duration::from_secs(24), "{:?}", began.elapsed());
    wait_until("a fresh thread has found the reader", || {
        kinds().ends_with(&["device.found".into(), "card.inserted".into()])
    });
    let (_, state) = call("/v1/status", false);
    let reason = state["devices"][0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("1 call of the driver never came back"), "{state}");
    *driver.0.0.lock().expect("nobody panics") = true;
    driver.0.1.notify_all();
    let (status, problem) = call("/v1/card/read", true);
    assert_eq!((status, &problem["code"]), (502, &json!("card_unreadable")), "{problem}");
    let _ = stop.send(());
    runtime.block_on(running).expect("it stops");
}

/// Processor time of a process, ended threads included, in the kernel's hundredths of a second.
fn processor_time(process: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    // The name before it may have spaces.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(ticks * 10)
}

#[test]
fn a_reader_without_a_card_costs_next_to_no_processor_time() {
    let Some(_pcscd) = pcscd(1) else { return };
    let agent = Agent::start_over_pcsc(&[]);
    wait_until("the reader is found", || readers(&agent)[0]["state"] == "ready");
    std::thread::sleep(TOLD_WITHIN * 2);
    let span = Duration::from_secs(30);
    let before = processor_time(&agent.process_id());
    std::thread::sleep(span);
    let used = processor_time(&agent.process_id()) - before;
    // Unoptimised, on a machine that is busy with other tests: a bound against loops that spin.
    assert!(used <= span / 100, "{used:?} of {span:?}");
}
