//! `synonyms.txt`, in the form that Solr, Lucene and Elasticsearch share: a line is a rule, `tv, television, telly` says
//! that each means any of the others, `notebook, portable => laptop` that what is on the left means what is on the right,
//! `#` begins a comment, and a backslash takes the next character as it is.

use super::SteeringError;
use super::file::File;
use crate::text::words;

/// Other words for what the catalogue says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Synonyms {
    /// The lines, in the order of the file.
    pub lines: Vec<SynonymLine>,
}

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SynonymLine {
    /// Its number, from 1.
    pub line: usize,
    /// The words and phrases that have other words.
    pub from: Vec<String>,
    /// The words and phrases that they may mean.
    pub to: Vec<String>,
}

/// A stretch of a text and another way to say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// The position of its first word in the text.
    pub at: usize,
    /// How many words it has.
    pub length: usize,
    /// The words of the line that it is said with, as the file has them.
    pub word: String,
    /// What it may mean, as the file has it.
    pub means: String,
    /// The line of `synonyms.txt`.
    pub line: usize,
}

impl std::fmt::Display for Alternative {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "“{}” as “{}” (synonyms.txt line {})", self.word, self.means, self.line)
    }
}

impl Synonyms {
    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The stretches of the text that have other words, with each way to say them, in the order of the text and then of the
    /// file. No two overlap: the first counts, and of those that begin together the longest.
    pub fn of(&self, text: &str) -> Vec<Alternative> {
        if self.is_empty() {
            return Vec::new();
        }
        let said: Vec<String> = words(text).collect();
        self.among(&said)
    }

    /// The same for the words of a query: what is in quotes is meant as it is.
    pub fn of_query(&self, query: &str) -> Vec<Alternative> {
        query.split('"').step_by(2).flat_map(|part| self.of(part)).collect()
    }

    /// The same for a text that is folded words already.
    pub fn among(&self, said: &[String]) -> Vec<Alternative> {
        let mut found = Vec::new();
        for line in &self.lines {
            for word in &line.from {
                let phrase: Vec<String> = words(word).collect();
                for (at, _) in
                    said.windows(phrase.len().max(1)).enumerate().filter(|(_, part)| *part == phrase)
                {
                    let others = line.to.iter().filter(|to| *to != word);
                    found.extend(others.map(|means| Alternative {
                        at,
                        length: phrase.len(),
                        word: word.clone(),
                        means: means.clone(),
                        line: line.line,
                    }));
                }
            }
        }
        found.sort_by_key(|a| (a.at, std::cmp::Reverse(a.length)));
        let (mut from, mut taken) = (0, (0, 0));
        found.retain(|a| {
            let same = (a.at, a.length) == taken;
            let next = a.at >= from;
            if next {
                (from, taken) = (a.at + a.length, (a.at, a.length));
            }
            same || next
        });
        found
    }
}

/// Reads the file.
pub(super) fn parse(file: &File) -> Result<Synonyms, SteeringError> {
    let mut lines = Vec::new();
    for (line, text) in (1..).zip(file.text.lines()) {
        let parts = split(text).map_err(|message| file.wrong(line, message.to_owned()))?;
        let named = |part: &[String]| part.iter().all(|w| words(w).next().is_some());
        match parts.as_slice() {
            [only] if only.iter().all(String::is_empty) => {}
            [_, _, _, ..] => {
                let message = "there is more than one `=>`; write it as several lines";
                return Err(file.wrong(line, message.to_owned()));
            }
            parts if !parts.iter().all(|part| named(part)) => {
                let message = "there is nothing between two commas or beside `=>`; write a word there, or drop the comma";
                return Err(file.wrong(line, message.to_owned()));
            }
            [alike] if alike.len() < 2 => {
                let message = format!("`{}` has no other word; write `a, b` or `a => b`", alike.join(", "));
                return Err(file.wrong(line, message));
            }
            [alike] => lines.push(SynonymLine { line, from: alike.clone(), to: alike.clone() }),
            [from, to] => lines.push(SynonymLine { line, from: from.clone(), to: to.clone() }),
            [] => {}
        }
    }
    Ok(Synonyms { lines })
}

/// A line's words: its sides of `=>`, and each side at its commas.
fn split(line: &str) -> Result<Vec<Vec<String>>, &'static str> {
    let mut sides = vec![vec![String::new()]];
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        let mut add = |c: char| {
            if let Some(word) = sides.last_mut().and_then(|side| side.last_mut()) {
                word.push(c);
            }
        };
        match c {
            '\\' => match characters.next() {
                Some(c) => add(c),
                None => return Err("the line ends with a backslash; drop it"),
            },
            '#' => break,
            ',' => {
                if let Some(side) = sides.last_mut() {
                    side.push(String::new());
                }
            }
            '=' if characters.peek() == Some(&'>') => {
                characters.next();
                sides.push(vec![String::new()]);
            }
            c => add(c),
        }
    }
    for word in sides.iter_mut().flatten() {
        *word = word.trim().to_owned();
    }
    Ok(sides)
}
