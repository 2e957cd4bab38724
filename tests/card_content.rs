//! Promise: what a card holds beside its text is given only where it is allowed, and its photo is decoded by the
//! operator's program, whatever that program does.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::agent::Agent;

/// What the simulated fingerprint starts with, as it stands in an answer.
const FINGERPRINT: &str = "QwAAAAEQUAAAAAAA";
/// What a PNG of 102 × 126 pixels starts with.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAGYAAAB+";
/// A program that does what the name says that it is run by.
const DECODER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/agent/photo/decoder.sh");
/// A card with a fingerprint and a photo that nobody has decoded yet.
const CARD: &str = "document_type = \"resident\"\nname = \"张一档\"\nid_number = \"00000019900228001X\"\n\
                    birth_date = \"1990-02-28\"\nsex = \"男\"\nethnicity = \"汉\"\n\
                    valid_from = \"2020-03-01\"\nlong_term = true\nfingerprint = true\n";
const BARE_CARD: &str = "document_type = \"hmt\"\nname = \"李样本\"\n";

/// A folder with two cards and a decoder.
fn desk(decoder: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let cards = folder.path().join("cards");
    std::fs::create_dir(&cards).expect("a folder");
    for (name, text) in [("1-whole.toml", CARD), ("2-bare.toml", BARE_CARD)] {
        std::fs::write(cards.join(name), text).expect("the card is written");
    }
    symlink(DECODER, folder.path().join(decoder)).expect("the decoder is linked");
    std::fs::write(folder.path().join("picture"), bmp()).expect("the picture is written");
    folder
}

/// A drawn picture, 24 bits, of a portrait's size.
fn bmp() -> Vec<u8> {
    let words = [38862_u32, 0, 54, 40, 102, 126].into_iter().flat_map(u32::to_le_bytes);
    let head: Vec<u8> = b"BM".iter().copied().chain(words).chain([1, 0, 24, 0]).chain([0; 24]).collect();
    let rows = (0..126_u8).flat_map(|y| (0..102_u8).flat_map(move |x| [x, y, x ^ y]).chain([0; 2]));
    head.into_iter().chain(rows).collect()
}

fn agent(desk: &Path, card_section: &str) -> Agent {
    let cards = desk.join("cards");
    Agent::start_with_card(&format!(
        "[card]\ndriver = \"simulated\"\n{card_section}[simulated]\ncards = {cards:?}\n"
    ))
}

fn agent_with_decoder(desk: &Path, decoder: &str) -> Agent {
    agent(desk, &format!("photo_decoder = {:?}\n", desk.join(decoder)))
}

fn read(agent: &Agent) -> Value {
    agent.post("/v1/card/read", &json!({})).expect(200)
}

#[test]
fn a_fingerprint_is_read_where_configuration_and_token_both_allow_it() {
    let desk = desk("good");
    let mut allowing = agent(desk.path(), "fingerprint = true\n");
    let whole = allowing.make_token("fingers", "card,card:fingerprint,admin");
    let alone = allowing.make_token("fingers alone", "card:fingerprint");
    assert_eq!(read(&allowing)["fingerprint"], Value::Null, "the token may not");
    allowing.token = alone;
    allowing.post("/v1/card/read", &json!({})).is_problem(403, "scope_missing");
    allowing.token = whole;
    let card = read(&allowing);
    let blocks = card["fingerprint"].as_array().expect("blocks");
    assert_eq!(blocks.len(), 2);
    assert!(blocks.iter().all(|block| block.as_str().is_some_and(|text| text.len() == 684)));
    assert!(blocks[0].as_str().is_some_and(|text| text.starts_with(FINGERPRINT)));
    assert_eq!(card["warnings"], json!([]));
    allowing.post("/v1/simulated/card", &json!({"insert": "2-bare"})).expect(204);
    assert_eq!(read(&allowing)["fingerprint"], Value::Null, "the card has none");

    let mut silent = agent(desk.path(), "");
    silent.token = silent.make_token("fingers", "card,card:fingerprint");
    assert_eq!(read(&silent)["fingerprint"], Value::Null, "the configuration does not allow it");
}

#[test]
fn a_reading_with_a_fingerprint_is_kept_nowhere() {
    let desk = desk("good");
    let mut agent = agent(desk.path(), "fingerprint = true\n");
    let window = agent.token.clone();
    let fingers = agent.make_token("fingers", "card,card:fingerprint,admin");
    let keyed = |agent: &Agent| {
        agent.post_with("/v1/card/read", &json!({}), &[("Idempotency-Key", "once")]).expect(200)["name"]
            .clone()
    };
    for (token, second) in [(window, "张一档"), (fingers, "李样本")] {
        agent.token = token;
        agent.post("/v1/simulated/card", &json!({"insert": "1-whole"})).expect(204);
        assert_eq!(keyed(&agent), "张一档");
        agent.post("/v1/simulated/card", &json!({"insert": "2-bare"})).expect(204);
        // A kept answer would still be the first card's.
        assert_eq!(keyed(&agent), second);
    }
    let long = "k".repeat(256);
    let answer = agent.post_with("/v1/card/read", &json!({}), &[("Idempotency-Key", &long)]);
    answer.is_problem(422, "invalid");
    assert!(agent.stop());
    let raw = [b'C', 0, 0, 0, 1, 0x10, 80, 0, 0, 0, 0, 0];
    for entry in std::fs::read_dir(agent.data()).expect("a folder").flatten().filter(|e| e.path().is_file()) {
        let bytes = std::fs::read(entry.path()).expect("a file");
        assert!(!bytes.windows(raw.len()).any(|seen| seen == raw), "{}", entry.path().display());
    }
    let log = agent.read_log();
    assert!(!log.contains(FINGERPRINT) && !log.to_lowercase().contains("4300000001105"), "{log}");
}

#[test]
fn a_photo_is_decoded_by_the_operators_program() {
    let desk = desk("good");
    let agent = agent_with_decoder(desk.path(), "good");
    let card = read(&agent);
    assert_eq!(card["photo_status"], "decoded");
    assert!(card["photo"].as_str().is_some_and(|photo| photo.starts_with(PNG)), "written anew");
    assert_eq!(card["photo_wlt"].as_str().map(str::len), Some(1368), "and as the card holds it");
    assert_eq!(agent.get("/v1/status").expect(200)["photo_decoder"]["state"], "ready");
}

#[test]
fn the_largest_portrait_fits_an_answer_that_is_kept_for_its_repetition() {
    let desk = desk("good");
    let words = [720_054_u32, 0, 54, 40, 480, 500].into_iter().flat_map(u32::to_le_bytes);
    let mut noise: Vec<u8> = b"BM".iter().copied().chain(words).chain([1, 0, 24, 0]).chain([0; 24]).collect();
    let mut state = 1_u32;
    noise.extend((0..720_000).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    }));
    std::fs::write(desk.path().join("picture"), noise).expect("the picture is written");
    let agent = agent_with_decoder(desk.path(), "good");
    let keyed = || agent.post_with("/v1/card/read", &json!({}), &[("Idempotency-Key", "once")]).expect(200);
    let first = keyed();
    assert_eq!(first["photo_status"], "decoded");
    assert!(first["photo"].as_str().is_some_and(|photo| photo.len() > 900_000), "it is noise indeed");
    assert_eq!(keyed(), first);
}

#[test]
fn a_decoder_that_hangs_or_fails_costs_the_portrait_alone() {
    for (decoder, least) in [("hang", 5), ("fails", 0), ("garbage", 0)] {
        let desk = desk(decoder);
        let agent = agent_with_decoder(desk.path(), decoder);
        let begun = Instant::now();
        let card = read(&agent);
        let took = begun.elapsed();
        assert_eq!((&card["photo_status"], &card["photo"]), (&json!("failed"), &Value::Null), "{decoder}");
        assert_eq!(card["name"], "张一档");
        let bounds = Duration::from_secs(least)..Duration::from_secs(least + 4);
        assert!(bounds.contains(&took), "{decoder}: {took:?}");
        assert!(agent.read_log().contains("a photo was not decoded"), "{}", agent.read_log());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_decoder_that_hangs_outlives_a_killed_agent_by_seconds() {
    let seconds = format!("{}.7", 100_000 + std::process::id());
    let wanted = format!("sleep\0{seconds}\0");
    let sleeps = || {
        let processes = std::fs::read_dir("/proc").expect("processes").flatten();
        let commands = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
        commands.into_iter().any(|command| command == wanted.as_bytes())
    };
    let decoder = format!("hangs-{seconds}");
    let desk = desk(&decoder);
    let mut agent = agent_with_decoder(desk.path(), &decoder);
    std::thread::scope(|scope| {
        let url = agent.url.clone();
        let bearer = format!("Bearer {}", agent.token);
        // Cut off by the kill.
        scope.spawn(move || {
            drop(ureq::post(format!("{url}/v1/card/read")).header("Authorization", bearer).send_empty());
        });
        wait_until(Duration::from_secs(4), sleeps);
        agent.kill();
    });
    wait_until(Duration::from_secs(15), || !sleeps());
}

fn wait_until(limit: Duration, holds: impl Fn() -> bool) {
    let until = Instant::now() + limit;
    while !holds() {
        assert!(Instant::now() < until, "it does not come about in {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_decoder_that_is_not_there_is_told_at_the_start_and_in_the_status() {
    let desk = desk("good");
    let agent = agent_with_decoder(desk.path(), "absent");
    assert!(agent.read_log().contains("photos stay compressed"), "{}", agent.read_log());
    assert_eq!(read(&agent)["photo_status"], "no_decoder");
    let status = agent.get("/v1/status").expect(200)["photo_decoder"].clone();
    assert_eq!(status["state"], "absent");
    assert!(
        status["reason"].as_str().is_some_and(|reason| reason.contains("absent: No such file")),
        "{status}"
    );
    // It comes into use as soon as it is there.
    symlink(DECODER, desk.path().join("absent")).expect("the decoder is linked");
    assert_eq!(agent.get("/v1/status").expect(200)["photo_decoder"]["state"], "ready");
    assert_eq!(read(&agent)["photo_status"], "failed", "the script knows no such name");
}
