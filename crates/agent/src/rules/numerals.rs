//! Numbers in words of other languages, as digits: "drieëntwintig", "mil novecentos e noventa", "一百二十万".

use super::gloss::{LONGEST_WORD, number_token};
use super::tokens::{Gap, Token, text_of};
use crate::languages::{Numerals, Pack};

/// A number as the rules read it.
pub(super) fn plain(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 { format!("{value:.0}") } else { value.to_string() }
}

/// Puts every number in digits, as English writes them.
pub(super) fn read(request: &str, tokens: Vec<Token>, pack: &Pack) -> Vec<Token> {
    let Numerals::Words { units, scales, and, compound } = &pack.numerals else { return tokens };
    let reader = Words { units, scales, and, compound: *compound };
    let tokens: Vec<Token> = tokens
        .into_iter()
        .map(|token| {
            if pack.decimal_comma && !token.quoted && token.word.starts_with(|c: char| c.is_ascii_digit()) {
                let word = european(text_of(request, std::slice::from_ref(&token)));
                return Token { word, ..token };
            }
            token
        })
        .collect();
    let mut out = Vec::with_capacity(tokens.len());
    let mut i = 0;
    while let Some(token) = tokens.get(i) {
        let run = tokens.get(i..).unwrap_or_default();
        let emphatic = text_of(request, std::slice::from_ref(token)).contains(['é', 'É']);
        if let Some((value, n)) = reader.number(run, emphatic)
            && let Some(number) = number_token(run.get(..n).unwrap_or_default(), value)
        {
            out.push(number);
            i += n;
        } else {
            out.push(token.clone());
            i += 1;
        }
    }
    out
}

/// "1.500,50" as "1500.50", "7,5" as "7.5", "1.500" as "1500"; what follows the digits stays.
fn european(raw: &str) -> String {
    let raw = segue_catalog::text::fold(raw);
    let end = raw.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ',')).unwrap_or(raw.len());
    let (digits, rest) = raw.split_at_checked(end).unwrap_or((&raw, ""));
    let thousands = |part: &str| {
        let mut groups = part.split('.');
        let first = groups.next().is_some_and(|g| (1..=3).contains(&g.len()));
        first && part.contains('.') && groups.all(|g| g.len() == 3)
    };
    let number = match digits.split_once(',') {
        Some((whole, fraction)) => format!("{}.{}", whole.replace('.', ""), fraction.replace([',', '.'], "")),
        None if thousands(digits) => digits.replace('.', ""),
        None => digits.to_owned(),
    };
    format!("{number}{rest}")
}

struct Words<'a> {
    units: &'a [(&'static str, f64)],
    scales: &'a [(&'static str, f64)],
    and: &'a str,
    compound: bool,
}

impl Words<'_> {
    /// A number at the beginning of these tokens, and how many it takes. A word that is an article too is a number only
    /// where more follows, or where it is written with stress.
    fn number(&self, tokens: &[Token], emphatic: bool) -> Option<(f64, usize)> {
        let word = |i: usize| {
            let token =
                tokens.get(i).filter(|t| !t.quoted && (i == 0 || matches!(t.gap, Gap::Blank | Gap::Hyphen)));
            token.map_or("", |t| t.word.as_str())
        };
        let scale = |w: &str| self.scales.iter().find(|s| s.0 == w).map(|s| s.1);
        if let ("half" | "halve" | "meio" | "meia", Some(large)) =
            (word(0), scale(word(1)).filter(|s| *s > 1e3))
        {
            return Some((large / 2.0, 2));
        }
        if let Ok(digits) = word(0).parse::<f64>() {
            // Only what is no amount by itself: "2 mil", but not "250 mil 300".
            return scale(word(1)).filter(|_| digits.is_finite()).map(|s| (digits * s, 2));
        }
        let article = matches!(word(0), "een" | "um" | "uma");
        let (mut value, mut used) = self.plain(tokens)?;
        while let Some(larger) = scale(word(used)).filter(|s| *s > value.min(999.0)) {
            (value, used) = (value * larger, used + 1);
        }
        (!article || used > 1 || emphatic).then_some((value, used))
    }

    fn plain(&self, tokens: &[Token]) -> Option<(f64, usize)> {
        let word = |i: usize| {
            let token =
                tokens.get(i).filter(|t| !t.quoted && (i == 0 || matches!(t.gap, Gap::Blank | Gap::Hyphen)));
            token.map_or("", |t| t.word.as_str())
        };
        if self.compound {
            return self.joined(word(0)).map(|value| (value, 1));
        }
        let (mut total, mut group, mut least, mut used) = (0.0, 0.0, f64::INFINITY, 0);
        // What there was at the last scale: "mil e dois mil" are two numbers.
        let mut before = (f64::INFINITY, 0.0, 0);
        loop {
            let at = used + usize::from(used > 0 && word(used) == self.and);
            if let Some(unit) = self.units.iter().find(|u| u.0 == word(at)).map(|u| u.1) {
                // After twenty comes a unit, after two hundred also twenty.
                let step = if unit >= 100.0 {
                    100.0
                } else if unit >= 20.0 {
                    10.0
                } else {
                    1.0
                };
                if step >= least || (least < 100.0 && unit >= 10.0) {
                    break;
                }
                (group, least, used) = (group + unit, step, at + 1);
            } else if let Some(scale) =
                self.scales.iter().find(|s| s.0 == word(at) && at == used).map(|s| s.1)
            {
                if scale >= before.0 {
                    return Some((before.1, before.2));
                }
                (total, group, least) = (total + f64::max(group, 1.0) * scale, 0.0, f64::INFINITY);
                used = at + 1;
                before = (scale, total, used);
            } else {
                break;
            }
        }
        (used > 0).then_some((total + group, used))
    }

    /// "drieëntwintig", "negentienhonderdnegentig".
    fn joined(&self, word: &str) -> Option<f64> {
        if word.is_empty() || word.len() > LONGEST_WORD {
            return None;
        }
        if let Some((_, value)) = self.units.iter().find(|u| u.0 == word) {
            return Some(*value);
        }
        let rest = |text: &str| {
            if text.is_empty() { Some(0.0) } else { self.joined(text.strip_prefix(self.and).unwrap_or(text)) }
        };
        for (name, scale) in self.scales.iter().rev().filter(|s| matches!(s.1, 100.0 | 1000.0)) {
            if let Some((before, after)) = word.split_once(name) {
                let times = if before.is_empty() { 1.0 } else { self.joined(before)? };
                return Some(times * scale + rest(after)?);
            }
        }
        // "drie" + "en" + "twintig".
        word.match_indices(self.and).find_map(|(at, _)| {
            let (one, ten) = (word.get(..at)?, word.get(at + self.and.len()..)?);
            let value = |w: &str| self.units.iter().find(|u| u.0 == w).map(|u| u.1);
            let (one, ten) = (value(one).filter(|v| *v < 10.0)?, value(ten).filter(|v| *v >= 20.0)?);
            Some(one + ten)
        })
    }
}

/// A number in Chinese characters, digits among them: 一百二十万, 两千五, 50万, 一九九〇, 三点五.
pub(super) fn chinese(text: &str) -> Option<f64> {
    let digit = |c: char| match c {
        '零' | '〇' => Some(0.0),
        '一' => Some(1.0),
        '二' | '两' | '兩' => Some(2.0),
        '三' => Some(3.0),
        '四' => Some(4.0),
        '五' => Some(5.0),
        '六' => Some(6.0),
        '七' => Some(7.0),
        '八' => Some(8.0),
        '九' => Some(9.0),
        _ => None,
    };
    let digits: Option<Vec<f64>> = text.chars().map(digit).collect();
    if let Some(digits) = digits {
        // Read out one by one, as years are.
        let value = digits.iter().fold(0.0, |value, d| value * 10.0 + d);
        return (digits.len() == 1 || digits.len() > 2).then_some(value);
    }
    let unit = |c: char| match c {
        '十' => Some(10.0),
        '百' => Some(100.0),
        '千' => Some(1e3),
        '万' | '萬' => Some(1e4),
        '亿' | '億' => Some(1e8),
        _ => None,
    };
    let (mut total, mut section, mut number) = (0.0, 0.0, None::<f64>);
    let (mut last_unit, mut zero) = (1.0, false);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c.is_ascii_digit() {
            let mut digits = c.to_string();
            while let Some(more) = rest.next_if(|c| c.is_ascii_digit() || *c == '.') {
                digits.push(more);
            }
            number = Some(digits.parse().ok()?);
        } else if let Some(value) = digit(c) {
            zero |= value == 0.0;
            number = if value == 0.0 { number } else { Some(value) };
        } else if matches!(c, '点' | '點') {
            let fraction: Option<Vec<f64>> = rest.by_ref().map(digit).collect();
            let fraction = fraction?.iter().rev().fold(0.0, |value, d| (value + d) / 10.0);
            return Some(total + section + number.unwrap_or_default() + fraction);
        } else {
            let scale = unit(c)?;
            if scale < 1e4 {
                section += number.unwrap_or(1.0) * scale;
            } else {
                total = (total + section + number.unwrap_or_default()).max(1.0) * scale;
                section = 0.0;
            }
            (number, last_unit, zero) = (None, scale, false);
        }
    }
    // 两千五 is 2500, 两千零五 is 2005.
    let tail =
        number.map_or(0.0, |n| if last_unit > 10.0 && !zero && n < 10.0 { n * last_unit / 10.0 } else { n });
    Some(total + section + tail)
}

/// True for a character that numbers are written with in Chinese.
pub(super) fn is_numeral(c: char) -> bool {
    c.is_ascii_digit() || "零〇一二两兩三四五六七八九十百千万萬亿億点點.".contains(c)
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokenize_numbers;
    use super::*;
    use crate::Language;

    fn words(language: Language, request: &str) -> String {
        let pack = language.pack().unwrap();
        let tokens = read(request, tokenize_numbers(request, true), pack);
        tokens.into_iter().map(|t| t.word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn dutch_numbers() {
        let read = |request: &str| words(Language::Dutch, request);
        assert_eq!(read("drieëntwintig huizen"), "23 huizen");
        assert_eq!(read("negentienhonderdnegentig"), "1990");
        assert_eq!(read("tweeduizend en een"), "2000 en een");
        assert_eq!(read("anderhalf miljoen, 2,5 miljoen, 3 ton"), "1500000 2500000 300000");
        assert_eq!(read("een huis van 1.250.000,50 euro"), "een huis van 1250000.50 euro");
        assert_eq!(read("één kamer"), "1 kamer");
        assert_eq!(read("een half miljoen"), "een 500000");
        assert_eq!(read("tienduizend vijfhonderdduizend"), "10000 500000");
    }

    #[test]
    fn portuguese_numbers() {
        let read = |request: &str| words(Language::Portuguese, request);
        assert_eq!(read("vinte e três"), "23");
        assert_eq!(read("mil novecentos e noventa"), "1990");
        assert_eq!(read("dois mil e quinhentos reais"), "2500 reais");
        assert_eq!(read("entre dois e três quartos"), "entre 2 e 3 quartos");
        assert_eq!(read("um apartamento com um quarto"), "um apartamento com um quarto");
        assert_eq!(read("2 mil, 1,5 milhão, meio milhão, um milhão"), "2000 1500000 500000 1000000");
        assert_eq!(read("entre mil e dois mil"), "entre 1000 e 2000");
    }

    #[test]
    fn chinese_numbers() {
        for (text, value) in [
            ("一百二十万", 1_200_000.0),
            ("两千五", 2500.0),
            ("两千零五", 2005.0),
            ("50万", 500_000.0),
            ("1.5亿", 150_000_000.0),
            ("一九九〇", 1990.0),
            ("九十", 90.0),
            ("十二", 12.0),
            ("三点五", 3.5),
            ("两", 2.0),
            ("三百八", 380.0),
        ] {
            assert_eq!(chinese(text), Some(value), "{text}");
        }
        assert_eq!(chinese("大"), None);
    }
}
