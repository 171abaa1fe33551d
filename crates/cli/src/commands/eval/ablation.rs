//! What `segue eval SUITE --ablate` shows of its ablations.

use segue_evals::ablation::{Ablation, AblationReport};
use segue_evals::statistics::{Comparison, Verdict};

use crate::output::{Output, tame};

pub(super) fn show(report: &AblationReport, output: &mut Output) {
    let styles = output.styles();
    output.line("");
    let n = report.ablations.len();
    output.line(styles.strong.paint(format!("ablations: {n}, p corrected over them (Holm)")));
    let mut whole = "";
    for ablation in &report.ablations {
        if ablation.what.whole != whole {
            whole = &ablation.what.whole;
            output.line(format!("of {}", styles.name.paint(tame(whole))));
        }
        one(ablation, output);
    }
    for kept in &report.kept {
        let what = format!("{} of {}: {}", kept.tools.join(", "), kept.whole, kept.because);
        output.line(styles.dim.paint(format!("not left out: {}", tame(&what))));
    }
}

fn one(ablation: &Ablation, output: &mut Output) {
    let styles = output.styles();
    let verdict = ablation.quality.first().map_or(Verdict::TooFew, |c| c.verdict);
    let style = match verdict {
        Verdict::Worse => styles.bad,
        Verdict::Better => styles.good,
        Verdict::NoDifference | Verdict::TooFew => styles.dim,
    };
    output.line(format!("  {}", style.paint(tame(&ablation.says()))));
    // Where no case changed there is nothing to see but what it took.
    let changed = ablation.quality.iter().any(|c| c.changed != (0, 0) || c.clusters == 0);
    for c in ablation.quality.iter().filter(|_| changed).chain(&ablation.cost) {
        output.line(format!("      {}", difference(c)));
    }
    if let Some(reason) = &ablation.first_error {
        let (failed, of) = ablation.errors;
        output.line(styles.bad.paint(format!("      {failed} of {of} case runs failed: {}", tame(reason))));
    }
}

fn difference(c: &Comparison) -> String {
    let (d, places) = (&c.difference, if c.metric == "latency" { 1 } else { 4 });
    let unit = if c.metric == "latency" { " ms" } else { "" };
    let word = match c.verdict {
        Verdict::NoDifference => "no difference shown",
        Verdict::TooFew => "too few to tell",
        other => other.name(),
    };
    if c.clusters == 0 {
        return format!("{:<24} nothing to compare: no case of one of them says anything of it", c.metric);
    }
    format!(
        "{:<24} {:.places$} → {:.places$}, {:+.places$} [{:+.places$}, {:+.places$}]{unit}, p = {:.4}: {word}",
        c.metric, c.before, c.after, d.value, d.low, d.high, c.p_holm
    )
}
