//! Whether everything acknowledged is there, byte for byte, and everything taken away stays away.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Failure;
use crate::papers::{Gone, Paper, Papers, View, number_in, picture};
use crate::window::{Listed, Window};

/// How often a picture is asked for that the repository's dossier lists, and how long between.
const LOOKS: u32 = 4;
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// What is not as it was acknowledged.
#[derive(Default)]
pub(crate) struct Findings {
    /// Acknowledged things that are missing, or not what they were.
    pub(crate) lost: Vec<String>,
    /// Whatever else is wrong: what came back, what a check of the store says, what was refused.
    pub(crate) wrong: Vec<String>,
}

impl Findings {
    pub(crate) fn is_empty(&self) -> bool {
        self.lost.is_empty() && self.wrong.is_empty()
    }
}

/// How a check is made.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    /// `local`, or `all` to see the repository's part.
    pub(crate) scope: &'static str,
    /// Whether what is seen now stays so: not while changes may still be on their way.
    pub(crate) is_final: bool,
}

/// Looks at all papers of these people, whose papers are in nobody else's dossier.
pub(crate) fn papers(
    window: &Window,
    papers: &mut Papers,
    persons: &[u32],
    look: Look,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let mut seen: BTreeMap<String, Vec<View>> = BTreeMap::new();
    let mut holders = Vec::new();
    for &person in persons {
        let opened = window.open(person).filter(|a| a.status == 201).ok_or("no dossier is opened")?;
        let holder = opened.text("holder");
        for (id, Listed { case, .. }) in window.list(&holder, look.scope)? {
            seen.entry(id).or_default().push(View { person, case });
        }
        holders.push(holder);
    }
    adopt(papers, &seen, findings);
    let none = Vec::new();
    let theirs = |p: &&mut Paper| p.views.iter().any(|v| persons.contains(&v.person));
    for paper in papers.papers.iter_mut().filter(theirs) {
        let views = seen.get(&paper.id).unwrap_or(&none);
        judge(paper, views, look, findings);
        if !views.is_empty() {
            look_at_original(window, paper, look, &holders, findings)?;
        }
        if look.is_final {
            settle(paper, views);
        }
    }
    Ok(())
}

/// Takes up papers whose filing was cut off before it was answered.
fn adopt(papers: &mut Papers, seen: &BTreeMap<String, Vec<View>>, findings: &mut Findings) {
    for (id, views) in seen {
        if papers.paper(id).is_some() {
            continue;
        }
        let Some(number) = views.first().and_then(|view| number_in(&view.case)) else {
            findings.wrong.push(format!("a paper is there that nobody filed: {id}"));
            continue;
        };
        let (id, views, gone) = (id.clone(), views.clone(), Gone::No);
        if let Some(twin) = papers.papers.iter().find(|p| p.number == number) {
            findings.wrong.push(format!("paper {} is there twice", twin.number));
        }
        papers.papers.push(Paper { id, number, views, gone, is_acknowledged: false, is_taken: false });
    }
}

fn judge(paper: &Paper, seen: &[View], look: Look, findings: &mut Findings) {
    let number = paper.number;
    if seen.is_empty() {
        // Or it went from a dossier that was looked at later to one that was looked at before.
        let may_have_moved = !look.is_final && paper.views.len() > 1;
        if paper.gone == Gone::No && paper.is_acknowledged && !may_have_moved {
            findings.lost.push(format!("paper {number} is gone"));
        }
        return;
    }
    if paper.gone == Gone::Yes {
        findings.wrong.push(format!("paper {number} was forgotten and is there"));
    } else if seen.len() > 1 && !look.is_final && seen.iter().all(|view| paper.views.contains(view)) {
        // It went from one dossier to the next between two looks; where it is to stay, the settled look tells.
    } else if seen.len() > 1 {
        findings.wrong.push(format!("paper {number} is in {} dossiers", seen.len()));
    } else if !paper.views.contains(&seen[0]) {
        let (is, belongs) =
            (seen[0].to_string(), paper.views.iter().map(View::to_string).collect::<Vec<_>>());
        findings.lost.push(format!(
            "paper {number}, {}, is not where it was refiled to: it is {is} and belongs {}",
            paper.id,
            belongs.join(" or ")
        ));
    }
}

/// What is seen after a start has been read from the disk: it stays.
fn settle(paper: &mut Paper, seen: &[View]) {
    paper.is_taken = false;
    if seen.is_empty() {
        paper.gone = Gone::Yes;
    } else {
        paper.views = seen.to_vec();
        paper.is_acknowledged = true;
    }
}

fn look_at_original(
    window: &Window,
    paper: &Paper,
    look: Look,
    holders: &[String],
    findings: &mut Findings,
) -> Result<(), Failure> {
    let path = format!("/v1/materials/{}/pages/1/image?rendition=original", paper.id);
    let mut said = String::new();
    for _ in 0..LOOKS {
        let answer = window.get(&path);
        if answer.as_ref().is_some_and(|a| a.status == 200 && a.bytes == picture(paper.number)) {
            return Ok(());
        }
        said = answer.map_or("no answer".to_owned(), |a| a.problem());
        if look.scope != "all" {
            break;
        }
        // News of a refiling that comes between a list and its pictures asks the window to list again.
        std::thread::sleep(LOOK_AGAIN);
        for holder in holders {
            window.list(holder, look.scope)?;
        }
    }
    // It may be put right or forgotten meanwhile.
    let may_move = !look.is_final && (paper.views.len() > 1 || paper.gone == Gone::Maybe);
    if !may_move || !said.starts_with("404") {
        findings.lost.push(format!("the original of paper {}: {said}", paper.number));
    }
    Ok(())
}

/// Looks at all captures that were not filed, and forgets those that may be gone.
pub(crate) fn captures(window: &Window, papers: &mut Papers, findings: &mut Findings) -> Result<(), Failure> {
    for capture in &mut papers.captures {
        capture.is_taken = false;
        let path = format!("/v1/captures/{}/image?rendition=original", capture.id);
        let answer = window.get(&path).ok_or("a capture is asked for and no answer comes")?;
        let is_whole = answer.status == 200 && answer.bytes == picture(capture.number);
        let is_away = matches!(answer.status, 404 | 409 | 410);
        match capture.gone {
            Gone::No if !is_whole => {
                findings.lost.push(format!("capture {}: {}", capture.number, answer.problem()));
            }
            Gone::Maybe if !is_whole && !is_away => {
                findings.lost.push(format!("capture {}: {}", capture.number, answer.problem()));
            }
            Gone::Yes if !is_away => {
                findings.wrong.push(format!("capture {} was thrown away and is there", capture.number));
            }
            _ => {}
        }
    }
    papers.captures.retain(|c| c.gone == Gone::No);
    Ok(())
}
