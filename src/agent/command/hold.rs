//! `yidang archive hold`.

use std::io::{self, Write as _};

use clap::{Args, Subcommand};
use serde_json::json;

use super::export::{name, read_subject, text};
use super::output::{head, say, say_json};
use super::reach;
use crate::config::Config;
use crate::control::{Held, HoldLine, HoldRequest, News, Outcome, Request};
use crate::failure::Failure;

/// The columns of the list, named as in the JSON document.
const COLUMNS: [&str; 8] =
    ["id", "placed_at", "about", "placed_by", "operator", "case", "reason", "materials"];

/// Legal holds: what is held is neither erased nor disposed of, whoever asks, until the hold is lifted.
#[derive(Subcommand)]
pub(super) enum HoldCommand {
    Place(PlaceCommand),
    Lift(LiftCommand),
    Confirm(ConfirmCommand),
    /// Names the holds that stand, without a word about whose papers they are: `archive audit person` tells what holds a
    /// person's. The columns' names go to standard error.
    List {
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
}

/// Places a hold and prints its identifier.
///
/// Standard error says how many papers it covers, and warns where the number's check digit is wrong.
///
/// With `--material` it is on that paper. Without, it is on everything of a person, what is filed later among it. The person
/// comes from standard input, never from the command line, which other users can see: the type, a space, and the number.
///
///   echo "resident NUMBER" | yidang archive hold place --operator NAME --reason TEXT --case NUMBER
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(super) struct PlaceCommand {
    /// One paper, by its identifier.
    #[arg(long, value_name = "ID")]
    material: Option<String>,
    /// Who places it; stands in the ledger.
    #[arg(long, value_name = "NAME", value_parser = name)]
    operator: String,
    /// Why; stands in the ledger. No names and no numbers of people.
    #[arg(long, value_name = "TEXT", value_parser = text)]
    reason: String,
    /// For which case, or by which order: by this number the list can be compared with the orders that were made.
    #[arg(long, value_name = "NUMBER", value_parser = text)]
    case: Option<String>,
    /// One JSON document.
    #[arg(long)]
    json: bool,
}

/// Lifts a hold that was placed here. What a repository placed is lifted there. Erasures that waited for it are
/// carried out.
#[derive(Args)]
pub(super) struct LiftCommand {
    /// The hold.
    #[arg(value_name = "ID")]
    id: String,
    /// Who lifts it; stands in the ledger.
    #[arg(long, value_name = "NAME", value_parser = name)]
    operator: String,
    /// Why; stands in the ledger. No names and no numbers of people.
    #[arg(long, value_name = "TEXT", value_parser = text)]
    reason: String,
}

/// Says that the holds that stand are all there are, once somebody has compared them with the orders that were made.
///
/// Where the ledger has lost something that may have been a hold, nothing is erased or disposed of until then
/// (`holds_unproven`). What is missing, as the holds that a rebuild named as lost, is placed again first: this asks nothing, and
/// what is confirmed is the list as it stands. What the repository had decided and waited for this is carried out at once.
///
/// To compare: `archive hold list` gives each hold's case and reason, and not whose papers it is on; `archive audit person`
/// tells whether a person's papers are held (`held`, with the case), and `hold_lifted` where they are no more.
#[derive(Args)]
pub(super) struct ConfirmCommand {
    /// Who compared them; stands in the ledger.
    #[arg(long, value_name = "NAME", value_parser = name)]
    operator: String,
}

pub(super) fn hold(config: &Config, command: &HoldCommand) -> Result<(), Failure> {
    match command {
        HoldCommand::Place(place) => {
            let of = match &place.material {
                Some(id) => Held::Material(id.clone()),
                None => {
                    let (subject_type, subject) = read_subject()?;
                    Held::Person { subject_type, subject }
                }
            };
            let request = HoldRequest::Place {
                of,
                operator: place.operator.clone(),
                reason: place.reason.clone(),
                case: place.case.clone(),
            };
            match reach::carry_out(config, &Request::Hold(request), &mut |_| Ok(()))? {
                Outcome::Held(line) => {
                    warn(&line);
                    if config.repository_url.is_some() {
                        tell_how_far();
                    }
                    if place.json { say_json(&line) } else { say(&line.id) }
                }
                _ => Ok(()),
            }
        }
        HoldCommand::Lift(LiftCommand { id, operator, reason }) => {
            let (id, operator, reason) = (id.clone(), operator.clone(), reason.clone());
            let request = Request::Hold(HoldRequest::Lift { id, operator, reason });
            reach::carry_out(config, &request, &mut |_| Ok(()))?;
            note(
                "the hold is lifted: what the repository had decided and this hold kept is carried out; what was refused has to be asked for \
                 again",
                "已解除此保全：中心库已决定、因保全暂缓的删除和处置随即执行；曾被拒绝的须重新提出。",
            );
            Ok(())
        }
        HoldCommand::Confirm(ConfirmCommand { operator }) => {
            let request = Request::Hold(HoldRequest::Confirm { operator: operator.clone() });
            if let Outcome::HoldsConfirmed { was_doubted, awaits_rebuild } =
                reach::carry_out(config, &request, &mut |_| Ok(()))?
            {
                confirmed(was_doubted);
                if awaits_rebuild {
                    note(AWAITS_REBUILD.0, AWAITS_REBUILD.1);
                }
            }
            Ok(())
        }
        HoldCommand::List { json } => list(config, *json),
    }
}

/// Said after a confirmation that the next rebuild makes void.
const AWAITS_REBUILD: (&str, &str) = (
    "the ledger still lacks entries that no `archive rebuild` has entered as lost: stop the program and run it; it asks for this \
     confirmation again",
    "账本中还有缺失未经 archive rebuild 记入：请停止程序并运行 yidang archive rebuild；重建之后须再次确认。",
);

/// What a list of holds that may lack one is told with.
fn doubt(awaits_rebuild: bool) {
    if awaits_rebuild {
        note(
            "this list is in doubt: the ledger lacks entries that may have been holds, and nothing is forgotten. First stop the program and \
             run `yidang archive rebuild`, which names the holds that are known to be lost; then have what is missing placed again, and \
             say so with `yidang archive hold confirm`",
            "此列表存疑：账本缺失的条目中可能有依法保全，在确认之前不予删除和处置。请先停止程序并运行 yidang archive rebuild，它会列出已知丢失的保全；再重新设置缺的保全，并用 yidang archive hold confirm 确认。",
        );
    } else {
        note(
            "this list is in doubt: the ledger has lost something that may have been a hold, and nothing is forgotten. \
             `yidang archive verify` names the holds that are known to be lost; have what is missing placed again, and say so with \
             `yidang archive hold confirm`",
            "此列表存疑：账本丢失的内容中可能有依法保全，在确认之前不予删除和处置。yidang archive verify 会列出已知丢失的保全；请重新设置缺的保全，再用 yidang archive hold confirm 确认。",
        );
    }
}

fn confirmed(was_doubted: bool) {
    if was_doubted {
        note(
            "the holds are confirmed: those of `archive hold list` are all there are. What the repository had decided and waited for this is \
             carried out; what was refused has to be asked for again",
            "已确认：archive hold list 所列的依法保全就是全部。中心库已决定、等待确认的删除和处置随即执行；曾被拒绝的须重新提出。",
        );
    } else {
        note("no hold is in doubt: there was nothing to confirm", "没有存疑的保全，无须确认。");
    }
}

/// What whoever places a hold has to know, beside the identifier that programs read: whether it covers anything.
fn warn(line: &HoldLine) {
    if line.check_digit_wrong == Some(true) {
        note(
            "warning check_digit_wrong: the number's check digit is wrong, so it was probably mistyped; if it was, lift this hold \
             and place it on the right number",
            "号码的校验位不对，很可能输错：若确实输错，请解除此保全，并按正确号码重新设置。",
        );
    }
    let Some(covers) = line.covers else { return };
    match line.about.as_str() {
        "person" => note(
            &format!("it covers {covers} papers on file here now, and what is filed for this person later"),
            &format!("现在保全本窗口在档材料 {covers} 份，以及此人以后归档的材料。"),
        ),
        _ => note(&format!("it covers {covers} paper"), &format!("现在保全材料 {covers} 份。")),
    }
}

/// A window binds only itself.
fn tell_how_far() {
    note(
        "it keeps this window's own copies; the repository and other windows are bound by `yidang-repository hold place` alone",
        "此保全只留住本窗口自己的一份；要同时约束中心库和其他窗口，请在中心库运行 yidang-repository hold place。",
    );
}

/// Not on standard output: what reads the identifier would take it for one.
fn note(english: &str, chinese: &str) {
    // When nobody reads it there is nobody to tell.
    let _ = writeln!(io::stderr(), "{english}\n  {chinese}");
}

fn list(config: &Config, json: bool) -> Result<(), Failure> {
    let mut holds: Vec<HoldLine> = Vec::new();
    let mut in_doubt = None;
    reach::carry_out(config, &Request::Hold(HoldRequest::List), &mut |news| {
        match news {
            News::Holds(some) => holds.extend(some),
            News::HoldsInDoubt { awaits_rebuild } => in_doubt = Some(awaits_rebuild),
            _ => {}
        }
        Ok(())
    })?;
    if json {
        say_json(&json!({"holds": holds}))?;
    } else {
        head(&COLUMNS);
        holds.iter().try_for_each(|hold| say(&row(hold)))?;
    }
    // Last, so that it stands below a long list.
    in_doubt.into_iter().for_each(doubt);
    Ok(())
}

fn row(hold: &HoldLine) -> String {
    let said = |text: &Option<String>| text.as_deref().unwrap_or("-").to_owned();
    let materials = if hold.materials.is_empty() { "-".to_owned() } else { hold.materials.join(",") };
    let [operator, case, reason] = [&hold.operator, &hold.case, &hold.reason].map(said);
    let HoldLine { id, placed_at, about, placed_by, .. } = hold;
    super::output::plain(&[id, placed_at, about, placed_by, &operator, &case, &reason, &materials])
}
