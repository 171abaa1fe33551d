//! A model that says what a user means in words of its own.

use segue_agent::PlanningModel;
use segue_agent::model::{Prompt, PromptError};
use segue_catalog::text::words;
use segue_models::{ChatRequest, Message};
use serde::Serialize;
use serde_json::json;

use super::phrases::reveals;
use super::user::{Act, User, Utterance};

const PROMPT: &str = include_str!("../../../../prompts/user.prompt.md");
/// Tokens of a message.
const MOST_TOKENS: u32 = 80;
/// Characters of a message.
const MOST_CHARS: usize = 400;
/// How often the model is asked for one message.
const ATTEMPTS: u32 = 2;

/// Says what users mean, in a model's words.
#[derive(Debug)]
pub struct Speaker {
    model: PlanningModel,
    prompt: Prompt,
}

/// What was said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spoken {
    /// The words.
    pub text: String,
    /// True if they are a model's.
    pub by_model: bool,
    /// What the model said that could not be used, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
}

impl Spoken {
    /// In the words of the templates.
    pub fn as_meant(meant: &Utterance) -> Self {
        Self { text: meant.text.clone(), by_model: false, refused: Vec::new() }
    }
}

impl Speaker {
    /// One that speaks with this model.
    pub fn new(model: PlanningModel) -> Result<Self, PromptError> {
        Ok(Self { model, prompt: Prompt::parse("user", PROMPT, None)? })
    }

    /// What its words depend on: the model and the prompt.
    pub fn depends(&self) -> (String, String) {
        (self.model.model.name().to_owned(), self.prompt.hash.clone())
    }

    /// Says what the user means. The model is given what may be revealed and nothing else; what it says is used only if it holds
    /// every value, no title and no id of a target, and no number from elsewhere. After two attempts the template's words stand.
    pub async fn say(&self, meant: &Utterance, user: &User) -> Spoken {
        let mut refused: Vec<String> = Vec::new();
        let mut values: Vec<&str> = meant.facts.iter().flat_map(|f| &f.values).map(String::as_str).collect();
        if meant.act == Act::Reject {
            values.push(&meant.it);
        }
        for _ in 0..ATTEMPTS {
            let inputs = json!({
                "noun": user.noun(), "act": does(meant.act), "plain": meant.text, "values": values,
                "wrong": refused.last().cloned().unwrap_or_default(),
            });
            let Ok(text) = self.prompt.render(inputs) else { break };
            let mut request = ChatRequest::new(vec![Message::user(text)], MOST_TOKENS);
            (request.temperature, request.seed) = (Some(0.0), Some(refused.len() as u64));
            let reply = match self.model.model.complete(&request, &mut |_| ()).await {
                Ok(reply) => reply.content,
                Err(error) => {
                    refused.push(error.to_string());
                    break;
                }
            };
            let text = reply.trim().trim_matches('"').trim().to_owned();
            match wrong(&text, meant, &values, user.secrets()) {
                None => return Spoken { text, by_model: true, refused },
                Some(why) => refused.push(why),
            }
        }
        Spoken { refused, ..Spoken::as_meant(meant) }
    }
}

fn does(act: Act) -> &'static str {
    match act {
        Act::Ask => "begins to ask",
        Act::Add => "was not shown the right one yet",
        Act::Insist => "was not understood and says it again",
        Act::Reject => "does not want one that was shown",
    }
}

/// Why these words cannot stand for what is meant.
fn wrong(text: &str, meant: &Utterance, values: &[&str], secrets: &[String]) -> Option<String> {
    if text.is_empty() || text.contains('\n') || text.chars().count() > MOST_CHARS {
        return Some("it is not one short line".to_owned());
    }
    // What is secret is not repeated to the model.
    if secrets.iter().any(|secret| reveals(text, secret)) {
        return Some("it names something that the user cannot know".to_owned());
    }
    if let Some(missing) = values.iter().find(|value| !reveals(text, value)) {
        return Some(format!("`{missing}` is missing"));
    }
    let known: Vec<String> = words(&meant.it).collect();
    let is_number = |word: &String| word.chars().any(|c| c.is_ascii_digit());
    let unasked = words(text).find(|word| is_number(word) && !known.contains(word));
    unasked.map(|number| format!("`{number}` stands nowhere in what the user may say"))
}
