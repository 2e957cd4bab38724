//! `yidang archive dispose`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::export::name;
use super::output::{plain, say, say_json};
use super::reach;
use super::whole_file::{WholeFile, resolved};
use crate::config::Config;
use crate::control::{DisposeFigures, DisposeLine, DisposePart, DisposeRequest, News, Outcome, Request};
use crate::failure::Failure;

/// Said too where an option is missing, so it says what each is for.
const USAGE: &str = "yidang archive dispose --operator <NAME> --dry-run
           tells what is due, and disposes of nothing / 只列出到期材料，不处置
       yidang archive dispose --operator <NAME> --confirm <COUNT> [--confirm-originals <COUNT>] [--report <FILE>]
           disposes of as many as the dry run told / 份数与 --dry-run 所列一致才处置";

/// Disposes of papers whose term is over, by the rules under [[retention]] in the configuration.
///
/// First with --dry-run: it tells what is due and what a hold keeps. Then with --confirm and the number of papers that are due,
/// as the dry run told it; with any other number nothing goes, and neither where the clock is far from the ledger's last
/// entry. Each paper is erased like any other: with a repository its rule decides.
///
/// Where a rule gives the untouched originals a shorter term, they are counted apart and go with --confirm-originals and the
/// number of papers whose originals are due; the papers themselves stay. With a repository it decides: once it has, they go
/// there and at every window that has the paper.
///
///   yidang archive dispose --operator NAME --dry-run
///   yidang archive dispose --operator NAME --confirm 12 --report FILE
#[derive(Args)]
#[command(verbatim_doc_comment, override_usage = USAGE)]
pub(super) struct DisposeCommand {
    /// Who disposes of them; stands in the ledger.
    #[arg(long, value_name = "NAME", value_parser = name)]
    operator: String,
    /// Only tells what is due.
    #[arg(long, required_unless_present_any = ["confirm", "confirm_originals"],
        conflicts_with_all = ["confirm", "confirm_originals"])]
    dry_run: bool,
    /// How many papers are to go.
    #[arg(long, value_name = "COUNT")]
    confirm: Option<u64>,
    /// Of how many papers the untouched originals are to go.
    #[arg(long, value_name = "COUNT")]
    confirm_originals: Option<u64>,
    /// A new file for the report, as JSON. It names no people.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Says that this PC's clock is right, though the ledger's last entry is far from it.
    #[arg(long)]
    clock_checked: bool,
    /// One JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn dispose(config: &Config, command: &DisposeCommand) -> Result<ExitCode, Failure> {
    // What cannot be reported is not disposed of.
    let report = command.report.as_ref().map(|path| create(config, path)).transpose()?;
    let request = DisposeRequest {
        operator: command.operator.clone(),
        confirm: command.confirm,
        confirm_originals: command.confirm_originals,
        clock_checked: command.clock_checked,
    };
    let mut lines: Vec<DisposeLine> = Vec::new();
    let outcome = reach::carry_out(config, &Request::Dispose(request), &mut |news| {
        if let News::Disposal(some) = news {
            lines.extend(some);
        }
        Ok(())
    })?;
    let Outcome::Disposed(figures) = outcome else {
        return Err(Failure::new("answer_differs", "another answer came", "restart the daemon"));
    };
    let of = |part| lines.iter().filter(|line| line.part == part).collect::<Vec<_>>();
    let document = json!({"counter": config.counter, "operator": command.operator, "dry_run": command.dry_run,
        "figures": figures, "papers": of(DisposePart::Paper), "originals": of(DisposePart::Originals)});
    if let Some(mut file) = report {
        let written = serde_json::to_writer_pretty(&mut file, &document).map_err(std::io::Error::from);
        written.and_then(|()| file.flush()).and_then(|()| file.finish()).map_err(not_written)?;
    }
    if command.json {
        say_json(&document)?;
    } else {
        lines.iter().try_for_each(|line| say(&row(line)))?;
        say(&summary(&figures))?;
    }
    notes(&figures, command.dry_run).iter().for_each(|note| {
        // Not on standard output, for those who read the rows there. When nobody reads it there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "{note}");
    });
    Ok(if figures.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What an operator has to know beside the figures, in both languages.
fn notes(figures: &DisposeFigures, is_dry: bool) -> Vec<String> {
    let mut notes = Vec::new();
    let refused = figures.refused_before + figures.originals_refused_before;
    if refused > 0 {
        notes.push(format!(
            "the repository refused {refused} of what is due when it was asked before (refused_before): it does so for what a \
             hold keeps there (`yidang-repository hold list`), and for papers that this window neither filed nor opened the \
             dossier of within a day; --confirm asks it again\n  \
             到期的材料中有 {refused} 份曾被中心库拒绝处置：可能在中心库受保全（yidang-repository hold list），或本窗口既没有归档也没有\
             在一天内查阅过该材料；再次确认会重新请求。"
        ));
    }
    if is_dry {
        notes.push(
            "nothing was disposed of; --confirm and the number of papers due disposes of them, --confirm-originals and its \
             number of originals alone\n  没有处置任何材料：用 --confirm 加到期份数处置材料，用 --confirm-originals 加份数只处置原始照片。"
                .to_owned(),
        );
    }
    notes
}

fn create(config: &Config, path: &std::path::Path) -> Result<WholeFile, Failure> {
    let target = resolved(path).map_err(not_written)?;
    let inside = |folder: &PathBuf| folder.canonicalize().is_ok_and(|folder| target.starts_with(folder));
    if inside(&config.data_dir) || inside(&config.keys_dir) {
        let cause = "the report would lie in the data folder or the keys' folder";
        return Err(Failure::new("target_inside_data", cause, "name a file elsewhere with --report"));
    }
    if target.exists() {
        return Err(not_written(std::io::Error::other("there is something of that name already")));
    }
    WholeFile::create(target).map_err(not_written)
}

fn not_written(error: std::io::Error) -> Failure {
    Failure::new("report_not_written", format!("the report: {error}"), "name another file with --report")
}

fn row(line: &DisposeLine) -> String {
    let DisposeLine { part, material, kind, filed_at, term_ended_on, result, refused_before } = line;
    let part = match part {
        DisposePart::Paper => "paper",
        DisposePart::Originals => "originals",
    };
    let row = [material, kind, filed_at, term_ended_on, result, part];
    if *refused_before { plain(&[&row[..], &["refused_before"]].concat()) } else { plain(&row) }
}

fn summary(figures: &DisposeFigures) -> String {
    let DisposeFigures { today, due, held, erased, requested, refused, failed, .. } = figures;
    let DisposeFigures { originals_due, originals_held, originals_disposed, originals_requested, .. } =
        figures;
    let DisposeFigures { originals_kept, forgotten_people, changed, truncated, .. } = figures;
    let more = if *truncated { "; more are due, run it again" } else { "" };
    format!(
        "{today}: {due} due, {held} held; {erased} erased, {requested} requested of the repository, {refused} \
         refused by it, {failed} failed; originals of {originals_due} papers due, {originals_held} held, \
         {originals_disposed} disposed of, {originals_requested} requested of the repository, {originals_kept} kept as the \
         ledger does not tell what else needs them; {changed} put right \
         meanwhile and left; {forgotten_people} people forgotten{more}"
    )
}
