use super::cache::Cache;
use super::qwen2::{Input, Logits, Qwen2, Want};
use super::{GgufError, Rows};

/// Tokens that run together: more share the weights that are read, fewer leave room in the processor's cache and
/// are sooner stopped.
pub(crate) const CHUNK: usize = 256;

/// The tokens of the last prompt and what followed, with their cache: the next prompt often begins in the same way.
#[derive(Debug)]
pub(crate) struct Session {
    cache: Cache,
    tokens: Vec<u32>,
}

impl Session {
    pub(crate) fn new(cache: Cache) -> Self {
        Self { cache, tokens: Vec::new() }
    }

    /// Keeps what `prompt` has in common with what was run before, but not all of it: what comes after its last token
    /// must be computed. Gives the number of tokens kept.
    pub(crate) fn begin(&mut self, prompt: &[u32]) -> usize {
        let kept = common(&self.tokens, prompt).min(prompt.len().saturating_sub(1)).min(self.cache.len());
        self.tokens.truncate(kept);
        self.cache.truncate(kept);
        kept
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.begin(&[]);
    }

    /// How many more tokens fit.
    pub(crate) fn room(&self) -> usize {
        self.cache.limit() - self.cache.len()
    }

    /// Runs more tokens, in chunks; gives the logits of all that are wanted, or `None` if it was cancelled.
    pub(crate) fn run(
        &mut self,
        network: &Qwen2,
        tokens: &[u32],
        logits: Logits,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<Rows>, GgufError> {
        let mut rows = Rows::default();
        let chunks = tokens.chunks(CHUNK);
        let last = chunks.len().saturating_sub(1);
        for (number, chunk) in chunks.enumerate() {
            if cancelled() {
                return Ok(None);
            }
            let logits = if logits == Logits::Last && number < last { Logits::None } else { logits };
            let want = Want { logits, ..Want::default() };
            let output = network.forward(Input::Tokens(chunk), &mut self.cache, &want)?;
            self.tokens.extend_from_slice(chunk);
            rows.extend(output.logits);
        }
        Ok(Some(rows))
    }
}

/// How many tokens are the same from the beginning.
fn common(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_common_ends_at_the_first_difference() {
        assert_eq!(common(&[1, 2, 3, 4], &[1, 2, 9, 4]), 2);
        assert_eq!((common(&[], &[1]), common(&[1, 2], &[1, 2, 3])), (0, 2));
    }
}
