//! What the turns came to.

use crate::side::{Measured, Side};

/// The processor, how many of them, and the system's kernel.
pub(crate) fn machine() -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpuinfo.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("an unknown processor");
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "{}, {count} processors, {} {}",
        model.trim_start_matches(['\t', ':', ' ']),
        std::env::consts::OS,
        kernel.trim()
    )
}

/// A line for each side: the median of all runs and of each stage, the most memory, and the ratio to the first
/// side's.
pub(crate) fn lines(sides: &[Side], turns: Vec<Vec<Measured>>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut totals = Vec::new();
    for (side, turns) in sides.iter().zip(&turns) {
        let runs: Vec<&Vec<f64>> = turns.iter().flat_map(|turn| &turn.runs_ms).collect();
        let total = median(runs.iter().map(|run| run.iter().sum()).collect());
        let stages: Vec<String> = turns[0]
            .stages
            .iter()
            .enumerate()
            .map(|(i, name)| format!("{name} {:.1}", median(runs.iter().map(|run| run[i]).collect())))
            .collect();
        let peak = turns.iter().map(|turn| turn.peak_bytes).max().unwrap_or(0) as f64 / 1e6;
        let start = turns.iter().map(|turn| turn.start_bytes).max().unwrap_or(0) as f64 / 1e6;
        let [width, height, bytes] = turns[0].page;
        lines.push(format!("{}: {total:.1} ms ({})", side.name(), stages.join(", ")));
        lines.push(format!(
            "    peak memory {peak:.0} MB, {:.0} MB of it for the work; page {width} x {height}, {bytes} bytes",
            peak - start
        ));
        totals.push((side.name(), total, turns));
    }
    let (_, ours, our_turns) = &totals[0];
    for (name, total, turns) in &totals[1..] {
        // Each round has a ratio of its own, since the machine's speed drifts.
        let of = |turn: &Measured| median(turn.runs_ms.iter().map(|run| run.iter().sum()).collect());
        let mut ratios: Vec<f64> = our_turns.iter().zip(turns.iter()).map(|(a, b)| of(a) / of(b)).collect();
        ratios.sort_by(f64::total_cmp);
        lines.push(format!(
            "ours / {name}: {:.3} (rounds {:.3} to {:.3})",
            ours / total,
            ratios[0],
            ratios[ratios.len() - 1]
        ));
    }
    lines
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
