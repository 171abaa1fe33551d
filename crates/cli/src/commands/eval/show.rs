//! What a run came to, on a terminal.

use std::path::Path;

use nu_ansi_term::Style;
use segue_agent::grouped;
use segue_evals::metrics::{self, Metric};
use segue_evals::report::figures;
use segue_evals::statistics::{Comparison, Verdict};
use segue_evals::suite::{Assessment, BaselineReport, Direction, Suite};
use unicode_width::UnicodeWidthStr;

use crate::output::{Output, Styles, tame};

/// How many changed cases of each direction are listed; the rest is in the JSON and in the page.
const LISTED: usize = 10;

/// Prints figures, comparisons, costs and gates.
pub(super) fn show(suite: &Suite, assessment: &Assessment, folder: &Path, output: &mut Output) {
    let styles = output.styles();
    for metric in &suite.metrics {
        estimates(suite, assessment, *metric, output);
        if let Some(baseline) = &assessment.baseline {
            against_before(baseline, *metric, output);
        }
        output.line("");
    }
    costs(assessment, output);
    if let Some(baseline) = &assessment.baseline {
        output.line("");
        output.line(styles.strong.paint(format!("since the baseline {}", baseline.fingerprint)));
        let parts: Vec<_> = baseline.changed.iter().map(|c| tame(&c.part)).collect();
        output.line(match parts.as_slice() {
            [] => "  nothing that the results depend on changed".to_owned(),
            parts => format!("  changed: {}", parts.join(", ")),
        });
        changed_cases(baseline, output);
    }
    if !assessment.gate.results.is_empty() {
        output.line("");
        let mut table = Table::default();
        for result in &assessment.gate.results {
            let (word, style) = match result.passed {
                Some(true) => ("holds", styles.good),
                Some(false) => ("FAILS", styles.bad),
                None => ("skipped", styles.dim),
            };
            table.row([
                Cell::left("gate"),
                Cell::left(word).styled(style),
                Cell::left(&result.metric),
                Cell::left(&result.variant),
                Cell::left(&result.because),
            ]);
        }
        table.print(output);
    }
    let n = assessment.variants.iter().map(|v| v.cases).max().unwrap_or_default();
    let runs = figures::count(n, "case run", "case runs");
    output.line(styles.dim.paint(format!("{runs} a variant; results in {}", folder.display())));
}

/// The variants in one metric: estimates, and how they compare with the reference.
fn estimates(suite: &Suite, assessment: &Assessment, metric: Metric, output: &mut Output) {
    let styles = output.styles();
    let (name, unit) = (metric.to_string(), metric.info.unit);
    let about = format!("({}, {})", unit.name(), figures::good_end(metric.info.better));
    output.line(format!("{} {}", styles.strong.paint(&name), styles.dim.paint(about)));
    let reference = suite.variants.get(suite.reference).map(|v| v.name.as_str()).unwrap_or_default();
    let compared: Vec<&Comparison> = assessment.comparisons.iter().filter(|c| c.metric == name).collect();
    let mut table = Table::default();
    let mut heading = vec![
        Cell::left("variant"),
        Cell::right("estimate"),
        Cell::left("95% interval"),
        Cell::right("cases"),
    ];
    if !compared.is_empty() {
        heading.extend([
            Cell::right(format!("against {reference}")),
            Cell::left("95% interval"),
            Cell::left("p"),
            Cell::left("verdict"),
        ]);
    }
    table.row(heading.into_iter().map(|cell| cell.styled(styles.dim)));
    for variant in &assessment.variants {
        let Some(estimate) = variant.metrics.get(&name) else { continue };
        let mut row = vec![
            Cell::left(&variant.name),
            Cell::right(figures::figure(estimate.value, unit)),
            Cell::left(figures::ends(estimate, unit)),
            Cell::right(grouped(estimate.n as u64)),
        ];
        match compared.iter().find(|c| c.variant == variant.name) {
            Some(c) => row.extend(difference(c, metric, styles)),
            None if !compared.is_empty() => row.push(Cell::right("reference").styled(styles.dim)),
            None => {}
        }
        table.row(row);
        if let Some(spread) = variant.spread.get(&name) {
            let sd = figures::figure(spread.sd, unit);
            table.row([
                Cell::left(""),
                Cell::right(format!("± {sd}")).styled(styles.dim),
                Cell::left("between repeats").styled(styles.dim),
            ]);
        }
    }
    table.print(output);
}

/// Each variant against itself in the baseline.
fn against_before(baseline: &BaselineReport, metric: Metric, output: &mut Output) {
    let styles = output.styles();
    let (name, unit) = (metric.to_string(), metric.info.unit);
    if !baseline.comparisons.iter().any(|c| c.metric == name) {
        return;
    }
    let mut table = Table::default();
    let heading = ["before", "now"].map(Cell::right);
    let heading = [Cell::left("since the baseline")].into_iter().chain(heading);
    let heading = heading.chain([
        Cell::right("difference"),
        Cell::left("95% interval"),
        Cell::left("p"),
        Cell::left("verdict"),
    ]);
    table.row(heading.map(|cell| cell.styled(styles.dim)));
    for c in baseline.comparisons.iter().filter(|c| c.metric == name) {
        let figures = [c.before, c.after].map(|value| Cell::right(figures::figure(value, unit)));
        let row = [Cell::left(&c.variant)].into_iter().chain(figures);
        table.row(row.chain(difference(c, metric, styles)));
    }
    table.print(output);
}

/// Difference, interval, p, verdict.
fn difference(c: &Comparison, metric: Metric, styles: Styles) -> [Cell; 4] {
    let style = match c.verdict {
        Verdict::Better => styles.good,
        Verdict::Worse => styles.bad,
        Verdict::NoDifference | Verdict::TooFew => styles.dim,
    };
    let unit = metric.info.unit;
    [
        Cell::right(figures::difference(c.difference.value, unit)),
        Cell::left(figures::difference_ends(&c.difference, unit)),
        Cell::left(figures::p_value(c.p_holm)),
        Cell::left(figures::verdict(c)).styled(style),
    ]
}

/// What the others take more or less than the reference, a case.
fn costs_against(assessment: &Assessment, output: &mut Output) {
    let styles = output.styles();
    let Some(first) = assessment.costs.first() else { return };
    let mut table = Table::default();
    let against = format!("a case against {}", first.baseline);
    let heading =
        [Cell::left(against), Cell::left(""), Cell::right("difference"), Cell::left("95% interval")];
    let heading = heading.into_iter().chain([Cell::left("p"), Cell::left("verdict")]);
    table.row(heading.map(|cell| cell.styled(styles.dim)));
    for c in &assessment.costs {
        let Ok(metric) = metrics::metric(&c.metric) else { continue };
        let row = [Cell::left(&c.variant), Cell::left(figures::counted(metric))].into_iter();
        table.row(row.chain(difference(c, metric, styles)));
    }
    table.print(output);
}

fn costs(assessment: &Assessment, output: &mut Output) {
    let styles = output.styles();
    output.line(styles.strong.paint("cost and latency"));
    let with_models = assessment.variants.iter().any(|v| v.cost.model_calls > 0);
    let mut table = Table::default();
    let mut heading = vec![Cell::left("variant")];
    heading.extend([Cell::right("failed"), Cell::right("median"), Cell::left("95% interval")]);
    heading.extend([Cell::right("95th"), Cell::left("95% interval"), Cell::right("in all")]);
    if with_models {
        heading.extend(["model calls", "tokens", "money"].map(Cell::right));
    }
    table.row(heading.into_iter().map(|cell| cell.styled(styles.dim)));
    for variant in &assessment.variants {
        let cost = &variant.cost;
        let failed = if variant.errors > 0 { styles.bad } else { Style::default() };
        let mut row = vec![
            Cell::left(&variant.name),
            Cell::right(grouped(variant.errors as u64)).styled(failed),
            Cell::right(figures::duration(cost.ms_p50.value)),
            Cell::left(figures::durations(&cost.ms_p50)),
            Cell::right(figures::duration(cost.ms_p95.value)),
            Cell::left(figures::durations(&cost.ms_p95)),
            Cell::right(figures::duration(cost.seconds * 1e3)),
        ];
        if with_models {
            let counts = [grouped(cost.model_calls), grouped(cost.tokens), format!("{:.4}", cost.cost)];
            row.extend(counts.map(Cell::right));
        }
        table.row(row);
    }
    table.print(output);
    costs_against(assessment, output);
    for variant in &assessment.variants {
        if let Some(reason) = &variant.first_fallback {
            let name = tame(&variant.name);
            let of = format!("{} of {}", grouped(variant.fallbacks as u64), grouped(variant.cases as u64));
            let why = tame(reason);
            output.line(
                styles.warn.paint(format!("  {name}: {of} planned by the rules instead, as this one: {why}")),
            );
        }
        if let Some(reason) = &variant.first_error {
            let name = tame(&variant.name);
            let of =
                format!("{} of {} failed", grouped(variant.errors as u64), grouped(variant.cases as u64));
            output.line(styles.bad.paint(format!("  {name}: {of}, as this one: {}", tame(reason))));
        }
    }
}

fn changed_cases(baseline: &BaselineReport, output: &mut Output) {
    let styles = output.styles();
    for (direction, word, style) in
        [(Direction::Worse, "worse", styles.bad), (Direction::Better, "better", styles.good)]
    {
        let changes: Vec<_> = baseline.cases.iter().filter(|c| c.direction == direction).collect();
        if changes.is_empty() {
            continue;
        }
        output.line(format!("  {} {}", grouped(changes.len() as u64), style.paint(word)));
        let mut table = Table { indent: 4, ..Table::default() };
        for c in changes.iter().take(LISTED) {
            table.row([
                Cell::left(&c.variant),
                Cell::left(&c.case),
                Cell::left(&c.metric),
                Cell::right(format!("{:.4}", c.before)),
                Cell::left("→"),
                Cell::right(format!("{:.4}", c.now)),
            ]);
        }
        table.print(output);
        if changes.len() > LISTED {
            let more = changes.len() - LISTED;
            output.line(styles.dim.paint(format!("    and {more} more; all with --json or --html FILE")));
        }
    }
}

/// Rows whose columns are as wide as their widest cell.
pub(super) struct Table {
    indent: usize,
    rows: Vec<Vec<Cell>>,
}

impl Default for Table {
    fn default() -> Self {
        Self { indent: 2, rows: Vec::new() }
    }
}

pub(super) struct Cell {
    text: String,
    right: bool,
    style: Style,
}

impl Cell {
    pub(super) fn left(text: impl AsRef<str>) -> Self {
        Self { text: tame(text.as_ref()), right: false, style: Style::default() }
    }

    fn right(text: impl AsRef<str>) -> Self {
        Self { right: true, ..Self::left(text) }
    }

    pub(super) fn styled(self, style: Style) -> Self {
        Self { style, ..self }
    }
}

impl Table {
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(super) fn print(&self, output: &mut Output) {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |at: usize| {
            self.rows.iter().filter_map(|row| row.get(at)).map(|c| c.text.width()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let mut line = " ".repeat(self.indent);
            for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let room = " ".repeat(width.saturating_sub(cell.text.width()));
                let text = cell.style.paint(&cell.text).to_string();
                let between = if at > 0 { "  " } else { "" };
                let last = at + 1 == row.len();
                line += between;
                if cell.right {
                    line += &room;
                }
                line += &text;
                if !cell.right && !last {
                    line += &room;
                }
            }
            output.line(line);
        }
    }
}
