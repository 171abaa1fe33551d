//! What must hold of the items that came back: themselves, what is shown of them and what bears it out.

use roaring::RoaringBitmap;
use segue_agent::AnswerItem;
use segue_catalog::Value;

use super::assertion::{Items, Share, unknown};
use super::check::{Checked, Not, Seen, brief, holds};
use super::document::nearest;
use super::sql;

/// How many violating rows are shown.
const SHOWN: usize = 5;

impl Seen<'_> {
    pub(super) fn items(&self, items: &Items) -> Checked {
        let shown = &self.answer()?.items;
        let told = || list(shown);
        match items {
            Items::Count(number) => holds(number.holds(shown.len() as f64), told),
            Items::Every(share, expression) => self.every(*share, expression),
            Items::Contain(names) => {
                for name in names {
                    let ids = self.named(name)?;
                    holds(shown.iter().any(|i| ids.contains(&i.id)), || format!("no `{name}`: {}", told()))?;
                }
                Ok(())
            }
            Items::Lack(names) => {
                for name in names {
                    let ids = self.named(name)?;
                    let found = shown.iter().find(|i| ids.contains(&i.id));
                    holds(found.is_none(), || {
                        format!("`{name}` is {}", found.map(line).unwrap_or_default())
                    })?;
                }
                Ok(())
            }
            Items::Are { names, in_order } => {
                let mut left: Vec<&AnswerItem> = shown.iter().collect();
                for (at, name) in names.iter().enumerate() {
                    let ids = self.named(name)?;
                    let found =
                        left.iter().position(|i| ids.contains(&i.id)).filter(|p| !in_order || *p == 0);
                    let Some(found) = found else {
                        return Err(Not::Holds(match in_order {
                            true => format!("place {} is not `{name}`: {}", at + 1, told()),
                            false => format!("no `{name}`: {}", told()),
                        }));
                    };
                    left.remove(found);
                }
                holds(left.is_empty(), || format!("{} more: {}", left.len(), told()))
            }
            Items::First(name) => {
                let ids = self.named(name)?;
                holds(shown.first().is_some_and(|i| ids.contains(&i.id)), told)
            }
            Items::Ordered { by, ascending } => self.ordered(by, *ascending),
        }
    }

    /// The ids that a name means. One that the catalogue does not have is no assertion at all: it would never come back.
    fn named(&self, name: &str) -> Result<Vec<String>, Not> {
        let ids = sql::named(self.engine, name).map_err(Not::Sense)?;
        if !ids.is_empty() {
            return Ok(ids);
        }
        let names = sql::names(self.engine);
        let near = nearest(name, names.iter().map(String::as_str));
        let near = near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
        Err(Not::Sense(format!("the catalogue has no item `{name}`{near}")))
    }

    /// The ordinals of the items shown. One that the catalogue does not have is made up.
    fn pool(&self) -> Result<RoaringBitmap, Not> {
        let shown = &self.answer()?.items;
        if shown.is_empty() {
            let remedy = "if that is right, say `items count = 0`";
            return Err(Not::Holds(format!("no item came back; {remedy}")));
        }
        let mut pool = RoaringBitmap::new();
        for item in shown {
            let found = self.engine.snapshot().ordinal(&item.id).map_err(|e| Not::Sense(e.to_string()))?;
            let Some(ordinal) = found else {
                return Err(Not::Holds(format!("{} is not in the catalogue", line(item))));
            };
            pool.insert(ordinal);
        }
        Ok(pool)
    }

    fn every(&self, share: Share, expression: &str) -> Checked {
        let pool = self.pool()?;
        let truths = sql::truths(self.engine, &pool, expression).map_err(Not::Sense)?;
        let wanted = share != Share::None;
        if share == Share::Any {
            return holds(truths.iter().any(|t| t.holds), || format!("none of {} does", truths.len()));
        }
        let shown = &self.answer()?.items;
        let mut violating: Vec<(usize, String)> = Vec::new();
        for truth in truths.iter().filter(|t| t.holds != wanted) {
            let place = shown.iter().position(|i| i.id == truth.id).unwrap_or(usize::MAX);
            let item = shown.get(place).map(line).unwrap_or_default();
            let values = if truth.values.is_empty() { String::new() } else { format!(" ({})", truth.values) };
            violating.push((place, format!("{item}{values}")));
        }
        violating.sort();
        holds(violating.is_empty(), || {
            let rows: Vec<&str> = violating.iter().take(SHOWN).map(|(_, r)| r.as_str()).collect();
            let more = if violating.len() > SHOWN { ", …" } else { "" };
            let does = if wanted { "do not" } else { "do" };
            format!("{} of {} {does}: {}{more}", violating.len(), truths.len(), rows.join(", "))
        })
    }

    fn ordered(&self, by: &str, ascending: bool) -> Checked {
        let pool = self.pool()?;
        let values = sql::values(self.engine, &pool, &[by.to_owned()]).map_err(Not::Sense)?;
        let of = |item: &AnswerItem| {
            let found = values.iter().find(|(id, _)| *id == item.id).and_then(|(_, v)| v.first());
            found.cloned().unwrap_or(Value::Null)
        };
        let items = &self.answer()?.items;
        for pair in items.windows(2) {
            let [one, next] = pair else { continue };
            let (a, b) = (of(one), of(next));
            // What is not known comes last.
            let in_order = match (a.is_null(), b.is_null()) {
                (_, true) => true,
                (true, false) => false,
                (false, false) => {
                    let order = match (a.as_f64(), b.as_f64()) {
                        (Some(a), Some(b)) => a.total_cmp(&b),
                        _ => a.to_string().cmp(&b.to_string()),
                    };
                    if ascending { order.is_le() } else { order.is_ge() }
                }
            };
            holds(in_order, || format!("{} ({a}) stands before {} ({b})", line(one), line(next)))?;
        }
        Ok(())
    }

    pub(super) fn evidence_for(&self, fields: &[String]) -> Checked {
        let catalog = self.engine.snapshot().catalog();
        let known = catalog.fields.iter().map(|f| f.name.as_str());
        for field in fields {
            if !known.clone().any(|k| k == field) {
                return Err(Not::Sense(unknown("field", field, known)));
            }
            self.each(
                |item| item.evidence.iter().any(|e| e.field == *field),
                &format!("no evidence for {field}"),
            )?;
        }
        Ok(())
    }

    pub(super) fn evidence_by(&self, tools: &[String]) -> Checked {
        for tool in tools {
            self.tool(tool)?;
            let by = |item: &AnswerItem| item.contributions.iter().any(|c| c.tool == *tool);
            self.each(by, &format!("nothing by {tool}"))?;
        }
        Ok(())
    }

    fn each(&self, is_so: impl Fn(&AnswerItem) -> bool, lacking: &str) -> Checked {
        self.pool()?;
        let without: Vec<&AnswerItem> = self.answer()?.items.iter().filter(|i| !is_so(i)).collect();
        holds(without.is_empty(), || {
            format!(
                "{lacking}: {}",
                without.iter().take(SHOWN).map(|i| line(i)).collect::<Vec<_>>().join(", ")
            )
        })
    }

    /// Nothing was removed, and what is shown of each item, and what is said to bear it out, stands in its row.
    pub(super) fn supported(&self) -> Checked {
        let answer = self.answer()?;
        holds(answer.removed_claims == 0, || format!("{} claims were removed", answer.removed_claims))?;
        holds(answer.removed_items == 0, || format!("{} items were removed", answer.removed_items))?;
        if answer.items.is_empty() {
            return Ok(());
        }
        self.pool()?;
        let snapshot = self.engine.snapshot();
        let catalog = snapshot.catalog();
        let lost = |e: segue_catalog::StoreError| Not::Sense(e.to_string());
        for item in &answer.items {
            let ordinal = snapshot.ordinal(&item.id).map_err(lost)?.unwrap_or_default();
            let Some(row) = snapshot.row(ordinal).map_err(lost)? else { continue };
            for (field, shown) in &item.fields {
                let there = serde_json::to_value(row.get(catalog, field)).unwrap_or_default();
                holds(there == *shown, || format!("{}: {field} is {there}, not {shown}", line(item)))?;
            }
            for support in &item.evidence {
                let there = row.get(catalog, &support.field);
                holds(*there == support.value, || {
                    format!(
                        "{}: “{}” rests on {} {}",
                        line(item),
                        support.claim,
                        support.field,
                        support.value
                    )
                })?;
            }
        }
        Ok(())
    }
}

fn line(item: &AnswerItem) -> String {
    format!("{} {} {}", item.reference, item.id, brief(&item.title))
}

fn list(items: &[AnswerItem]) -> String {
    let first: Vec<String> = items.iter().take(2 * SHOWN).map(line).collect();
    let more = if items.len() > first.len() { ", …" } else { "" };
    match items.len() {
        0 => "no items".to_owned(),
        1 => format!("1 item: {}", first.join(", ")),
        n => format!("{n} items: {}{more}", first.join(", ")),
    }
}
