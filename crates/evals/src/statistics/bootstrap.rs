use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::generator::Generator;
use super::{Options, jackknife, unknown};
use crate::Interval;
use crate::metrics::cost::sorted_percentile;

/// The interval of a statistic by resampling whole clusters with replacement: bias-corrected and accelerated (BCa; Efron,
/// JASA 1987), expanded for few clusters (Hesterberg, The American Statistician 2015).
///
/// BCa because the figures here are skewed and bounded: unlike a normal interval it never leaves their range, and unlike plain
/// percentiles it follows bias and skew. Expanded because resampling alone makes intervals too narrow by `√((n − 1) / n)`
/// and by what Student's t is wider than the normal. A statistic that counts distinct things (coverage) is not for it: use
/// [`jackknife`]. `statistic` is `None` where it has no value; such resamples are left out. One cluster shows nothing of how
/// clusters differ: the interval is then the whole range, or of no width where there is none. `n` is the number of clusters.
pub fn bootstrap<C>(clusters: &[C], statistic: impl Fn(&[&C]) -> Option<f64>, options: &Options) -> Interval {
    let all: Vec<&C> = clusters.iter().collect();
    let n = clusters.len();
    let Some(value) = statistic(&all).filter(|v| v.is_finite()) else {
        return unknown(options.range.map_or(0.0, |(low, _)| low), 0, options);
    };
    if n < 2 {
        return unknown(value, n, options);
    }
    let mut generator = Generator::new(options.seed);
    let mut drawn = Vec::with_capacity(n);
    let mut values: Vec<f64> = (0..options.resamples)
        .filter_map(|_| {
            generator.resample(clusters, &mut drawn);
            statistic(&drawn).filter(|v| v.is_finite())
        })
        .collect();
    values.sort_by(f64::total_cmp);
    let z = margin(options.alpha(), n);
    let (low, high) =
        ends(value, &values, jackknife::acceleration(&all, &statistic), z).unwrap_or((value, value));
    Interval { value, low: low.min(value), high: high.max(value), n }
}

/// How many standard errors an interval goes to either side: Student's t, and the factor by which resamples of `n` vary
/// too little.
fn margin(alpha: f64, n: usize) -> f64 {
    let n = n as f64;
    student(n - 1.0, 1.0 - alpha / 2.0) * (n / (n - 1.0)).sqrt()
}

/// The two ends, from the sorted values of the resamples. `None` if there are none.
pub(super) fn ends(value: f64, sorted: &[f64], acceleration: f64, z: f64) -> Option<(f64, f64)> {
    // Sums in another order differ in their last digits, and are equal all the same.
    let slack = 1e-12 * value.abs().max(1e-300);
    let below = sorted.partition_point(|v| *v < value - slack);
    let up_to = sorted.partition_point(|v| *v <= value + slack);
    let bias = quantile((below + up_to) as f64 / (2 * sorted.len()) as f64);
    // All resamples on one side of the estimate: no correction can be taken from them.
    let bias = if bias.is_finite() { bias } else { 0.0 };
    let at = |z: f64| {
        let stretch = 1.0 - acceleration * (bias + z);
        if stretch > 0.0 { probability(bias + (bias + z) / stretch) } else { f64::from(u8::from(z > 0.0)) }
    };
    Some((sorted_percentile(sorted, at(-z))?, sorted_percentile(sorted, at(z))?))
}

/// The standard normal distribution up to `z`.
fn probability(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

/// Where the standard normal distribution reaches `p`; infinite at 0 and 1, not a number outside.
pub(super) fn quantile(p: f64) -> f64 {
    if (0.0..=1.0).contains(&p) { Normal::standard().inverse_cdf(p) } else { f64::NAN }
}

/// Where Student's t with these degrees of freedom reaches `p`.
pub(super) fn student(freedom: f64, p: f64) -> f64 {
    // With so many it is the normal to six digits, and the library's search for it does not end with very many.
    if freedom > 1e6 {
        return quantile(p);
    }
    StudentsT::new(0.0, 1.0, freedom).map_or_else(|_| quantile(p), |t| t.inverse_cdf(p))
}
