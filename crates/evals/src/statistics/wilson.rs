use super::bootstrap::quantile;

/// The interval of a plain share, `hits` of `n` independent trials. Wilson, JASA 1927. Of no trials, 0 to 1.
pub fn wilson(hits: f64, n: f64, level: f64) -> (f64, f64) {
    if n <= 0.0 {
        return (0.0, 1.0);
    }
    let (p, z) = ((hits / n).clamp(0.0, 1.0), quantile(f64::midpoint(1.0, level)));
    let middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    ((middle - half).clamp(0.0, p), (middle + half).clamp(p, 1.0))
}
