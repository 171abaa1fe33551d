use super::qwen2::{Attention, Input, Logits, Want};
use super::sample::log_total;
use super::session::CHUNK;
use super::{GgufError, GgufModel, Prompt, Rows};

/// Tokens whose logits are kept at a time: a row has as many numbers as the vocabulary has tokens.
const SCORED: usize = 32;

impl GgufModel {
    /// How likely the model finds `continuation` behind the prompt: for each token the natural logarithm of its
    /// probability. Prompts that begin as the last one did are computed from where they differ.
    pub fn log_probabilities(&self, prompt: &Prompt, continuation: &[u32]) -> Result<Vec<f32>, GgufError> {
        let mut tokens = self.tokens(prompt)?;
        let given = tokens.len();
        tokens.extend_from_slice(continuation);
        self.check_room(tokens.get(..given).unwrap_or_default())?;
        if continuation.is_empty() {
            return Ok(Vec::new());
        }
        // The last token of the prompt foretells the first of the continuation; the last of that foretells nothing.
        let mut session = self.session();
        let cached = session.begin(tokens.get(..given).unwrap_or_default());
        let never = || false;
        session.run(
            &self.network,
            tokens.get(cached..given - 1).unwrap_or_default(),
            Logits::None,
            &never,
        )?;
        let foretelling = tokens.get(given - 1..tokens.len() - 1).unwrap_or_default();
        let mut scores = Vec::with_capacity(continuation.len());
        for (known, unknown) in foretelling.chunks(SCORED).zip(continuation.chunks(SCORED)) {
            let rows = session.run(&self.network, known, Logits::All, &never)?.unwrap_or_default();
            scores.extend(unknown.iter().zip(rows.iter()).map(|(&token, logits)| {
                logits.get(token as usize).map_or(f32::NEG_INFINITY, |logit| logit - log_total(logits))
            }));
        }
        Ok(scores)
    }

    /// Where the last `last` tokens of a prompt look, in each of `layers`: a row has one number for each token of the
    /// prompt, 0 for those that come later. Layers behind the last of them do not run.
    pub fn attention(
        &self,
        prompt: &Prompt,
        layers: &[usize],
        last: usize,
    ) -> Result<Vec<Attention>, GgufError> {
        let tokens = self.tokens(prompt)?;
        self.network.check(&tokens)?;
        let stop_after = layers.iter().copied().max();
        let mut cache = self.network.cache(stop_after);
        let want = Want { logits: Logits::None, stop_after, ..Want::default() };
        let (before, looking) = tokens.split_at(tokens.len().saturating_sub(last.max(1)));
        for chunk in before.chunks(CHUNK) {
            self.network.forward(Input::Tokens(chunk), &mut cache, &want)?;
        }
        let want = Want { attention: layers.to_vec(), ..want };
        Ok(self.network.forward(Input::Tokens(looking), &mut cache, &want)?.attention)
    }

    /// The hidden states of a prompt behind layer `stop_after`, a row a token. Later layers do not run.
    pub fn hidden(&self, prompt: &Prompt, stop_after: usize) -> Result<Rows, GgufError> {
        let tokens = self.tokens(prompt)?;
        self.network.check(&tokens)?;
        let mut cache = self.network.cache(Some(stop_after));
        let want = Want {
            logits: Logits::None,
            hidden: Some(stop_after),
            stop_after: Some(stop_after),
            ..Want::default()
        };
        let mut rows = Rows::default();
        for chunk in tokens.chunks(CHUNK) {
            rows.extend(self.network.forward(Input::Tokens(chunk), &mut cache, &want)?.hidden);
        }
        Ok(rows)
    }
}
