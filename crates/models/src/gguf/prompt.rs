use super::GgufError;
use super::file::GgufFile;
use super::tokenizer::GgufTokenizer;

const START: &str = "<|im_start|>";
const END: &str = "<|im_end|>";

/// What Qwen2.5 models were told where nobody told them anything, and what Qwen2 models were.
const DEFAULTS: [&str; 2] =
    ["You are Qwen, created by Alibaba Cloud. You are a helpful assistant.", "You are a helpful assistant."];

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// Whoever set the task.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// A tool that the model called.
    Tool,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Who speaks.
    pub speaker: Speaker,
    /// What is said.
    pub text: String,
}

impl Turn {
    /// A message.
    pub fn new(speaker: Speaker, text: impl Into<String>) -> Self {
        Self { speaker, text: text.into() }
    }
}

/// What a model is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompt {
    /// A conversation that the model is to go on with.
    Chat(Vec<Turn>),
    /// A text as it is.
    Text(String),
    /// Tokens as they are.
    Tokens(Vec<u32>),
}

/// Writes conversations as the model was trained to read them (ChatML).
#[derive(Debug)]
pub(crate) struct Template {
    start: u32,
    end: u32,
    default: &'static str,
}

impl Template {
    pub(crate) fn read(file: &GgufFile, tokenizer: &GgufTokenizer) -> Result<Self, GgufError> {
        let control = |name| tokenizer.control(name).ok_or_else(|| file.wrong(format!("it has no `{name}`")));
        let written = file.find_text("tokenizer.chat_template").unwrap_or_default();
        let default = DEFAULTS.into_iter().find(|text| written.contains(text)).unwrap_or(DEFAULTS[1]);
        Ok(Self { start: control(START)?, end: control(END)?, default })
    }

    /// What the model is told where nobody tells it anything.
    pub(crate) fn default_task(&self) -> &'static str {
        self.default
    }

    /// The tokens of a prompt.
    pub(crate) fn tokens(&self, prompt: &Prompt, tokenizer: &GgufTokenizer) -> Result<Vec<u32>, GgufError> {
        match prompt {
            Prompt::Text(text) => tokenizer.encode(text),
            Prompt::Tokens(tokens) => Ok(tokens.clone()),
            Prompt::Chat(turns) => {
                let mut tokens = Vec::new();
                for (name, text) in messages(turns, self.default) {
                    tokens.push(self.start);
                    tokens.extend(tokenizer.encode(&format!("{name}\n{text}"))?);
                    tokens.push(self.end);
                    tokens.extend(tokenizer.encode("\n")?);
                }
                tokens.push(self.start);
                tokens.extend(tokenizer.encode("assistant\n")?);
                Ok(tokens)
            }
        }
    }
}

/// Names and texts of the messages: the default task first if none is given, and what tools answer as the model was
/// trained to see it, answers in a row in one message.
fn messages(turns: &[Turn], default: &str) -> Vec<(&'static str, String)> {
    let mut messages = Vec::new();
    if turns.first().is_none_or(|turn| turn.speaker != Speaker::System) {
        messages.push(("system", default.to_owned()));
    }
    let mut tools = false;
    for Turn { speaker, text } in turns {
        let name = match speaker {
            Speaker::System => "system",
            Speaker::User => "user",
            Speaker::Assistant => "assistant",
            Speaker::Tool => {
                let answer = format!("<tool_response>\n{text}\n</tool_response>");
                match messages.last_mut().filter(|_| tools) {
                    Some((_, together)) => *together = format!("{together}\n{answer}"),
                    None => messages.push(("user", answer)),
                }
                tools = true;
                continue;
            }
        };
        tools = false;
        messages.push((name, text.clone()));
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_always_a_task() {
        let user = Turn::new(Speaker::User, "hello");
        assert_eq!(
            messages(std::slice::from_ref(&user), "be kind"),
            [("system", "be kind".to_owned()), ("user", "hello".to_owned())]
        );
        let own = Turn::new(Speaker::System, "be brief");
        assert_eq!(messages(&[own, user], "be kind")[0].1, "be brief");
    }

    #[test]
    fn answers_of_tools_in_a_row_are_one_message() {
        let say = |speaker, text| Turn::new(speaker, text);
        let turns = [
            say(Speaker::System, "s"),
            say(Speaker::Tool, "1"),
            say(Speaker::Tool, "2"),
            say(Speaker::Assistant, "a"),
            say(Speaker::Tool, "3"),
        ];
        let answer = |n| format!("<tool_response>\n{n}\n</tool_response>");
        let both = format!("{}\n{}", answer(1), answer(2));
        let expected =
            [("system", "s".to_owned()), ("user", both), ("assistant", "a".to_owned()), ("user", answer(3))];
        assert_eq!(messages(&turns, ""), expected);
    }
}
