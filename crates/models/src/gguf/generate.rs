use serde_json::Value as Json;

use super::qwen2::Logits;
use super::sample::{Sampler, Sampling, largest, log_total};
use super::schema::Constraint;
use super::text::TextStream;
use super::{GgufError, GgufModel, Prompt, Rows};

/// What is to be generated.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateRequest {
    /// What the model is given.
    pub prompt: Prompt,
    /// The most tokens that may come.
    pub max_tokens: usize,
    /// How they are chosen.
    pub sampling: Sampling,
    /// Texts that end the text, and are no part of it.
    pub stop: Vec<String>,
    /// The JSON Schema that the text must keep to.
    pub schema: Option<Json>,
    /// How many of the likeliest tokens to tell beside each.
    pub alternatives: usize,
}

impl GenerateRequest {
    /// The likeliest text of at most `max_tokens` tokens.
    pub fn new(prompt: Prompt, max_tokens: usize) -> Self {
        Self {
            prompt,
            max_tokens,
            sampling: Sampling::default(),
            stop: Vec::new(),
            schema: None,
            alternatives: 0,
        }
    }
}

/// Why a text ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model ended it, the schema was complete, or a stop came.
    Stop,
    /// No more tokens were asked for, or none fit.
    Length,
    /// Somebody did not want it any more.
    Cancelled,
}

/// A text, and what it took.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// The text.
    pub text: String,
    /// Why it ended.
    pub finish: Finish,
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Of these, how many were known from the prompt before.
    pub cached_tokens: usize,
    /// Tokens of the text.
    pub tokens: Vec<GeneratedToken>,
}

/// One token of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct GeneratedToken {
    /// Its number.
    pub token: u32,
    /// Its bytes as text; a part of a character becomes `U+FFFD`.
    pub text: String,
    /// Natural logarithm of its probability by the model alone: before temperature and schema.
    pub log_probability: f32,
    /// The likeliest tokens in its place, the likeliest first, with theirs.
    pub alternatives: Vec<(u32, f32)>,
}

impl GgufModel {
    /// Continues a prompt. `on_text` is told the text as it comes; `cancelled` is asked before every token.
    ///
    /// One text is generated at a time; a second call waits for the first. What is known of the prompt from the one
    /// before is not computed again; logits differ a little from those of a cold start then, as they do between
    /// machines, so that a tie may be decided otherwise.
    pub fn generate(
        &self,
        request: &GenerateRequest,
        on_text: &mut dyn FnMut(&str),
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Generated, GgufError> {
        let prompt = self.tokens(&request.prompt)?;
        self.check_room(&prompt)?;
        let mut constraint =
            request.schema.as_ref().map(|schema| self.schemas.compile(schema)).transpose()?;
        let mut sampler = Sampler::new(request.sampling, self.options.seed);
        let mut text = TextStream::new(&request.stop);
        let mut tokens = Vec::new();
        let mut session = self.session();
        let cached_tokens = session.begin(&prompt);
        let new = prompt.get(cached_tokens..).unwrap_or_default();
        let mut logits = session.run(&self.network, new, Logits::Last, cancelled)?;
        let finish = loop {
            let Some(before) = logits else { break Finish::Cancelled };
            let room = session.room().min(request.max_tokens.saturating_sub(tokens.len()));
            if room == 0 {
                break Finish::Length;
            }
            let mut next = self.next(before.last(), constraint.as_mut(), &mut sampler)?;
            next.truncate(room);
            let Some((&first, others)) = next.split_first() else { break Finish::Stop };
            for &token in &next {
                if let Some(constraint) = constraint.as_mut() {
                    constraint.accept(token)?;
                }
                on_text(text.push(self.tokenizer.bytes(token)));
            }
            tokens.push(self.scored(first, before.last(), request.alternatives));
            let over = text.is_stopped() || constraint.as_ref().is_some_and(Constraint::is_complete);
            if over && others.is_empty() {
                break Finish::Stop;
            }
            // The others were not chosen by the model: what it thought of them comes with this pass.
            let wanted = if others.is_empty() { Logits::Last } else { Logits::All };
            logits = session.run(&self.network, &next, wanted, cancelled)?;
            for (&token, logits) in others.iter().zip(logits.iter().flat_map(Rows::iter)) {
                tokens.push(self.scored(token, logits, request.alternatives));
            }
            if over {
                break Finish::Stop;
            }
        };
        on_text(text.finish());
        Ok(Generated { text: text.into_text(), finish, prompt_tokens: prompt.len(), cached_tokens, tokens })
    }

    /// What comes next: tokens that the schema forces, else the one that is chosen; none at the end.
    fn next(
        &self,
        logits: &[f32],
        constraint: Option<&mut Constraint>,
        sampler: &mut Sampler,
    ) -> Result<Vec<u32>, GgufError> {
        let chosen = match constraint {
            Some(constraint) => match constraint.forced() {
                forced if forced.is_empty() => sampler.choose(logits, Some(&constraint.allowed()?)),
                forced => {
                    return Ok(forced
                        .into_iter()
                        .take_while(|&token| !self.tokenizer.is_end(token))
                        .collect());
                }
            },
            None => sampler.choose(logits, None),
        };
        Ok(chosen.into_iter().filter(|&token| !self.tokenizer.is_end(token)).collect())
    }

    fn scored(&self, token: u32, logits: &[f32], alternatives: usize) -> GeneratedToken {
        let total = log_total(logits);
        let logit = logits.get(token as usize).copied().unwrap_or(f32::NEG_INFINITY);
        let mut alternatives = largest(logits, alternatives);
        alternatives.iter_mut().for_each(|(_, x)| *x -= total);
        let text = String::from_utf8_lossy(self.tokenizer.bytes(token)).into_owned();
        GeneratedToken { token, text, log_probability: logit - total, alternatives }
    }
}
