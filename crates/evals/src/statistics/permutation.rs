use serde::{Deserialize, Serialize};

use super::Options;
use super::generator::Generator;

/// Up to how many clusters that differ every swap is tried.
const EXACT: usize = 14;

/// What a permutation test found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Permutation {
    /// How often swapping variants at random makes a difference at least as large as the one seen.
    pub p: f64,
    /// True if every swap was tried; false if swaps were drawn.
    pub exact: bool,
}

/// Whether `figure` differs between the first and the second of the pairs, one pair a cluster: two-sided, by swapping them in
/// whole clusters. Where the variants do not differ, every swap is as likely (Fisher 1935; sign-flip test).
///
/// Exact for up to 14 clusters that differ. Else drawn, and the draw that was seen counts as one of them, so that p is never 0
/// (Phipson and Smyth 2010). A swap without a figure counts as one as extreme.
pub fn permutation<C: PartialEq>(
    pairs: &[(C, C)],
    figure: impl Fn(&mut dyn Iterator<Item = &C>) -> Option<f64>,
    options: &Options,
) -> Permutation {
    let seen = pairs.iter().map(|(a, b)| (a, b)).collect::<Vec<_>>();
    let difference = |swapped: &[(&C, &C)]| {
        Some(figure(&mut swapped.iter().map(|p| p.1))? - figure(&mut swapped.iter().map(|p| p.0))?)
    };
    let differ: Vec<usize> = (0..).zip(pairs).filter(|(_, (a, b))| a != b).map(|(at, _)| at).collect();
    let Some(observed) = difference(&seen).filter(|_| !differ.is_empty()) else {
        return Permutation { p: 1.0, exact: true };
    };
    // Sums in another order differ in their last digits, and are equal all the same.
    let bar = observed.abs() * (1.0 - 1e-9) - 1e-12;
    let as_extreme = |swap: &mut dyn FnMut() -> bool| {
        let mut swapped = seen.clone();
        for at in &differ {
            if let Some(pair) = swapped.get_mut(*at)
                && swap()
            {
                *pair = (pair.1, pair.0);
            }
        }
        difference(&swapped).is_none_or(|d| d.abs() >= bar)
    };
    if differ.len() <= EXACT {
        let all = 1_u32 << differ.len();
        let extreme = (0..all).filter(|swaps| {
            let mut bits = *swaps;
            as_extreme(&mut || {
                let bit = bits & 1 == 1;
                bits >>= 1;
                bit
            })
        });
        return Permutation { p: extreme.count() as f64 / f64::from(all), exact: true };
    }
    let mut generator = Generator::new(options.seed);
    let extreme = (0..options.resamples).filter(|_| as_extreme(&mut || generator.coin())).count();
    Permutation { p: (extreme + 1) as f64 / (f64::from(options.resamples) + 1.0), exact: false }
}
