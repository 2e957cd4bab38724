//! Promise: whoever is put back to an earlier state, window or repository, is found out by the other: what was lost is offered again,
//! and nothing is forgotten that may be under a hold.

use std::fs;

use serde_json::{Value, json};

use crate::support::agent::Agent;
use crate::support::repository::Repository;
use crate::support::{copy_of, put_back, wait_until};

const FORM: &[u8] = include_bytes!("../fixtures/desk/small.jpg");
const WHO_AND_WHY: [&str; 4] = ["--operator", "Operator Ng", "--reason", "court order"];
const LOST: &str = "the repository lacks what it had confirmed";

fn file(agent: &Agent, number: u32) -> String {
    let holder = agent.read_card();
    let capture = agent.upload(&[FORM, number.to_string().as_bytes()].concat()).expect(201);
    let body = json!({"holders": [holder], "kind": "form", "captures": [capture["id"]], "case": format!("K{number}")});
    agent.post("/v1/materials", &body).expect(201)["id"].as_str().expect("an id").to_owned()
}

fn all_is_sent(agent: &Agent) -> bool {
    agent.get("/v1/sync").expect(200)["backlog_materials"] == 0
}

/// Each paper in this dossier, with where it is safe.
fn dossier(agent: &Agent, scope: &str) -> Vec<(String, String)> {
    let holder = agent.read_card();
    let list = agent.get(&format!("/v1/holders/{holder}/materials?scope={scope}")).expect(200);
    let text = |paper: &Value, field: &str| paper[field].as_str().expect("a text").to_owned();
    let papers = list["materials"].as_array().expect("a list");
    let mut papers: Vec<_> = papers.iter().map(|paper| (text(paper, "id"), text(paper, "safe_at"))).collect();
    papers.sort();
    papers
}

/// Whether these and no others are shown everywhere, and are safe at the repository.
fn are_everywhere(agent: &Agent, papers: &[String]) -> bool {
    let mut wanted: Vec<_> = papers.iter().map(|id| (id.clone(), "repository".to_owned())).collect();
    wanted.sort();
    dossier(agent, "all") == wanted
}

fn number_on(agent: &Agent) -> String {
    let card = agent.post("/v1/card/read", &json!({})).expect(200);
    format!("resident {}\n", card["id_number"].as_str().expect("a number"))
}

fn enrol(agent: &Agent, repository: &Repository) {
    let enrolled = agent.command_with_input(&["enrol", "--code", "-"], &repository.enrol_code());
    assert!(enrolled.status.success(), "{}", String::from_utf8_lossy(&enrolled.stderr));
}

/// Asks for an erasure; how it was decided.
fn erase(agent: &Agent, what: &Value, state: &str) -> Value {
    let asked = agent.post("/v1/erasures", what).expect(201);
    let path = format!("/v1/erasures/{}", asked["id"].as_str().expect("an id"));
    wait_until(&format!("the erasure is {state}"), || agent.get(&path).expect(200)["state"] == state);
    agent.get(&path).expect(200)
}

/// While the window runs, and while it does not; the repository's ledger may have outgrown what the window knows of it by then.
#[test]
fn a_repository_that_was_put_back_is_offered_what_it_lost() {
    for (runs, grows) in [(true, false), (true, true), (false, true)] {
        let mut repository = Repository::start();
        let mut agent = Agent::start_enrolled(&repository.url, &repository.enrol_code());
        let other = Agent::start_enrolled(&repository.url, &repository.enrol_code());
        let mut papers = vec![file(&agent, 0)];
        wait_until("the first is everywhere", || are_everywhere(&other, &papers));
        repository.kill();
        let backup = copy_of(&repository.data());
        repository.run();
        papers.extend((1..4).map(|number| file(&agent, number)));
        wait_until("they are everywhere", || are_everywhere(&other, &papers));
        wait_until("they are sent", || all_is_sent(&agent));
        if !runs {
            assert!(agent.stop());
        }
        repository.kill();
        put_back(&backup, &repository.data());
        repository.run();
        if grows {
            let entries = |_: u32| dossier(&other, "all").len();
            assert!((0..12).map(entries).all(|shown| shown >= 1));
        }
        if !runs {
            agent.run();
        }
        wait_until("it is noticed", || agent.read_log().contains(LOST));
        wait_until("they are everywhere again", || are_everywhere(&other, &papers));
        wait_until("nothing waits", || all_is_sent(&agent) && are_everywhere(&agent, &papers));
        // And once is enough.
        assert!(agent.stop());
        let before = agent.read_log().matches(LOST).count();
        agent.run();
        papers.push(file(&agent, 9));
        wait_until("a later paper is everywhere", || are_everywhere(&other, &papers));
        assert_eq!((before, agent.read_log().matches(LOST).count()), (1, 1), "{runs} {grows}");
    }
}

#[test]
fn a_repository_that_was_founded_anew_is_offered_everything() {
    let mut repository = Repository::start();
    let agent = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let papers: Vec<String> = (0..3).map(|number| file(&agent, number)).collect();
    wait_until("they are sent", || all_is_sent(&agent) && are_everywhere(&agent, &papers));
    repository.forget_everything();
    wait_until("it knows nobody", || agent.get("/v1/sync").expect(200)["repository"] == "not_enrolled");
    enrol(&agent, &repository);
    let other = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    wait_until("they are everywhere again", || are_everywhere(&other, &papers));
    assert_eq!(agent.read_log().matches(LOST).count(), 1);
}

/// Its ledger alone: it remembers whom it told what, and the windows' ends.
#[test]
fn a_repository_whose_ledger_was_cut_off_is_offered_what_it_lost() {
    let mut repository = Repository::start();
    let agent = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let mut papers = vec![file(&agent, 0)];
    wait_until("the first is sent", || all_is_sent(&agent) && are_everywhere(&agent, &papers));
    repository.kill();
    let backup = copy_of(&repository.data());
    repository.run();
    papers.extend((1..4).map(|number| file(&agent, number)));
    wait_until("they are sent", || all_is_sent(&agent) && are_everywhere(&agent, &papers));
    repository.kill();
    let _ = fs::remove_dir_all(repository.data().join("backup"));
    for ending in ["", "-wal", "-shm"] {
        let file = format!("ledger.db{ending}");
        let _ = fs::remove_file(repository.data().join(&file));
        if backup.join(&file).exists() {
            fs::copy(backup.join(&file), repository.data().join(&file)).expect("it is copied");
        }
    }
    let rebuilt = repository.run_command(&["rebuild"]);
    assert_eq!(rebuilt.status.code(), Some(1), "{}", String::from_utf8_lossy(&rebuilt.stderr));
    repository.run();
    wait_until("it is noticed", || agent.read_log().contains(LOST));
    let other = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    wait_until("they are everywhere again", || are_everywhere(&other, &papers));
}

/// Nobody asks the repository itself: its copy knows of no hold, and the window that asks for the erasure held nothing either.
#[test]
fn a_repository_that_was_put_back_to_before_a_hold_forgets_nothing_until_the_holds_are_confirmed() {
    let mut repository = Repository::start();
    let mut a = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let mut b = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let paper = file(&a, 0);
    wait_until("it is everywhere", || are_everywhere(&b, std::slice::from_ref(&paper)));
    repository.kill();
    let backup = copy_of(&repository.data());
    repository.run();
    let number = number_on(&a);
    assert!(a.stop());
    let placed = repository.command_with_input(&[&["hold", "place"], &WHO_AND_WHY[..]].concat(), &number);
    assert!(placed.status.success(), "{}", String::from_utf8_lossy(&placed.stderr));
    // Nothing but the news of it has told this window of the repository's end.
    wait_until("a window hears of it", || {
        let list = b.command(&["archive", "hold", "list", "--json"]);
        String::from_utf8_lossy(&list.stdout).contains("court order")
    });
    b.kill();
    repository.kill();
    put_back(&backup, &repository.data());
    repository.run();
    b.run();
    wait_until("it is noticed", || b.read_log().contains(LOST));

    // One that knew nothing of the hold.
    let c = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    wait_until("the paper is seen", || are_everywhere(&c, std::slice::from_ref(&paper)));
    let decided = erase(&c, &json!({"material": paper, "reason": "test"}), "refused");
    assert_eq!(decided["refusal"], "holds_unproven");
    let told = |words: &[&str]| {
        String::from_utf8_lossy(&repository.command_with_input(words, &number).stderr).into_owned()
    };
    let listed = told(&["hold", "list"]);
    assert!(listed.contains("this list is in doubt") && !listed.contains("rebuild"), "{listed}");
    let confirmed = repository.run_command(&["hold", "confirm", "--operator", "Operator Ng"]);
    assert!(confirmed.status.success(), "{}", String::from_utf8_lossy(&confirmed.stderr));
    // Nothing is damaged, so nobody is sent to look for it, and what is lost is lost all the same.
    let check = repository.run_command(&["check"]);
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    let audited = told(&["audit", "person"]);
    assert!(audited.contains("error: audit_incomplete: 1 times the ledger was found cut off"), "{audited}");
    assert!(audited.contains("neither `yidang-repository check` nor a rebuild finds"), "{audited}");
    assert!(!audited.contains("places"), "{audited}");
    // Confirmed once, it is not doubted anew by whoever knows of what was lost before.
    a.run();
    wait_until("it is connected", || a.get("/v1/sync").expect(200)["repository"] == "connected");
    erase(&c, &json!({"material": paper, "reason": "test"}), "done");
}

/// What the repository erased meanwhile is heard of before or after the ledger is compared: it must not be carried out before.
#[test]
fn a_window_that_was_put_back_to_before_a_hold_carries_out_no_erasure() {
    let repository = Repository::start();
    let mut a = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let b = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let paper = file(&a, 0);
    wait_until("it is everywhere", || are_everywhere(&b, std::slice::from_ref(&paper)));
    assert!(a.stop());
    let backup = copy_of(&a.data());
    a.run();
    let words = [&["archive", "hold", "place", "--material", &paper], &WHO_AND_WHY[..]].concat();
    let placed = a.command(&words);
    assert!(placed.status.success(), "{}", String::from_utf8_lossy(&placed.stderr));
    erase(&b, &json!({"material": paper, "reason": "test"}), "done");
    let number = number_on(&a);
    let deferred = |agent: &Agent| {
        let audit = agent.command_with_input(&["archive", "audit", "person", "--json"], &number);
        String::from_utf8_lossy(&audit.stdout).contains("erasure_deferred")
    };
    wait_until("it waits for the hold", || deferred(&a));
    // The next start tells of the ledger's end before anything else.
    assert!(a.stop());
    a.run();
    wait_until("it is connected", || a.get("/v1/sync").expect(200)["repository"] == "connected");
    file(&a, 1);
    wait_until("it is sent", || all_is_sent(&a));
    assert!(a.stop());
    put_back(&backup, &a.data());
    a.run();
    wait_until("it is noticed", || a.read_log().contains("remembers another ledger"));
    wait_until("the erasure waits for the holds", || deferred(&a));
    assert_eq!(dossier(&a, "local"), [(paper, "this_pc".to_owned())]);
}

/// Forgotten everywhere else, it is nobody's but the hold's: a repository that knows nothing must not spread it again.
#[test]
fn what_a_hold_alone_keeps_is_not_offered_to_a_repository_that_lost_the_erasure() {
    let mut repository = Repository::start();
    let [a, b] = [(); 2].map(|()| Agent::start_enrolled(&repository.url, &repository.enrol_code()));
    let [held, kept] = [file(&a, 0), file(&a, 1)];
    wait_until("they are everywhere", || are_everywhere(&b, &[held.clone(), kept.clone()]));
    let words = [&["archive", "hold", "place", "--material", &held], &WHO_AND_WHY[..]].concat();
    assert!(a.command(&words).status.success());
    erase(&b, &json!({"material": held, "reason": "test"}), "done");
    let here_alone = (held.clone(), "this_pc".to_owned());
    wait_until("it waits for the hold", || dossier(&a, "local").contains(&here_alone));
    repository.forget_everything();
    wait_until("it knows nobody", || a.get("/v1/sync").expect(200)["repository"] == "not_enrolled");
    enrol(&a, &repository);
    let c = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    wait_until("the other is everywhere", || are_everywhere(&c, std::slice::from_ref(&kept)));
    assert!(dossier(&a, "local").contains(&here_alone));
}

/// Put right without a network to another person, while the person it was filed for by mistake was forgotten.
#[test]
fn what_was_put_right_after_it_was_erased_elsewhere_is_said_to_be_here_alone() {
    let mut repository = Repository::start();
    let mut a = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let b = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let paper = file(&a, 0);
    wait_until("it is everywhere", || are_everywhere(&b, std::slice::from_ref(&paper)));
    assert!(a.stop());
    erase(&b, &json!({"holder": b.read_card(), "reason": "test"}), "done");
    repository.kill();
    a.run();
    a.read_card();
    let subject = json!({"type": "resident", "value": "000000199001010018"});
    let open = json!({"subject": subject, "basis": "no_card", "purpose": "test", "case": "K0"});
    let right = a.post("/v1/holders", &open).expect(201)["holder"].clone();
    let refile = json!({"holders": [right], "reason": "filed to the wrong person"});
    a.post(&format!("/v1/materials/{paper}/refile"), &refile).expect(200);
    repository.run();
    let here_alone = |scope: &str| {
        let list = format!("/v1/holders/{}/materials?scope={scope}", right.as_str().expect("a name"));
        let list = a.get(&list).expect(200);
        let papers = list["materials"].as_array().expect("a list");
        papers.len() == 1 && papers[0]["id"] == paper.as_str() && papers[0]["safe_at"] == "this_pc"
    };
    wait_until("it is refused", || a.read_log().contains("does not put a material right"));
    wait_until("it is listed as here alone", || here_alone("local") && here_alone("all"));
}

/// The person comes again while the window hears nothing: what they bring is no part of what was forgotten before.
#[test]
fn what_is_filed_after_a_person_was_forgotten_elsewhere_is_kept_and_sent() {
    let mut repository = Repository::start();
    let mut a = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let b = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let gone = file(&a, 0);
    wait_until("it is everywhere", || are_everywhere(&b, std::slice::from_ref(&gone)));
    assert!(a.stop());
    erase(&b, &json!({"holder": b.read_card(), "reason": "test"}), "done");
    repository.kill();
    a.run();
    let brought = [file(&a, 1)];
    repository.run();
    wait_until("the older one goes", || dossier(&a, "local").len() == 1);
    wait_until("the newer one is everywhere", || {
        are_everywhere(&b, &brought) && are_everywhere(&a, &brought)
    });
}

/// Its first question counts the news of a world that is gone.
#[test]
fn a_window_that_was_off_meanwhile_hears_what_was_forgotten_like_the_others() {
    let mut repository = Repository::start();
    let [a, mut late] = [(); 2].map(|()| Agent::start_enrolled(&repository.url, &repository.enrol_code()));
    let papers = [file(&a, 0), file(&late, 1)];
    wait_until("they are everywhere", || are_everywhere(&a, &papers) && are_everywhere(&late, &papers));
    repository.kill();
    let folders = [repository.data(), repository.data().with_extension("keys")];
    let backups = folders.clone().map(|folder| copy_of(&folder));
    repository.run();
    let hold = |repository: &Repository, words: &[&str]| {
        let done = repository.run_command(&[words, &WHO_AND_WHY[..]].concat());
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    };
    let lists = |id: &str| {
        let list = late.command(&["archive", "hold", "list", "--json"]);
        String::from_utf8_lossy(&list.stdout).contains(id)
    };
    let ghost = hold(&repository, &["hold", "place", "--material", &papers[1]]);
    wait_until("the hold is heard of", || lists(&ghost));
    assert!(late.stop());
    hold(&repository, &["hold", "lift", &ghost]);
    erase(&a, &json!({"holder": a.read_card(), "reason": "test"}), "done");
    repository.kill();
    backups.iter().zip(&folders).for_each(|(backup, folder)| put_back(backup, folder));
    repository.run();
    wait_until("it is noticed", || a.read_log().contains(LOST) && all_is_sent(&a));
    late.run();
    wait_until("it is noticed there too", || late.read_log().contains(LOST));
    let confirmed = repository.run_command(&["hold", "confirm", "--operator", "Operator Ng"]);
    assert!(confirmed.status.success(), "{}", String::from_utf8_lossy(&confirmed.stderr));
    wait_until("it is forgotten everywhere", || are_everywhere(&a, &[]) && are_everywhere(&late, &[]));
    assert!(all_is_sent(&late) && dossier(&late, "local").is_empty());
    assert!(!late.read_log().contains("denies an erasure"));
}

/// The windows keep it until somebody has compared: then a hold that is in no list is lifted everywhere, and one that stands again
/// is placed again.
#[test]
fn holds_of_a_repository_that_was_put_back_are_those_of_its_list_once_that_is_confirmed() {
    let mut repository = Repository::start();
    let mut a = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let papers = [file(&a, 0), file(&a, 1)];
    wait_until("they are sent", || all_is_sent(&a) && are_everywhere(&a, &papers));
    let place = |repository: &Repository, paper: &str| {
        let words = [&["hold", "place", "--material", paper], &WHO_AND_WHY[..]].concat();
        String::from_utf8_lossy(&repository.run_command(&words).stdout).trim().to_owned()
    };
    let held = |agent: &Agent| {
        let list = agent.command(&["archive", "hold", "list", "--json"]);
        let list: Value = serde_json::from_slice(&list.stdout).expect("a list");
        let ids = list["holds"]
            .as_array()
            .expect("holds")
            .iter()
            .map(|hold| hold["id"].as_str().expect("an id").to_owned());
        ids.collect::<Vec<_>>()
    };
    let kept = place(&repository, &papers[0]);
    wait_until("the first hold is heard of", || held(&a) == [kept.clone()]);
    repository.kill();
    let backup = copy_of(&repository.data());
    repository.run();
    let lifted = repository.run_command(&[&["hold", "lift", &kept], &WHO_AND_WHY[..]].concat());
    assert!(lifted.status.success());
    let lost = place(&repository, &papers[1]);
    wait_until("the window hears of both", || held(&a) == [lost.clone()]);
    repository.kill();
    put_back(&backup, &repository.data());
    repository.run();
    let mut both = [kept.clone(), lost.clone()];
    both.sort();
    wait_until("what stands again is placed again", || {
        let mut held = held(&a);
        held.sort();
        held == both
    });
    // Whoever is to compare hears of the other.
    let said = |words: &[&str]| {
        let told = repository.run_command(words);
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        (
            String::from_utf8_lossy(&told.stdout).into_owned(),
            String::from_utf8_lossy(&told.stderr).into_owned(),
        )
    };
    wait_until("the window says so", || {
        said(&["hold", "list"]).1.contains(&format!("says what they are: {lost}"))
    });
    let list: Value = serde_json::from_str(&said(&["hold", "list", "--json"]).0).expect("a list");
    assert_eq!(list["kept_by_windows"], json!([lost]));
    // Also for a window that is off while that is confirmed.
    assert!(a.stop());
    let confirmed = said(&["hold", "confirm", "--operator", "Operator Ng"]).1;
    assert!(confirmed.contains(&format!("in no list here: {lost}")), "{confirmed}");
    let left = said(&["hold", "list"]).1;
    assert!(!left.contains(&lost), "{left}");
    a.run();
    wait_until("what is in no list is lifted", || held(&a) == [kept.clone()]);
    erase(&a, &json!({"material": papers[1], "reason": "test"}), "done");
}

/// What was forgotten since the copy was made is in it again, and no window offers it: they have forgotten it too.
#[test]
fn a_repository_that_was_put_back_forgets_again_what_was_forgotten_since() {
    for person in [false, true] {
        let mut repository = Repository::start();
        let [a, b] = [(); 2].map(|()| Agent::start_enrolled(&repository.url, &repository.enrol_code()));
        let papers = [file(&a, 0), file(&a, 1)];
        wait_until("they are everywhere", || are_everywhere(&b, &papers));
        repository.kill();
        // A person's key goes with them, so the keys are put back with the rest.
        let folders = [repository.data(), repository.data().with_extension("keys")];
        let backups = folders.clone().map(|folder| copy_of(&folder));
        repository.run();
        let what = if person {
            json!({"holder": b.read_card(), "reason": "test"})
        } else {
            json!({"material": papers[0], "reason": "test"})
        };
        erase(&b, &what, "done");
        let kept = if person { &papers[2..] } else { &papers[1..] };
        wait_until("it is gone everywhere", || are_everywhere(&a, kept) && are_everywhere(&b, kept));
        // Filed since for whoever was forgotten, it is no part of that.
        let later = file(&a, 2);
        let kept = [kept, &[later]].concat();
        wait_until("the later one is sent", || are_everywhere(&a, &kept) && all_is_sent(&a));
        repository.kill();
        backups.iter().zip(&folders).for_each(|(backup, folder)| put_back(backup, folder));
        repository.run();
        wait_until("it is noticed", || a.read_log().contains(LOST) && b.read_log().contains(LOST));

        // Until the holds are confirmed it is there, and shown to nobody.
        let c = Agent::start_enrolled(&repository.url, &repository.enrol_code());
        wait_until("what was kept is everywhere", || are_everywhere(&c, &kept) && are_everywhere(&b, &kept));
        let hold = || {
            let words = [&["hold", "place", "--material", &papers[0]], &WHO_AND_WHY[..]].concat();
            String::from_utf8_lossy(&repository.run_command(&words).stderr).into_owned()
        };
        assert!(hold().contains("it covers 1 paper"), "{person}");
        let list = repository.run_command(&["hold", "list"]);
        let placed = String::from_utf8_lossy(&list.stdout).split('\t').next().unwrap_or_default().to_owned();
        let confirmed = repository.run_command(&["hold", "confirm", "--operator", "Operator Ng"]);
        assert!(confirmed.status.success(), "{}", String::from_utf8_lossy(&confirmed.stderr));
        assert!(are_everywhere(&c, &kept));
        let lifted = repository.run_command(&[&["hold", "lift", &placed], &WHO_AND_WHY[..]].concat());
        assert!(lifted.status.success(), "{}", String::from_utf8_lossy(&lifted.stderr));
        wait_until("it is forgotten", || hold().contains("material_erased"));
        assert!(are_everywhere(&c, &kept) && are_everywhere(&a, &kept), "{person}");
    }
}

/// Its feeds give numbers once more that the windows have heard under already.
#[test]
fn a_window_hears_of_what_was_forgotten_though_it_heard_more_than_an_older_repository_db_knows() {
    let mut repository = Repository::start();
    let mut a = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let b = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let papers = [0, 1, 2].map(|number| file(&a, number));
    wait_until("they are everywhere", || are_everywhere(&b, &papers));
    repository.kill();
    let state = ["", "-wal"].map(|end| repository.data().join(format!("repository.db{end}")));
    let older = state.each_ref().map(|file| fs::read(file).unwrap_or_default());
    repository.run();
    let words = [&["hold", "place", "--material", &papers[2]], &WHO_AND_WHY[..]].concat();
    assert!(repository.run_command(&words).status.success());
    let is_held = || {
        let list = a.command(&["archive", "hold", "list", "--json"]);
        String::from_utf8_lossy(&list.stdout).contains("court order")
    };
    wait_until("the hold is heard of", is_held);
    let list = repository.run_command(&["hold", "list"]);
    let placed = String::from_utf8_lossy(&list.stdout).split('\t').next().unwrap_or_default().to_owned();
    let lifted = repository.run_command(&[&["hold", "lift", &placed], &WHO_AND_WHY[..]].concat());
    assert!(lifted.status.success(), "{}", String::from_utf8_lossy(&lifted.stderr));
    wait_until("and that it is lifted", || !is_held());
    assert!(a.stop());
    for paper in &papers[..2] {
        erase(&b, &json!({"material": paper, "reason": "test"}), "done");
    }
    repository.kill();
    let _ = fs::remove_file(repository.data().join("repository.db-shm"));
    state.iter().zip(&older).for_each(|(file, bytes)| fs::write(file, bytes).expect("written"));
    repository.run();
    a.run();
    wait_until("it hears of them", || are_everywhere(&a, &papers[2..]));
    wait_until("and so does the other", || all_is_sent(&b) && are_everywhere(&b, &papers[2..]));
    assert!(a.read_log().contains(LOST), "what it confirmed since is offered to it again");
    let confirmed = repository.run_command(&["hold", "confirm", "--operator", "Operator Ng"]);
    assert!(String::from_utf8_lossy(&confirmed.stderr).contains("no hold is in doubt"), "{confirmed:?}");
}
