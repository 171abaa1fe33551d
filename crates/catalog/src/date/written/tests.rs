use proptest::prelude::*;

use super::*;

fn day(text: &str, order: Option<DateOrder>) -> Result<String, NoDate> {
    read_date(text, order).map(|range| range.start)
}

#[test]
fn dates_are_read_as_they_are_written() {
    for text in [
        "1999-12-31",
        "1999/12/31",
        "1999.12.31",
        "19991231",
        "31 December 1999",
        "31 Dec 1999",
        "31-Dec-1999",
        "31-dec-99",
        "December 31, 1999",
        "Dec. 31 1999",
        "Friday, 31st of December 1999",
        "31 décembre 1999",
        "31. Dezember 1999",
        "31 de diciembre de 1999",
        "31 dicembre 1999",
        "vrijdag 31 december 1999",
        "31 de dezembro de 1999",
        "1999年12月31日",
        "1999 Dec 31",
        "1999-12-31",
    ] {
        assert_eq!(day(text, None), Ok("1999-12-31".into()), "{text}");
    }
    for (text, start) in [
        ("Dec 1999", "1999-12-01"),
        ("maart 2001", "2001-03-01"),
        ("1er août 1999", "1999-08-01"),
        ("1999-3-5", "1999-03-05"),
        ("1999-12-31 20:30", "1999-12-31T20:30:00"),
        ("31 Dec 1999, 8:30 pm", "1999-12-31T20:30:00"),
        ("Fri, 31 Dec 1999 12:00:01 GMT", "1999-12-31T12:00:01"),
        ("5 May 68", "2068-05-05"),
        ("5 May 69", "1969-05-05"),
    ] {
        assert_eq!(day(text, None), Ok(start.into()), "{text}");
    }
    assert_eq!(read_date("Dec 1999", None).unwrap().end, "2000-01-01");
    for text in [
        "",
        "soon",
        "31",
        "12/1999",
        "31 Foo 1999",
        "31 juil",
        "Jui 1999",
        "31 Dec 1999 and more",
        "19991331",
        "99991",
        "1999-13-01",
        "32/13/1999",
        "1/2-1999",
        "1999-12-31 25:00",
        "31 Dec 1999 8:30 +02:00",
        "x31/12/1999",
        "1/2/3/4",
    ] {
        assert_eq!(day(text, None), Err(NoDate::None), "{text}");
    }
}

#[test]
fn the_order_of_day_and_month_is_never_guessed() {
    let (european, american) = (Some(DateOrder::DayFirst), Some(DateOrder::MonthFirst));
    for text in ["3/4/1999", "03.04.99", "31/12/1999", "12-31-1999", "3/4/1999 20:30"] {
        assert_eq!(day(text, None), Err(NoDate::Order), "{text}");
    }
    assert_eq!(day("3/4/1999", european), Ok("1999-04-03".into()));
    assert_eq!(day("3/4/1999", american), Ok("1999-03-04".into()));
    assert_eq!(day("12/31/99 8:30 AM", american), Ok("1999-12-31T08:30:00".into()));
    assert_eq!(day("12/31/99", european), Err(NoDate::None));
    assert_eq!(day("1999-04-03", american), Ok("1999-04-03".into()));
    assert_eq!(day("946598400", Some(DateOrder::Seconds)), Ok("1999-12-31".into()));
    assert_eq!(day("946598400500", Some(DateOrder::Milliseconds)), Ok("1999-12-31".into()));
    assert_eq!(day("946598400", None), Err(NoDate::None));
    assert_eq!(day("1e300", Some(DateOrder::Seconds)), Err(NoDate::None));
}

proptest! {
    #[test]
    fn every_day_is_read_however_it_is_written(year in 1970_i16..2060, ordinal in 1_i16..=365) {
        let date = Date::new(year, 1, 1).unwrap().checked_add(jiff::Span::new().days(ordinal - 1)).unwrap();
        let expected = Ok(date.to_string());
        for (format, order) in [
            ("%d/%m/%Y", Some(DateOrder::DayFirst)), ("%m/%d/%Y", Some(DateOrder::MonthFirst)),
            ("%d.%m.%y", Some(DateOrder::DayFirst)), ("%-m-%-d-%y", Some(DateOrder::MonthFirst)),
            ("%d %B %Y", None), ("%B %-d, %Y", None), ("%a, %d %b %Y", None), ("%Y%m%d", None), ("%Y/%m/%d", None),
            ("%d %b %y", None),
        ] {
            let text = date.strftime(format).to_string();
            prop_assert_eq!(day(&text, order), expected.clone(), "{}", text);
        }
    }

    #[test]
    fn no_text_is_a_panic(text in "\\PC{0,40}", digits in "[0-9 /:.a-zé年月日-]{0,24}", order in 0..4_usize) {
        let order = [None, Some(DateOrder::DayFirst), Some(DateOrder::MonthFirst), Some(DateOrder::Seconds)][order];
        let _ = (read_date(&text, order), read_date(&digits, order));
    }
}
