//! Days in the format that a parameter's description names; where it names none, as ISO 8601 has them.

use jiff::civil::Date;

const ISO: &str = "%Y-%m-%d";
/// How days are written, with the names that descriptions have for it.
const FORMATS: [(&str, &[&str]); 6] = [
    (ISO, &["yyyy-mm-dd", "year-month-day"]),
    ("%Y/%m/%d", &["yyyy/mm/dd"]),
    ("%m-%d-%Y", &["mm-dd-yyyy", "month-day-year"]),
    ("%m/%d/%Y", &["mm/dd/yyyy"]),
    ("%d-%m-%Y", &["dd-mm-yyyy", "day-month-year"]),
    ("%d/%m/%Y", &["dd/mm/yyyy"]),
];
/// How days are written so that they cannot be mistaken.
const PLAIN: [&str; 6] = [ISO, "%Y/%m/%d", "%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%B %d %Y"];

/// The day that a text is, as a description wants it written; `None` if the text is no day, or a day is not what is described.
pub(super) fn as_described(text: &str, description: &str) -> Option<String> {
    let description = description.to_lowercase();
    let is_named = |(_, names): &&(&str, &[&str])| names.iter().any(|name| description.contains(name));
    let named = FORMATS.iter().find(is_named).map(|(format, _)| *format);
    let format = named.or_else(|| description.contains("date").then_some(ISO))?;
    let text = cardinal(text);
    let day = PLAIN.iter().find_map(|plain| Date::strptime(plain, &text).ok())?;
    Some(day.strftime(format).to_string())
}

/// "10th" as "10".
fn cardinal(text: &str) -> String {
    let plain = |word: &str| {
        let digits = word.trim_end_matches(',').trim_end_matches(char::is_alphabetic);
        let is_ordinal = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let comma = if word.ends_with(',') { "," } else { "" };
        if is_ordinal { format!("{digits}{comma}") } else { word.to_owned() }
    };
    text.split_whitespace().map(plain).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::as_described;

    #[test]
    fn days_are_written_as_described() {
        let described = |text| as_described(text, "The day of the visit (month-day-year).");
        for text in [
            "2022/08/16",
            "August 16, 2022",
            "16 August 2022",
            "Aug 16, 2022",
            "16th August 2022",
            "August 16th, 2022",
        ] {
            assert_eq!(described(text).as_deref(), Some("08-16-2022"), "{text}");
        }
        assert_eq!(described("08/16/2022"), None, "which is the month is not told");
        assert_eq!(as_described("2022/08/16", "The date of the visit.").as_deref(), Some("2022-08-16"));
        assert_eq!(as_described("2022/08/16", "The title."), None);
    }
}
