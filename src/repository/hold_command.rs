//! `yidang-repository hold`.

use std::io::{self, Read as _, Write as _};

use clap::{Args, Subcommand};
use yidang_model::{Subject, escaped};
use yidang_sync::limits::NAME_LENGTH_MAX;
use yidang_sync::wire::WireSubject;

use crate::config::Config;
use crate::error::StartError;
use crate::holds::{HoldAnswer, HoldLine, HoldWish, carry_out};

/// Longest input that is read for the person's number, in bytes.
const INPUT_BYTES_MAX: u64 = 4096;
/// The columns of the list, named as in the JSON document.
const COLUMNS: [&str; 7] = ["id", "placed_at", "about", "operator", "case", "reason", "materials"];
/// Longest reason, in characters.
const REASON_CHARS_MAX: usize = 500;

/// Legal holds: what is held is not forgotten, at no window, until the hold is lifted.
#[derive(Subcommand)]
pub(crate) enum HoldCommand {
    Place(PlaceCommand),
    Lift(LiftCommand),
    /// Say that the holds that stand are all there are, once they were compared with the orders that were made. Until then
    /// nothing is forgotten where the ledger has lost something that may have been a hold (`holds_unproven`).
    ///
    /// First look at the windows' lists (`yidang archive hold list`): they keep what this repository had placed, with case and
    /// reason, until this is confirmed, and drop then what is not in the list here. This asks nothing.
    ///
    /// To compare: `hold list` gives each hold's case and reason, and not whose papers it is on; `audit person` tells whether
    /// a person's papers are held (`held`, with the case), and `hold_lifted` where they are no more.
    Confirm {
        /// Who compared them.
        #[arg(long, value_name = "NAME", value_parser = name)]
        operator: String,
    },
    /// Name the holds that stand, without a word about whose papers they are: `audit person` tells what holds a person's. The
    /// columns' names go to standard error.
    List {
        /// One JSON document on standard output.
        #[arg(long)]
        json: bool,
    },
}

/// Place a hold and print its identifier. With --material on one paper, else on everything of the person whom
/// standard input names: the type (resident, passport …), a space, and the number. Standard error says how many papers it
/// covers, and warns where the number's check digit is wrong.
#[derive(Args)]
pub(crate) struct PlaceCommand {
    /// One paper, by its identifier.
    #[arg(long, value_name = "ID")]
    material: Option<String>,
    /// Who places it.
    #[arg(long, value_name = "NAME", value_parser = name)]
    operator: String,
    /// Why, without names and numbers of people.
    #[arg(long, value_name = "TEXT", value_parser = text)]
    reason: String,
    /// For which case, or by which order: by this number the list can be compared with the orders that were made.
    #[arg(long, value_name = "NUMBER", value_parser = name)]
    case: Option<String>,
}

/// Lift a hold. Windows carry out what waited for it.
#[derive(Args)]
pub(crate) struct LiftCommand {
    /// The hold.
    #[arg(value_name = "ID")]
    id: String,
    /// Who lifts it.
    #[arg(long, value_name = "NAME", value_parser = name)]
    operator: String,
    /// Why, without names and numbers of people.
    #[arg(long, value_name = "TEXT", value_parser = text)]
    reason: String,
}

fn name(text: &str) -> Result<String, String> {
    within(text, NAME_LENGTH_MAX)
}

fn text(text: &str) -> Result<String, String> {
    within(text, REASON_CHARS_MAX)
}

fn within(text: &str, chars_max: usize) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > chars_max || text.chars().any(char::is_control) {
        return Err(format!("1 to {chars_max} characters, no control characters"));
    }
    Ok(text.to_owned())
}

/// Does it, here or in the repository that runs on the folder.
pub(crate) fn hold(config: &Config, command: HoldCommand) -> Result<(), StartError> {
    match command {
        HoldCommand::Place(PlaceCommand { material, operator, reason, case }) => {
            let holder = if material.is_none() { Some(read_subject()?) } else { None };
            let wish = HoldWish::Place { holder, material, operator, reason, case };
            for line in carry_out(config, &wish)?.holds {
                warn(&line);
                say(&line.id);
            }
        }
        HoldCommand::Lift(LiftCommand { id, operator, reason }) => {
            carry_out(config, &HoldWish::Lift { id, operator, reason })?;
            note(
                "the hold is lifted; what it refused has to be asked for again",
                "已解除此保全；曾因它被拒绝的删除和处置须重新提出。",
            );
        }
        HoldCommand::Confirm { operator } => {
            let confirmed = carry_out(config, &HoldWish::Confirm { operator })?;
            if confirmed.was_doubted {
                note(
                    "the holds are confirmed: those of `hold list` are all there are, and windows drop what they kept of others; what was \
                     refused has to be asked for again",
                    "已确认：hold list 所列的依法保全就是全部，各窗口随即去掉此前留着的其他保全；曾被拒绝的删除和处置须重新提出。",
                );
            } else {
                note("no hold is in doubt: there was nothing to confirm", "没有存疑的保全，无须确认。");
            }
            if confirmed.was_doubted && !confirmed.kept_by_windows.is_empty() {
                let dropped = confirmed.kept_by_windows.join(" ");
                note(
                    &format!("windows drop these, which are in no list here: {dropped}"),
                    &format!("各窗口去掉的、此处列表中没有的保全：{dropped}"),
                );
            }
            if confirmed.awaits_rebuild {
                note(AWAITS_REBUILD.0, AWAITS_REBUILD.1);
            }
        }
        HoldCommand::List { json } => {
            let HoldAnswer { holds: lines, in_doubt, awaits_rebuild, kept_by_windows, .. } =
                carry_out(config, &HoldWish::List)?;
            if json {
                say(&serde_json::json!({"holds": lines, "kept_by_windows": kept_by_windows}).to_string());
            } else {
                head(&COLUMNS);
                lines.iter().for_each(|line| say(&row(line)));
            }
            if in_doubt {
                // Last, so that it stands below a long list.
                doubt(awaits_rebuild);
            }
            if !kept_by_windows.is_empty() {
                let kept = kept_by_windows.join(" ");
                note(
                    &format!(
                        "windows keep these, which are not in this list; `yidang archive hold list` there says what they are: {kept}"
                    ),
                    &format!(
                        "此列表中没有、但窗口仍留着的保全，详情请在窗口用 yidang archive hold list 查看：{kept}"
                    ),
                );
            }
        }
    }
    Ok(())
}

/// Type and number, for which a command line is no place.
pub(crate) fn read_subject() -> Result<WireSubject, StartError> {
    let text = read_line().ok_or(StartError::SubjectInvalid)?;
    let (subject_type, value) = text.split_once(char::is_whitespace).ok_or(StartError::SubjectInvalid)?;
    let named = WireSubject { r#type: subject_type.to_owned(), value: value.trim().to_owned() };
    Subject::try_from(&named).map_err(StartError::SubjectRefused)?;
    Ok(named)
}

/// What stands on standard input, for which a command line is no place; `None` for nothing, or what is no text.
pub(crate) fn read_line() -> Option<String> {
    let mut text = String::new();
    io::stdin().lock().take(INPUT_BYTES_MAX).read_to_string(&mut text).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn row(line: &HoldLine) -> String {
    let said = |text: &Option<String>| text.as_deref().unwrap_or("-").to_owned();
    let HoldLine { id, placed_at, about, materials, operator, case, reason, .. } = line;
    let materials = if materials.is_empty() { "-".to_owned() } else { materials.join(",") };
    [id, placed_at, about, &said(operator), &said(case), &said(reason), &materials]
        .map(|field| escaped(field))
        .join("\t")
}

/// What the columns of a table are, on standard error: what reads the rows would take them for one.
pub(crate) fn head(columns: &[&str]) {
    // When nobody reads it there is nobody to tell.
    let _ = writeln!(io::stderr(), "{}", columns.join("\t"));
}

/// What whoever places a hold has to know, beside the identifier that programs read: whether it covers anything.
fn warn(line: &HoldLine) {
    if line.check_digit_wrong == Some(true) {
        note(
            "warning: check_digit_wrong: the number's check digit is wrong, so it was probably mistyped; if it was, lift this \
             hold and place it on the right number",
            "号码的校验位不对，很可能输错：若确实输错，请解除此保全，并按正确号码重新设置。",
        );
    }
    let Some(covers) = line.covers else { return };
    match line.about.as_str() {
        "person" => note(
            &format!(
                "it covers {covers} papers on file here now, and what windows file for this person later"
            ),
            &format!("现在保全中心库在档材料 {covers} 份，以及各窗口以后为此人归档的材料。"),
        ),
        _ => note(&format!("it covers {covers} paper"), &format!("现在保全材料 {covers} 份。")),
    }
}

/// Said after a confirmation that the next rebuild makes void.
const AWAITS_REBUILD: (&str, &str) = (
    "the ledger still lacks entries that no `yidang-repository rebuild` has entered as lost: stop the repository and run it; it \
     asks for this confirmation again",
    "账本中还有缺失未经 yidang-repository rebuild 记入：请停止中心库并运行它；重建之后须再次确认。",
);

/// What a list of holds that may lack one is told with.
fn doubt(awaits_rebuild: bool) {
    if awaits_rebuild {
        note(
            "this list is in doubt: the ledger lacks entries that may have been holds, and nothing is forgotten. First stop the \
             repository and run `yidang-repository rebuild`, which names the holds that are known to be lost; then place again what is \
             missing, and say so with `yidang-repository hold confirm`",
            "此列表存疑：账本缺失的条目中可能有依法保全，在确认之前不予删除和处置。请先停止中心库并运行 yidang-repository rebuild，它会列出已知丢失的保全；再重新设置缺的保全，并用 yidang-repository hold confirm 确认。",
        );
    } else {
        note(
            "this list is in doubt: the ledger has lost something that may have been a hold, and nothing is forgotten. \
             `yidang-repository check` names the holds that are known to be lost, and the windows' lists (`yidang archive hold list`) \
             keep what was placed here; place again what is missing, and say so with `yidang-repository hold confirm`",
            "此列表存疑：账本丢失的内容中可能有依法保全，在确认之前不予删除和处置。yidang-repository check 会列出已知丢失的保全，各窗口的 yidang archive hold list 仍留有中心库设置的保全；请重新设置缺的保全，再用 yidang-repository hold confirm 确认。",
        );
    }
}

/// Not on standard output: what reads the identifier would take it for one.
fn note(english: &str, chinese: &str) {
    // When nobody reads it there is nobody to tell.
    let _ = writeln!(io::stderr(), "{english}\n  {chinese}");
}

pub(crate) fn say(text: &str) {
    // When nobody reads it any more there is nobody to tell.
    let _ = writeln!(io::stdout(), "{text}");
}
