/// The p-values of a family of tests, adjusted so that the risk of any false alarm among them stays what it is for one.
/// Holm, Scandinavian Journal of Statistics 1979. In the order given.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut tests: Vec<(usize, f64)> = p.iter().copied().enumerate().collect();
    tests.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (mut left, mut largest) = (p.len(), 0.0_f64);
    for (_, p) in &mut tests {
        largest = largest.max(*p * left as f64).min(1.0);
        *p = largest;
        left -= 1;
    }
    tests.sort_by_key(|(at, _)| *at);
    tests.into_iter().map(|(_, p)| p).collect()
}
