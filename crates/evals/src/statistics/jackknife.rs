use super::bootstrap::student;
use super::{Options, unknown};
use crate::Interval;

/// The interval of a statistic by leaving out one cluster at a time: the estimate ± t standard errors.
///
/// For figures that count distinct items (coverage, Gini): a resample with replacement holds fewer distinct clusters than the
/// run, so that a bootstrap's values lie beside the estimate; the jackknife's variance errs on the safe side (Efron and
/// Stein, The Annals of Statistics 1981). Otherwise as [`super::bootstrap`].
pub fn jackknife<C>(clusters: &[C], statistic: impl Fn(&[&C]) -> Option<f64>, options: &Options) -> Interval {
    let all: Vec<&C> = clusters.iter().collect();
    let n = clusters.len();
    let Some(value) = statistic(&all).filter(|v| v.is_finite()) else {
        return unknown(options.range.map_or(0.0, |(low, _)| low), 0, options);
    };
    let left_out = without_each(&all, &statistic);
    if n < 2 || left_out.len() < n {
        return unknown(value, n, options);
    }
    let n_real = n as f64;
    let mean = left_out.iter().sum::<f64>() / n_real;
    let variance = left_out.iter().map(|v| (v - mean).powi(2)).sum::<f64>() * (n_real - 1.0) / n_real;
    let half = student(n_real - 1.0, 1.0 - options.alpha() / 2.0) * variance.sqrt();
    let (least, most) = options.range.unwrap_or((f64::MIN, f64::MAX));
    Interval {
        value,
        low: (value - half).max(least.min(value)),
        high: (value + half).min(most.max(value)),
        n,
    }
}

/// How the statistic's standard error changes with its value; Efron 1987, by the jackknife.
pub(super) fn acceleration<C>(all: &[&C], statistic: &impl Fn(&[&C]) -> Option<f64>) -> f64 {
    let left_out = without_each(all, statistic);
    let mean = left_out.iter().sum::<f64>() / left_out.len().max(1) as f64;
    let moment = |power| left_out.iter().map(|v| (mean - v).powi(power)).sum::<f64>();
    let acceleration = moment(3) / (6.0 * moment(2).powf(1.5));
    if acceleration.is_finite() { acceleration } else { 0.0 }
}

/// The statistic without each of the clusters in turn.
fn without_each<C>(all: &[&C], statistic: &impl Fn(&[&C]) -> Option<f64>) -> Vec<f64> {
    let mut rest = all.get(1..).unwrap_or_default().to_vec();
    let mut values = Vec::with_capacity(all.len());
    for (at, cluster) in all.iter().enumerate() {
        values.extend(statistic(&rest).filter(|v| v.is_finite()));
        if let Some(place) = rest.get_mut(at) {
            *place = cluster;
        }
    }
    values
}
