//! Markdown, as far as a scenario is concerned: headings and fenced blocks, each with its place in the file.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// Something in a file that cannot be read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    /// From 1.
    pub(super) line: usize,
    /// From 1, in characters.
    pub(super) column: usize,
    pub(super) message: String,
}

impl Wrong {
    pub(super) fn at(line: usize, column: usize, message: impl Into<String>) -> Self {
        Self { line, column, message: message.into() }
    }
}

/// A part of a document that means something, in its order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    /// A heading of level 1 or 2. Deeper ones are prose.
    Heading {
        /// 1 or 2.
        level: u8,
        text: String,
        line: usize,
    },
    Block(Block),
}

/// A fenced block.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Block {
    /// The first word behind the fence.
    pub(super) kind: String,
    /// The further words behind the fence.
    pub(super) words: Vec<Word>,
    /// The line of the opening fence, from 1.
    pub(super) line: usize,
    /// What stands between the fences, without carriage returns.
    pub(super) text: String,
    /// Where that stands, in bytes of the file.
    pub(super) content: Range<usize>,
}

/// A word behind a fence: `csv`, or `file=homes.csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) name: String,
    pub(super) value: Option<String>,
    pub(super) column: usize,
}

impl Block {
    /// The line of the first line between the fences.
    pub(super) fn first_line(&self) -> usize {
        self.line + 1
    }

    /// The lines that are not blank, each with its number in the file.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = self.text.lines().enumerate().map(|(n, line)| (self.first_line() + n, line));
        numbered.filter(|(_, line)| !line.trim().is_empty())
    }

    pub(super) fn wrong(&self, message: impl Into<String>) -> Wrong {
        Wrong::at(self.line, 1, message)
    }
}

/// The headings and fenced blocks of a document.
pub(super) fn parts(source: &str) -> Result<Vec<Part>, Wrong> {
    let mut found = Vec::new();
    // Lists and quotes that are open: a block within one is indented and is not ours to read.
    let mut within = 0_usize;
    let mut heading: Option<(u8, String, usize)> = None;
    for (event, range) in Parser::new_ext(source, Options::empty()).into_offset_iter() {
        match event {
            Event::Start(Tag::BlockQuote(_) | Tag::List(_)) => within += 1,
            Event::End(TagEnd::BlockQuote(_) | TagEnd::List(_)) => within = within.saturating_sub(1),
            Event::Start(Tag::Heading { level, .. }) => {
                let level = match level {
                    HeadingLevel::H1 => 1,
                    HeadingLevel::H2 => 2,
                    _ => continue,
                };
                heading = Some((level, String::new(), line_of(source, range.start)));
            }
            Event::End(TagEnd::Heading(_)) => {
                found.extend(heading.take().map(|(level, text, line)| Part::Heading { level, text, line }));
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some((_, heading, _)) = &mut heading {
                    heading.push_str(&text);
                }
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => {
                found.push(Part::Block(block(source, range, within > 0)?));
            }
            _ => {}
        }
    }
    Ok(found)
}

fn line_of(source: &str, offset: usize) -> usize {
    source.get(..offset).unwrap_or_default().matches('\n').count() + 1
}

fn block(source: &str, range: Range<usize>, is_nested: bool) -> Result<Block, Wrong> {
    let line = line_of(source, range.start);
    let whole = source.get(range.clone()).unwrap_or_default();
    let begins_a_line = source.get(..range.start).is_none_or(|s| s.is_empty() || s.ends_with('\n'));
    let fence = whole.chars().next().unwrap_or(' ');
    if is_nested || !begins_a_line || !matches!(fence, '`' | '~') {
        let message = "a block stands at the beginning of its line, outside lists and quotes; move it out";
        return Err(Wrong::at(line, 1, message));
    }
    let width = whole.chars().take_while(|c| *c == fence).count();
    let (opening, rest) = whole.split_once('\n').unwrap_or((whole, ""));
    let last = rest.trim_end_matches(['\n', '\r']).rsplit('\n').next().unwrap_or_default();
    let closes = last.trim().chars().all(|c| c == fence) && last.trim().chars().count() >= width;
    if !closes {
        let marks = fence.to_string().repeat(width);
        return Err(Wrong::at(line, 1, format!("this block is never closed; end it with `{marks}`")));
    }
    let start = range.start + opening.len() + 1;
    let body = rest.trim_end_matches(['\n', '\r']);
    let end = start + body.len().saturating_sub(last.len());
    let words = words(opening.trim_end_matches('\r'), width, line)?;
    let mut words = words.into_iter();
    let Some(kind) = words.next() else {
        return Err(Wrong::at(line, width + 1, format!("this block does not say what it is; {KINDS_ARE}")));
    };
    if kind.value.is_some() {
        let message = format!("a block begins with what it is, not with `{}=`; {KINDS_ARE}", kind.name);
        return Err(Wrong::at(line, kind.column, message));
    }
    let text = source.get(start..end).unwrap_or_default().replace("\r\n", "\n");
    Ok(Block { kind: kind.name, words: words.collect(), line, text, content: start..end })
}

/// What blocks there are.
pub(super) const KINDS: [&str; 10] = [
    "catalog", "mapping", "steering", "synonyms", "settings", "user", "model", "expect", "snapshot", "cases",
];
pub(super) const KINDS_ARE: &str = "blocks are `catalog`, `mapping`, `steering`, `synonyms`, `settings`, `user`, `model`, \
                                    `expect`, `snapshot` and `cases`";
/// Those that stand before the first turn.
pub(super) const HEAD: [&str; 5] = ["catalog", "mapping", "steering", "synonyms", "settings"];

/// The words behind the fence. A value in double quotes may hold blanks.
fn words(opening: &str, from: usize, line: usize) -> Result<Vec<Word>, Wrong> {
    let mut words = Vec::new();
    let mut chars = opening.chars().enumerate().skip(from).peekable();
    while let Some(&(at, c)) = chars.peek() {
        if c.is_whitespace() {
            chars.next();
            continue;
        }
        let mut name = String::new();
        while let Some((_, c)) = chars.next_if(|(_, c)| !c.is_whitespace() && *c != '=') {
            name.push(c);
        }
        let mut value = None;
        if chars.next_if(|(_, c)| *c == '=').is_some() {
            let quoted = chars.next_if(|(_, c)| *c == '"').is_some();
            let mut text = String::new();
            let ends = |c: char| if quoted { c == '"' } else { c.is_whitespace() };
            while let Some((_, c)) = chars.next_if(|(_, c)| !ends(*c)) {
                text.push(c);
            }
            if quoted && chars.next().is_none() {
                return Err(Wrong::at(line, at + 1, format!("the value of `{name}` has no closing quote")));
            }
            value = Some(text);
        }
        words.push(Word { name, value, column: at + 1 });
    }
    Ok(words)
}

/// The word that was probably meant.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |k: &str| strsim::damerau_levenshtein(&word.to_lowercase(), &k.to_lowercase());
    let near = known.into_iter().map(|k| (distance(k), k)).min_by_key(|(d, k)| (*d, k.len()))?;
    (near.0 <= (word.chars().count() / 2).clamp(1, 3)).then_some(near.1)
}

/// “; did you mean `x`?”, or what there is.
pub(super) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(word, known.clone()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => {
            let all: Vec<String> = known.into_iter().take(24).map(|k| format!("`{k}`")).collect();
            if all.is_empty() { String::new() } else { format!("; there are {}", all.join(", ")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(source: &str) -> Block {
        match parts(source).unwrap().pop() {
            Some(Part::Block(block)) => block,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_block_knows_its_place() {
        let source = "# A `b`\r\n\r\nprose\r\n\r\n```model error=timeout note=\"a b\"\r\none\r\n\r\ntwo\r\n```\r\nmore\r\n";
        let block = only(source);
        assert_eq!((block.kind.as_str(), block.line, block.text.as_str()), ("model", 5, "one\n\ntwo\n"));
        assert_eq!(&source[block.content.clone()], "one\r\n\r\ntwo\r\n");
        assert_eq!(block.lines().map(|(n, _)| n).collect::<Vec<_>>(), [6, 8]);
        let values: Vec<_> = block.words.iter().map(|w| (w.name.as_str(), w.value.as_deref())).collect();
        assert_eq!(values, [("error", Some("timeout")), ("note", Some("a b"))]);
        assert_eq!(parts(source).unwrap()[0], Part::Heading { level: 1, text: "A b".to_owned(), line: 1 });
    }

    #[test]
    fn empty_blocks_and_longer_fences_are_read() {
        assert_eq!(only("```user\n```").text, "");
        assert_eq!(only("````user\n```\n````\n").text, "```\n");
        assert_eq!(only("~~~user\na\n~~~").text, "a\n");
    }

    #[test]
    fn what_is_not_a_block_of_its_own_is_refused() {
        for (source, part) in [
            ("```user\nno end", "never closed"),
            ("```user", "never closed"),
            ("- a list\n\n  ```user\n  x\n  ```\n", "outside lists"),
            ("> ```user\n> x\n> ```\n", "outside lists"),
            (" ```user\n x\n ```\n", "beginning of its line"),
            ("```\nx\n```\n", "does not say what it is"),
            ("```a=\"b\nx\n```\n", "no closing quote"),
        ] {
            let wrong = parts(source).unwrap_err();
            assert!(wrong.message.contains(part), "{source:?}: {wrong:?}");
        }
    }
}
