//! The words of a line, one after the other, each with its column.

use regex::Regex;
use serde_json::Value as Json;

use super::document::{Wrong, nearest};

/// Words that a text must have or must not have.
#[derive(Debug, Clone)]
pub(super) enum Words {
    Contains(String),
    Lacks(String),
    Matches(Regex),
}

/// A comparison with a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number {
    op: Compare,
    with: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compare {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Number {
    pub(super) fn holds(self, value: f64) -> bool {
        match self.op {
            Compare::Eq => value == self.with,
            Compare::Ne => value != self.with,
            Compare::Lt => value < self.with,
            Compare::Le => value <= self.with,
            Compare::Gt => value > self.with,
            Compare::Ge => value >= self.with,
        }
    }
}

/// The words of one line.
pub(super) struct Scan<'a> {
    pub(super) line: usize,
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default().trim()
    }

    /// The column of what comes next, from 1.
    pub(super) fn column(&self) -> usize {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let start = self.at + rest.len() - rest.trim_start().len();
        self.text.get(..start).unwrap_or_default().chars().count() + 1
    }

    pub(super) fn wrong(&self, message: impl Into<String>) -> Wrong {
        Wrong::at(self.line, self.column(), message)
    }

    fn skip(&mut self, length: usize) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += rest.len() - rest.trim_start().len() + length;
    }

    pub(super) fn word(&mut self) -> &'a str {
        let ends = |c: char| c.is_whitespace() || "=<>!≤≥≠".contains(c);
        let rest = self.rest();
        let word = rest.split(ends).next().unwrap_or_default();
        self.skip(word.len());
        word
    }

    /// Takes the word, or words, if they come next.
    pub(super) fn takes(&mut self, words: &str) -> bool {
        let rest = self.rest();
        let is_next =
            rest.strip_prefix(words).is_some_and(|r| r.is_empty() || r.starts_with(char::is_whitespace));
        if is_next {
            self.skip(words.len());
        }
        is_next
    }

    pub(super) fn literal(&mut self, word: &str) -> Result<(), Wrong> {
        // `=` reads as “is”.
        if self.takes(word) || (word == "is" && self.takes("=")) {
            return Ok(());
        }
        Err(self.wrong(format!("`{word}` is expected here{}", found(self.rest()))))
    }

    /// One of these words. Singular and plural of a verb are the same.
    pub(super) fn word_of(&mut self, known: &[&'static str], what: &str) -> Result<&'static str, Wrong> {
        let column = self.column();
        let word = self.word();
        let alike =
            |k: &str| k == word || word.strip_suffix('s') == Some(k) && !k.ends_with('s') && k != "call";
        if let Some(found) = known.iter().find(|k| **k == word).or_else(|| known.iter().find(|k| alike(k))) {
            return Ok(found);
        }
        let all: Vec<String> = known.iter().filter(|k| **k != "not").map(|k| format!("`{k}`")).collect();
        let message = if word.is_empty() {
            format!("something is missing: {what} {}", all.join(", "))
        } else {
            let near = nearest(word, known.iter().copied());
            let near = near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
            format!("`{word}` is not known here{near} ({what} {})", all.join(", "))
        };
        Err(Wrong::at(self.line, column, message))
    }

    pub(super) fn number(&mut self) -> Result<Number, Wrong> {
        let signs = [
            ("<=", Compare::Le),
            ("≤", Compare::Le),
            (">=", Compare::Ge),
            ("≥", Compare::Ge),
            ("!=", Compare::Ne),
            ("≠", Compare::Ne),
            ("==", Compare::Eq),
            ("<", Compare::Lt),
            (">", Compare::Gt),
            ("=", Compare::Eq),
            ("is ", Compare::Eq),
        ];
        let rest = self.rest();
        let Some((sign, op)) = signs.into_iter().find(|(sign, _)| rest.starts_with(sign)) else {
            return Err(
                self.wrong(format!("a comparison such as `= 3` or `<= 3` is expected here{}", found(rest)))
            );
        };
        self.skip(sign.len());
        let column = self.column();
        let word = self.word();
        match word.replace('_', "").parse::<f64>() {
            Ok(with) if with.is_finite() => Ok(Number { op, with }),
            _ => Err(Wrong::at(self.line, column, format!("a number is expected here{}", found(word)))),
        }
    }

    pub(super) fn rest_of(&mut self, what: &str) -> Result<&'a str, Wrong> {
        let rest = self.rest();
        if rest.is_empty() {
            return Err(self.wrong(format!("something is missing: {what}")));
        }
        self.at = self.text.len();
        Ok(rest)
    }

    pub(super) fn sql(&mut self) -> Result<String, Wrong> {
        Ok(self.rest_of("an SQL expression over the fields, as in `year < 1990`")?.to_owned())
    }

    pub(super) fn condition(&mut self) -> Result<String, Wrong> {
        Ok(self.rest_of("a condition, as in `year < 1990` or `not genre = Horror`")?.to_owned())
    }

    pub(super) fn json(&mut self) -> Result<Json, Wrong> {
        let column = self.column();
        let rest = self.rest_of("arguments as JSON, as in {\"by\": \"price\"}")?;
        serde_json::from_str(rest).map_err(|e| {
            Wrong::at(self.line, column + e.column().saturating_sub(1), format!("this is no JSON: {e}"))
        })
    }

    /// A text in double quotes; `\"` and `\\` stand for themselves.
    pub(super) fn quoted(&mut self) -> Result<String, Wrong> {
        let rest = self.rest();
        let Some(inner) = rest.strip_prefix('"') else {
            return Err(self.wrong(format!("a text in double quotes is expected here{}", found(rest))));
        };
        let (mut text, mut is_escaped) = (String::new(), false);
        for (at, c) in inner.char_indices() {
            match c {
                '"' if !is_escaped => {
                    self.skip(1 + at + 1);
                    return Ok(text);
                }
                '\\' if !is_escaped => is_escaped = true,
                c => {
                    text.push(match c {
                        'n' if is_escaped => '\n',
                        c => c,
                    });
                    is_escaped = false;
                }
            }
        }
        Err(self.wrong("this text has no closing quote"))
    }

    fn some_text(&mut self) -> Result<String, Wrong> {
        let column = self.column();
        let text = self.quoted()?;
        if text.trim().is_empty() {
            return Err(Wrong::at(self.line, column, "an empty text says nothing"));
        }
        Ok(text)
    }

    pub(super) fn words(&mut self) -> Result<Words, Wrong> {
        Ok(match self.word_of(&["contain", "lack", "match", "matches"], "a text is said to")? {
            "contain" => Words::Contains(self.some_text()?),
            "lack" => Words::Lacks(self.some_text()?),
            _ => {
                let column = self.column();
                let rest = self.rest_of("a regular expression between slashes")?;
                let inner =
                    rest.strip_prefix('/').and_then(|r| r.strip_suffix('/')).filter(|r| !r.is_empty());
                let Some(inner) = inner else {
                    let message = "a regular expression stands between slashes, as in `/[0-9]+ films/`";
                    return Err(Wrong::at(self.line, column, message));
                };
                let told =
                    |e: regex::Error| e.to_string().lines().last().unwrap_or_default().trim().to_owned();
                Words::Matches(Regex::new(inner).map_err(|e| Wrong::at(self.line, column, told(e)))?)
            }
        })
    }

    pub(super) fn nothing_or_words(&mut self) -> Result<Option<Words>, Wrong> {
        if self.takes("nothing") || self.takes("is nothing") { Ok(None) } else { self.words().map(Some) }
    }

    pub(super) fn nothing_or_text(&mut self) -> Result<Option<String>, Wrong> {
        if self.takes("nothing") { Ok(None) } else { self.some_text().map(Some) }
    }

    pub(super) fn one_name(&mut self) -> Result<String, Wrong> {
        let column = self.column();
        let mut names = self.names()?.into_iter();
        match (names.next(), names.next()) {
            (Some(name), None) => Ok(name),
            _ => Err(Wrong::at(self.line, column, "one name is expected here")),
        }
    }

    /// Names with commas between them; one with a comma in it stands in double quotes.
    pub(super) fn names(&mut self) -> Result<Vec<String>, Wrong> {
        let mut names = Vec::new();
        loop {
            let rest = self.rest();
            let name = if rest.starts_with('"') {
                self.quoted()?
            } else {
                let end = rest.find(',').unwrap_or(rest.len());
                self.skip(end);
                rest.get(..end).unwrap_or_default().trim().to_owned()
            };
            if name.is_empty() {
                return Err(self.wrong("a name is expected here, as in `h1, \"The Old Mill\"`"));
            }
            names.push(name);
            if !self.rest().starts_with(',') {
                return Ok(names);
            }
            self.skip(1);
        }
    }
}

fn found(text: &str) -> String {
    match text.split_whitespace().next() {
        Some(word) => format!(", not `{word}`"),
        None => String::new(),
    }
}
