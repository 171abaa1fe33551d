//! Which texts to run together.

/// The most tokens of a batch, padding included. Activations of so many tokens stay in a core's cache.
const TOKENS: usize = 1024;

/// Bytes of a text per token, roughly; only the order and size of batches depend on it.
const BYTES_PER_TOKEN: usize = 4;

/// Groups texts of like length, so that little is padded; gives positions in `texts`. The batch of the
/// longest comes first, so that no worker begins it when the others are done.
pub(crate) fn batches(texts: &[&str], max_tokens: usize) -> Vec<Vec<usize>> {
    let tokens = |text: &str| (text.len() / BYTES_PER_TOKEN + 2).min(max_tokens.max(1));
    let mut order: Vec<(usize, usize)> =
        texts.iter().enumerate().map(|(at, text)| (tokens(text), at)).collect();
    // A text that is cut may still differ in bytes: equal estimates keep the order of the texts.
    order.sort_by_key(|&(length, at)| (std::cmp::Reverse(length), at));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for (length, at) in order {
        match batches.last_mut() {
            Some(batch) if room > 0 => batch.push(at),
            _ => {
                room = (TOKENS / length).max(1);
                batches.push(vec![at]);
            }
        }
        room -= 1;
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_text_is_in_one_batch_and_batches_are_bounded(
            lengths in prop::collection::vec(0usize..3000, 0..200),
        ) {
            let texts: Vec<String> = lengths.iter().map(|n| "x".repeat(*n)).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let batches = batches(&texts, 256);
            let mut seen: Vec<usize> = batches.iter().flatten().copied().collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..texts.len()).collect::<Vec<_>>());
            for batch in &batches {
                let longest = batch.iter().map(|&at| (texts[at].len() / 4 + 2).min(256)).max().unwrap();
                prop_assert!(longest * batch.len() <= TOKENS.max(longest));
            }
        }
    }

    #[test]
    fn like_lengths_go_together_and_the_longest_first() {
        let (long, short) = ("x".repeat(2000), "x".repeat(8));
        assert_eq!(batches(&[&short, &long, &short, &long], 600), [vec![1, 3], vec![0, 2]][..].to_vec());
    }
}
