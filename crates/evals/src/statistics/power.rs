use statrs::statistics::Statistics;

use super::bootstrap::student;
use super::estimate::ratio;
use crate::Measure;

/// The smallest true difference between two variants that a run finds with probability `power`, at risk `alpha` two-sided:
/// `(t(1 − alpha/2) + t(power)) · sd / √clusters`, Student's t with `clusters − 1` degrees of freedom (Cohen, Statistical
/// Power Analysis, 1988). `sd` is the standard deviation of the clusters' paired differences. `None` of fewer than two clusters.
pub fn smallest_detectable(sd: f64, clusters: usize, alpha: f64, power: f64) -> Option<f64> {
    let freedom = clusters.checked_sub(1).filter(|f| *f > 0)? as f64;
    let reach = student(freedom, 1.0 - alpha / 2.0) + student(freedom, power);
    Some(reach * sd / (clusters as f64).sqrt()).filter(|d| d.is_finite())
}

/// How many clusters it takes to find a difference of this size; `None` where none would do.
pub fn clusters_needed(sd: f64, difference: f64, alpha: f64, power: f64) -> Option<usize> {
    let enough = |n: &usize| smallest_detectable(sd, *n, alpha, power).is_some_and(|d| d <= difference.abs());
    let most = (1..=40).map(|bits| 1_usize << bits).find(enough)?;
    let (mut low, mut high) = (most / 2, most);
    while low + 1 < high {
        let middle = usize::midpoint(low, high);
        if enough(&middle) { high = middle } else { low = middle }
    }
    Some(high.max(2))
}

/// The standard deviation of the clusters' paired differences, linearised: what each cluster adds to the difference of two
/// ratios `Σ value / Σ weight` (the delta method; Deng et al., KDD 2018). `None` of fewer than two clusters.
pub fn sd_of_differences(pairs: &[(Measure, Measure)]) -> Option<f64> {
    let (a, b) = (ratio(&mut pairs.iter().map(|p| &p.0))?, ratio(&mut pairs.iter().map(|p| &p.1))?);
    let n = pairs.len() as f64;
    let mean_weight = |weights: &mut dyn Iterator<Item = f64>| weights.sum::<f64>() / n;
    let (a_weight, b_weight) = (
        mean_weight(&mut pairs.iter().map(|p| p.0.weight)),
        mean_weight(&mut pairs.iter().map(|p| p.1.weight)),
    );
    let adds = |m: &Measure, ratio: f64, mean: f64| (m.value - ratio * m.weight) / mean;
    let differences = pairs.iter().map(|(x, y)| adds(y, b, b_weight) - adds(x, a, a_weight));
    (pairs.len() > 1).then(|| differences.collect::<Vec<_>>().std_dev())
}

/// What the standard deviation of paired differences may be before anything was compared: of two variants whose figures correlate
/// by one half, each with the deviation over clusters of an earlier run, or else with the largest that a figure in this range
/// can have.
pub fn guessed_sd(earlier: &[Measure], range: Option<(f64, f64)>) -> Option<f64> {
    let alone: Vec<_> = earlier.iter().map(|m| (Measure { value: 0.0, ..*m }, *m)).collect();
    // √(sd² + sd² − 2 · ½ · sd²) is sd.
    sd_of_differences(&alone).or_else(|| range.map(|(least, most)| (most - least) / 2.0))
}
