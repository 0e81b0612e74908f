//! LATENCY GRAPH: the samples of an event as bars of four rows, under each how long ago it was.

use std::iter::repeat_n;

use super::{Sample, Series};

/// Bars side by side; more stand below.
const COLUMNS: usize = 80;
const ROWS: usize = 4;
/// The top of a bar, by how far it reaches into its row.
const TOPS: [char; 3] = ['_', 'o', '#'];

pub(super) fn draw(event: &str, series: &Series, now: i64) -> String {
    let samples: Vec<Sample> = series.samples.iter().copied().collect();
    let low = samples.iter().map(|sample| sample.ms).min().unwrap_or_default();
    let high = samples.iter().map(|sample| sample.ms).max().unwrap_or_default();
    let worst = series.worst;
    let mut graph = format!("{event} - high {high} ms, low {low} ms (all time high {worst} ms)\n");
    graph.extend(repeat_n('-', COLUMNS));
    graph.push('\n');
    let charts = samples.chunks(COLUMNS).map(|bars| chart(bars, low, high, now));
    graph.push_str(&charts.collect::<Vec<_>>().join("\n"));
    graph
}

fn chart(bars: &[Sample], low: u64, high: u64, now: i64) -> String {
    let mut lines: Vec<String> = Vec::new();
    for row in (0..ROWS).rev() {
        lines.push(bars.iter().map(|bar| cell(height(bar.ms, low, high), row)).collect());
    }
    lines.push(" ".repeat(bars.len()));
    let labels: Vec<Vec<char>> = bars.iter().map(|bar| ago(now - bar.at).chars().collect()).collect();
    for line in 0..labels.iter().map(Vec::len).max().unwrap_or_default() {
        lines.push(labels.iter().map(|label| label.get(line).copied().unwrap_or(' ')).collect());
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

/// In steps of a third of a row.
fn height(ms: u64, low: u64, high: u64) -> usize {
    let steps = ROWS * TOPS.len();
    let span = (high - low).max(1) as f64;
    (((ms - low) as f64 * steps as f64 / span) as usize).min(steps - 1)
}

/// What a bar of this height shows in `row`, counted from below.
fn cell(height: usize, row: usize) -> char {
    match height.checked_sub(row * TOPS.len()) {
        None => ' ',
        Some(inside) => TOPS.get(inside).copied().unwrap_or('|'),
    }
}

fn ago(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}
