//! From a limit and an amount to a condition on the field that the amount can be of.

use segue_catalog::{Catalog, Direction, Field, FieldType, Operator, Predicate, Role, Value};

use super::cues::Limit;
use super::dates::Period;
use super::numbers::Quantity;

/// What is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Amount {
    Number(f64),
    Quantity(Quantity),
    /// "8 out of 10": the number and the scale.
    Share(f64, f64),
    Period(Period),
}

/// By how much "around" may miss.
const AROUND: f64 = 0.1;

/// The field that an amount is of: one of `hints` where there are any, else the only kind of field that has such
/// values, by unit, by calendar, or (for a bare number in its range) the field of quality.
pub(super) fn field_of(catalog: &Catalog, amount: &Amount, hints: &[usize]) -> Option<usize> {
    let fits = |i: &usize| catalog.fields.get(*i).is_some_and(|f| could_be(f, amount));
    if !hints.is_empty() {
        return hints.iter().copied().find(fits);
    }
    let all = 0..catalog.fields.len();
    match amount {
        Amount::Quantity(_) | Amount::Period(_) => all.into_iter().find(fits),
        Amount::Share(..) => catalog.fields.iter().position(|f| f.quality),
        Amount::Number(n) => {
            let holds = |i: usize| {
                let range = catalog.statistics.get(i).and_then(segue_catalog::FieldStatistics::range);
                range.is_some_and(|(low, high)| *n >= low && *n <= high)
            };
            let quality = catalog.fields.iter().position(|f| f.quality).filter(|q| holds(*q));
            // A number by itself is of the one field that has such numbers, if there is just one; else of the one that all but
            // has them: "under 800000" where the dearest is 700000.
            let only = |is: &dyn Fn(usize) -> bool| {
                let mut fields = all.clone().filter(|i| fits(i) && is(*i));
                fields.next().filter(|_| fields.next().is_none())
            };
            let all_but = |i: usize| {
                let range = catalog.statistics.get(i).and_then(segue_catalog::FieldStatistics::range);
                range.is_some_and(|(low, high)| low >= 0.0 && *n >= low / 2.0 && *n <= high * 2.0)
            };
            let any_holds = all.clone().any(|i| fits(&i) && holds(i));
            quality.or_else(|| if any_holds { only(&holds) } else { only(&all_but) })
        }
    }
}

fn could_be(field: &Field, amount: &Amount) -> bool {
    match amount {
        Amount::Number(_) | Amount::Share(..) => field.ty.is_number() && !is_calendar(field),
        Amount::Quantity(q) => field.ty.is_number() && factor(field, q).is_some(),
        Amount::Period(_) => is_calendar(field),
    }
}

/// True for fields that hold years or days.
pub(crate) fn is_calendar(field: &Field) -> bool {
    field.role == Role::Date
        || field.unit.as_ref().and_then(segue_catalog::Unit::dimension) == Some("calendar")
}

fn factor(field: &Field, quantity: &Quantity) -> Option<f64> {
    match (&quantity.unit, &field.unit) {
        (Some(from), Some(to)) => from.factor_to(to),
        (None, _) => Some(1.0),
        // A share is a number between 0 and 1 where the field does not say otherwise.
        (Some(unit), None) => (unit.name() == "percent").then_some(0.01),
    }
}

/// The condition that the amount is within the limit.
pub(super) fn bound(catalog: &Catalog, field: usize, limit: Limit, amount: &Amount) -> Option<Predicate> {
    let description = catalog.fields.get(field)?;
    if let Amount::Period(period) = amount {
        return Some(period_bound(description, limit, period));
    }
    let number = in_field(catalog, field, amount)?;
    let name = &description.name;
    Some(match limit {
        Limit::Around => {
            let slack = number.abs() * AROUND;
            let range = Value::List(vec![value(number - slack), value(number + slack)]);
            Predicate::field(name, Operator::Between, range)
        }
        other => Predicate::field(name, operator(other), value(number)),
    })
}

/// The condition that the field is between two amounts, both included.
pub(super) fn between(catalog: &Catalog, field: usize, low: &Amount, high: &Amount) -> Option<Predicate> {
    let description = catalog.fields.get(field)?;
    if let (Amount::Period(low), Amount::Period(high)) = (low, high) {
        return Some(period_bound(description, Limit::Exactly, &low.to(high)));
    }
    let (low, high) = (in_field(catalog, field, low)?, in_field(catalog, field, high)?);
    let range = Value::List(vec![value(low.min(high)), value(low.max(high))]);
    Some(Predicate::field(&description.name, Operator::Between, range))
}

fn in_field(catalog: &Catalog, field: usize, amount: &Amount) -> Option<f64> {
    let description = catalog.fields.get(field)?;
    match amount {
        Amount::Number(n) => Some(*n),
        Amount::Quantity(q) => Some(q.value * factor(description, q)?),
        Amount::Share(part, whole) => {
            // The scale of the field is the power of ten that its values fill.
            let (_, high) = catalog.statistics.get(field)?.range()?;
            let scale = [1.0, 5.0, 10.0, 100.0].into_iter().find(|s| high <= *s)?;
            Some(part / whole * scale)
        }
        Amount::Period(_) => None,
    }
}

fn operator(limit: Limit) -> Operator {
    match limit {
        Limit::Under => Operator::Lt,
        Limit::AtMost => Operator::Le,
        Limit::Over => Operator::Gt,
        Limit::AtLeast => Operator::Ge,
        Limit::Exactly | Limit::Around => Operator::Eq,
    }
}

fn period_bound(field: &Field, limit: Limit, period: &Period) -> Predicate {
    let (first, last) = period.years();
    // "Around 1995" has some play, "around the nineties" has it already.
    let limit = if limit == Limit::Around && first != last { Limit::Exactly } else { limit };
    let name = &field.name;
    let is_date = field.role == Role::Date || field.ty == FieldType::Date;
    let value = |year: i64, date: &str| if is_date { Value::from(date) } else { Value::Integer(year) };
    let (low, high) = (value(first, period.ends().0), value(last, period.ends().1));
    match limit {
        Limit::Under => Predicate::field(name, Operator::Lt, low),
        Limit::AtMost => Predicate::field(name, Operator::Le, high),
        Limit::Over => Predicate::field(name, Operator::Gt, high),
        Limit::AtLeast => Predicate::field(name, Operator::Ge, low),
        Limit::Around => {
            let range = |from: i64, to: i64| {
                if is_date {
                    Value::List(vec![Value::from(format!("{from:04}")), Value::from(format!("{to:04}"))])
                } else {
                    Value::List(vec![Value::Integer(from), Value::Integer(to)])
                }
            };
            Predicate::field(name, Operator::Between, range(first - 2, last + 2))
        }
        Limit::Exactly if low == high => Predicate::field(name, Operator::Eq, low),
        Limit::Exactly => Predicate::field(name, Operator::Between, Value::List(vec![low, high])),
    }
}

/// A number as a value: whole if it is, but for what a conversion of units leaves ("179.99999999999997").
pub(super) fn value(number: f64) -> Value {
    let whole = number.round();
    let is_whole = (number - whole).abs() < 1e-9 && whole.abs() < 1e15;
    if is_whole { Value::Integer(whole as i64) } else { Value::Real(number) }
}

/// The limit that "newer than", "shorter than" set.
pub(super) fn limit_of(direction: Direction) -> Limit {
    match direction {
        Direction::Descending => Limit::Over,
        Direction::Ascending => Limit::Under,
    }
}
