//! The geometry of plots: where things stand, in percent of the width. The markup is the template's.
//!
//! A plot of intervals is a column of a table: each row has its strip, all strips of a table share an [`Axis`]. So its labels are
//! text of the page, which wraps, scales and is read out.

use serde::Serialize;

use crate::Interval;
use crate::metrics::Better;

/// The scale that the strips of a table share.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Axis {
    #[serde(skip)]
    low: f64,
    #[serde(skip)]
    high: f64,
    #[serde(skip)]
    scale: Scale,
    /// Where lines are drawn, and what they stand for.
    pub(super) ticks: Vec<Tick>,
    /// Where no difference is, on an axis of differences.
    pub(super) zero: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    Linear,
    Logarithmic,
}

/// A line of an axis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Tick {
    /// Where, in percent.
    pub(super) at: f64,
    /// The value there.
    pub(super) label: String,
}

/// An interval in a row, in percent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Strip {
    pub(super) low: f64,
    pub(super) at: f64,
    pub(super) high: f64,
    /// A class of the style sheet.
    pub(super) tone: &'static str,
}

/// How long cases took, in percent of a logarithmic axis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Times {
    pub(super) p5: f64,
    pub(super) p25: f64,
    pub(super) p50: f64,
    pub(super) p75: f64,
    pub(super) p95: f64,
}

/// How far cases moved. Those that did not are no bar: they would dwarf all others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Histogram {
    pub(super) bars: Vec<Bar>,
    pub(super) worse: usize,
    pub(super) same: usize,
    pub(super) better: usize,
}

/// A bar of a histogram, in percent of the width and the height.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Bar {
    pub(super) x: f64,
    pub(super) width: f64,
    pub(super) y: f64,
    pub(super) height: f64,
    pub(super) tone: &'static str,
    /// What it stands for, in words.
    pub(super) title: String,
}

/// What lies nearer to zero did not move: baselines are kept to six decimals.
const SAME: f64 = 1.5e-6;
/// Bins are not missed by the rounding of the machine.
const ROUNDING: f64 = 1e-9;

impl Axis {
    /// Over all these values; `None` if none is a number.
    pub(super) fn over(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (low, high) = extent(values)?;
        // One value alone still needs a width.
        let margin = if high > low { (high - low) * 0.06 } else { (low.abs() * 0.1).max(1e-3) };
        Some(Self::linear(low - margin, high + margin, None))
    }

    /// Over these differences and zero.
    pub(super) fn of_differences(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (low, high) = extent(values.into_iter().chain([0.0]))?;
        let margin = if high > low { (high - low) * 0.06 } else { 1e-3 };
        let axis = Self::linear(low - margin, high + margin, None);
        let zero = axis.at(0.0);
        Some(Self { zero: Some(zero), ..axis })
    }

    /// Over these times in milliseconds, logarithmic.
    pub(super) fn of_times(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (low, high) = extent(values.into_iter().filter(|ms| *ms > 0.0))?;
        let (low, high) = (low.log10() - 0.1, high.log10() + 0.1);
        let mut axis = Self { low, high, scale: Scale::Logarithmic, ticks: Vec::new(), zero: None };
        let decades = (low.ceil() as i32)..=(high.floor() as i32);
        let marks: Vec<f64> = decades.map(|d| 10_f64.powi(d)).collect();
        // Within a decade there are too few of them.
        let finer = |decade: i32| [1.0, 2.0, 5.0].map(|m| m * 10_f64.powi(decade));
        let marks = if marks.len() >= 2 {
            marks
        } else {
            ((low.floor() as i32)..=(high.ceil() as i32)).flat_map(finer).collect()
        };
        let every = marks.len().div_ceil(5).max(1);
        let shown = marks.into_iter().filter(|m| (low..=high).contains(&m.log10())).step_by(every);
        axis.ticks = shown.map(|ms| Tick { at: axis.at(ms), label: short_time(ms) }).collect();
        Some(axis)
    }

    fn linear(low: f64, high: f64, zero: Option<f64>) -> Self {
        let mut axis = Self { low, high, scale: Scale::Linear, ticks: Vec::new(), zero };
        let step = nice((high - low) / 4.0);
        let first = (low / step).ceil() as i64;
        let last = (high / step).floor() as i64;
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        let tick = |i: i64| {
            let value = i as f64 * step;
            Tick { at: axis.at(value), label: format!("{value:.decimals$}") }
        };
        axis.ticks = (first..=last).take(12).map(tick).collect();
        axis
    }

    /// Where a value stands, in percent; at the nearer end if it is outside.
    pub(super) fn at(&self, value: f64) -> f64 {
        let value =
            if self.scale == Scale::Logarithmic { value.max(f64::MIN_POSITIVE).log10() } else { value };
        let share = (value - self.low) / (self.high - self.low);
        if share.is_finite() { (share.clamp(0.0, 1.0) * 1e4).round() / 100.0 } else { 0.0 }
    }

    /// The strip of an interval.
    pub(super) fn strip(&self, interval: &Interval, tone: &'static str) -> Strip {
        Strip { low: self.at(interval.low), at: self.at(interval.value), high: self.at(interval.high), tone }
    }
}

/// Bins of equal width on both sides of zero, which is in none of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bins {
    step: f64,
    /// On each side.
    count: usize,
}

impl Bins {
    /// Wide enough for all these differences; `None` if nothing moved.
    pub(super) fn over(differences: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (_, most) = extent(differences.into_iter().map(f64::abs).filter(|d| *d > SAME))?;
        let step = nice(most / 8.0);
        Some(Self { step, count: (most / step - ROUNDING).ceil().max(1.0) as usize })
    }

    /// The ends and the middle.
    pub(super) fn ticks(self) -> Vec<Tick> {
        let end = self.step * self.count as f64;
        let decimals = self.decimals();
        let tick = |at, value: f64| Tick { at, label: format!("{value:+.decimals$}") };
        vec![tick(0.0, -end), Tick { at: 50.0, label: "0".to_owned() }, tick(100.0, end)]
    }

    fn decimals(self) -> usize {
        (-self.step.log10().floor()).max(0.0) as usize
    }

    /// Which bin, from the left.
    fn of(self, difference: f64) -> usize {
        let away = ((difference.abs() / self.step - ROUNDING).ceil() as usize).clamp(1, self.count);
        if difference > 0.0 { self.count + away - 1 } else { self.count - away }
    }
}

impl Histogram {
    /// Of the differences of cases; those outside the bins count to the last.
    pub(super) fn of(differences: &[f64], bins: Option<Bins>, better: Better) -> Self {
        let known = || differences.iter().copied().filter(|d| d.is_finite());
        let moved = || known().filter(|d| d.abs() > SAME);
        let (up, down) = (moved().filter(|d| *d > 0.0).count(), moved().filter(|d| *d < 0.0).count());
        let (good, bad) = if better == Better::Higher { (up, down) } else { (down, up) };
        let bars = bins.map(|bins| bars(moved(), bins, better)).unwrap_or_default();
        Self { bars, worse: bad, same: known().count() - up - down, better: good }
    }
}

fn bars(moved: impl Iterator<Item = f64>, bins: Bins, better: Better) -> Vec<Bar> {
    let mut counts = vec![0_usize; 2 * bins.count];
    for difference in moved {
        if let Some(count) = counts.get_mut(bins.of(difference)) {
            *count += 1;
        }
    }
    let tallest = counts.iter().copied().max().unwrap_or_default().max(1) as f64;
    let width = 100.0 / counts.len() as f64;
    let bar = |(place, count): (usize, &usize)| {
        let height = *count as f64 / tallest * 100.0;
        let from = (place as f64 - bins.count as f64) * bins.step;
        let gains = (place >= bins.count) == (better == Better::Higher);
        let (cases, decimals) = (super::figures::count(*count, "case", "cases"), bins.decimals());
        Bar {
            x: rounded(place as f64 * width),
            width: rounded(width),
            y: rounded(100.0 - height),
            height: rounded(height),
            tone: if gains { "good" } else { "bad" },
            title: format!("{cases} between {from:+.decimals$} and {:+.decimals$}", from + bins.step),
        }
    };
    counts.iter().enumerate().filter(|(_, count)| **count > 0).map(bar).collect()
}

fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let finite = values.into_iter().filter(|v| v.is_finite());
    finite.fold(None, |extent, v| match extent {
        None => Some((v, v)),
        Some((low, high)) => Some((v.min(low), v.max(high))),
    })
}

/// The nearest of 1, 2 and 5 times a power of ten that is no smaller.
fn nice(step: f64) -> f64 {
    let power = 10_f64.powf(step.max(1e-12).log10().floor());
    let times = step.max(1e-12) / power;
    power * [1.0, 2.0, 5.0].into_iter().find(|n| *n >= times - ROUNDING).unwrap_or(10.0)
}

fn rounded(percent: f64) -> f64 {
    (percent * 100.0).round() / 100.0
}

fn short_time(ms: f64) -> String {
    match ms {
        ms if ms < 1000.0 => format!("{} ms", (ms * 1e3).round() / 1e3),
        ms => format!("{} s", (ms / 1e3 * 1e3).round() / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_round_ticks_and_holds_every_value() {
        let axis = Axis::over([0.621, 0.735, f64::NAN]).expect("an axis");
        assert_eq!(
            axis.ticks.iter().map(|t| t.label.as_str()).collect::<Vec<_>>(),
            ["0.65", "0.70"],
            "{axis:?}"
        );
        assert!(axis.at(0.621) > 0.0 && axis.at(0.735) < 100.0 && axis.at(9.0) == 100.0);
        assert!(Axis::over([f64::NAN]).is_none());
        let alone = Axis::over([0.5]).expect("an axis");
        assert_eq!(alone.at(0.5), 50.0);
        let differences = Axis::of_differences([0.01, 0.03]).expect("an axis");
        assert!(differences.zero.is_some_and(|z| z > 0.0 && z < 10.0));
        let times = Axis::of_times([3.0, 450.0, 0.0]).expect("an axis");
        assert_eq!(times.ticks.iter().map(|t| t.label.as_str()).collect::<Vec<_>>(), ["10 ms", "100 ms"]);
    }

    #[test]
    fn a_histogram_tells_better_from_worse_and_leaves_out_what_did_not_move() {
        let differences = [0.0, 0.0, 0.4, 0.35, -0.1, 1e-12, f64::NAN];
        let bins = Bins::over(differences);
        let of = Histogram::of(&differences, bins, Better::Higher);
        assert_eq!((of.worse, of.same, of.better), (1, 3, 2));
        assert_eq!(of.bars.iter().map(|b| b.tone).collect::<Vec<_>>(), ["bad", "good", "good"], "{of:#?}");
        assert_eq!(of.bars.iter().map(|b| b.x).collect::<Vec<_>>(), [37.5, 87.5, 93.75]);
        assert_eq!(of.bars.last().map(|b| b.title.as_str()), Some("1 case between +0.35 and +0.40"));
        let turned = Histogram::of(&[0.4, -0.1], bins, Better::Lower);
        assert_eq!((turned.worse, turned.better), (1, 1));
        assert_eq!(turned.bars.iter().map(|b| b.tone).collect::<Vec<_>>(), ["good", "bad"]);
        assert!(Bins::over([0.0]).is_none() && Histogram::of(&[0.0], bins, Better::Higher).bars.is_empty());
    }
}
