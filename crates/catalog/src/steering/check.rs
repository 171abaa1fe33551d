//! From what is written in the two files to a [`Steering`] that fits the catalogue.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;
use serde::Deserialize;
use toml::Spanned;

use super::file::{Day, File, RuleSpec, Spec};
use super::{Effect, Rule, Steering, SteeringError, When, synonyms};
use crate::text::nearest_name;
use crate::{Catalog, Predicate, Role, Snapshot, StoreError, Workspace, parse_date, resolve};

/// The names of the two files.
const SYNONYMS: &str = "synonyms.txt";
const RULES: &str = "steering.toml";

impl Steering {
    /// Reads the two files of a workspace and holds them against its catalogue, all of whose fields the snapshot must show;
    /// `find` gives the items that satisfy a predicate. Where there is no file, nothing is steered.
    ///
    /// # Errors
    /// A file that cannot be read, a key, field, value, operator, day, number or line that is not right; each names the
    /// file, the line and what would be right.
    pub fn read(
        workspace: &Workspace,
        snapshot: &Snapshot,
        find: &dyn Fn(&Predicate) -> Result<RoaringBitmap, StoreError>,
    ) -> Result<Self, SteeringError> {
        let (words, rules) = (File::read(workspace, SYNONYMS)?, File::read(workspace, RULES)?);
        let checker = Checker { file: &rules, snapshot, find };
        let mut steering = checker.steering()?;
        steering.synonyms = synonyms::parse(&words)?;
        steering.texts = [rules.text, words.text];
        Ok(steering)
    }

    /// What `steering.toml` hides, of the fields that there are, and nothing else of it.
    ///
    /// # Errors
    /// A file that cannot be read or does not parse.
    pub fn hiding(workspace: &Workspace, snapshot: &Snapshot) -> Result<Self, SteeringError> {
        let file = File::read(workspace, RULES)?;
        let spec: Spec = toml::from_str(&file.text).map_err(|e| file.malformed(&e))?;
        let hides = |f: &&crate::Field| spec.hide.iter().any(|h| *h.get_ref() == f.name);
        let hidden = snapshot.catalog().fields.iter().filter(hides).map(|f| f.name.clone()).collect();
        Ok(Self { hidden, ..Self::default() })
    }
}

struct Checker<'a> {
    file: &'a File,
    snapshot: &'a Snapshot,
    find: &'a dyn Fn(&Predicate) -> Result<RoaringBitmap, StoreError>,
}

impl Checker<'_> {
    fn steering(&self) -> Result<Steering, SteeringError> {
        let spec: Spec = toml::from_str(&self.file.text).map_err(|e| self.file.malformed(&e))?;
        let mut steering = Steering::default();
        let catalog = self.snapshot.catalog();
        for name in &spec.hide {
            let field = self.field(name)?;
            if matches!(field.role, Role::Id | Role::Title) {
                let message = format!("`{}` names items and cannot be hidden; hide another", field.name);
                return Err(self.wrong(name, message));
            }
            if field.embed && field.ty == crate::FieldType::Text {
                let line = self.file.line(&name.span());
                steering.warnings.push(format!(
                    "{}: `{}` is hidden and part of what is embedded, so that it still moves items in searches by meaning; \
                     set `embed = false` in its mapping, import and index",
                    self.file.place(line),
                    field.name
                ));
            }
        }
        let hidden = |f: &&crate::Field| spec.hide.iter().any(|h| *h.get_ref() == f.name);
        steering.hidden = catalog.fields.iter().filter(hidden).map(|f| f.name.clone()).collect();
        let mut lines = BTreeMap::new();
        for rule in spec.rule {
            let name = rule.get_ref().name.clone();
            let rule = self.rule(rule, &mut steering.warnings)?;
            if let Some(line) = lines.insert(rule.name.clone(), rule.line) {
                let message = format!("there is a rule `{}` in line {line} already; rename one", rule.name);
                return Err(self.wrong(&name, message));
            }
            steering.rules.push(rule);
        }
        Ok(steering)
    }

    fn rule(&self, spec: Spanned<RuleSpec>, warnings: &mut Vec<String>) -> Result<Rule, SteeringError> {
        let line = self.file.line(&spec.span());
        let spec = spec.into_inner();
        let name = spec.name.get_ref().trim().to_owned();
        if name.is_empty() {
            return Err(self
                .wrong(&spec.name, "the rule's name is empty; evidence names rules, so give it one".into()));
        }
        let effect = self.effect(&spec)?;
        let [from, until] =
            [&spec.from, &spec.until].map(|day| day.as_ref().map(|d| self.day(d)).transpose());
        let (from, until) = (from?, until?);
        if let (Some(from), Some(until), Some(place)) = (&from, &until, &spec.until)
            && until < from
        {
            let message = format!("the rule ends on {until} and begins on {from}; swap `from` and `until`");
            return Err(self.wrong(place, message));
        }
        let when = match &spec.when {
            None => When::default(),
            Some(when) => {
                for field in &when.fields {
                    self.field(field)?;
                }
                if let Some(empty) =
                    when.words.iter().find(|w| crate::text::words(w.get_ref()).next().is_none())
                {
                    return Err(self.wrong(empty, "there is no word here; write one, or drop it".into()));
                }
                let texts = |all: &[Spanned<String>]| all.iter().map(|t| t.get_ref().clone()).collect();
                When { words: texts(&when.words), fields: texts(&when.fields) }
            }
        };
        let mut warn =
            |what: String| warnings.push(format!("{}: rule `{name}` {what}", self.file.place(line)));
        let (items, order) = match (&spec.items, &spec.ids) {
            (Some(predicate), None) => {
                let predicate = self.predicate(predicate)?;
                let items = (self.find)(&predicate)?;
                if items.is_empty() {
                    warn(format!("touches nothing: no item satisfies `{predicate}`; change or drop it"));
                }
                let order = items.iter().collect();
                (items, order)
            }
            (None, Some(ids)) => {
                let mut order = Vec::with_capacity(ids.len());
                for id in ids {
                    match self.snapshot.ordinal(id.get_ref())? {
                        Some(ordinal) if order.contains(&ordinal) => {}
                        Some(ordinal) => order.push(ordinal),
                        None => {
                            warn(format!("names `{}`, which is not in the catalogue; drop it", id.get_ref()));
                        }
                    }
                }
                (order.iter().copied().collect(), order)
            }
            (both, _) => {
                let (n, remedy) =
                    if both.is_some() { ("both", "leave one out") } else { ("neither", "give one") };
                let message = format!("the rule `{name}` has {n} of `items` and `ids`; {remedy}");
                return Err(self.file.wrong(line, message));
            }
        };
        Ok(Rule { name, effect, line, items, order, when, from, until, because: spec.because })
    }

    fn effect(&self, spec: &RuleSpec) -> Result<Effect, SteeringError> {
        let does = spec.does.get_ref().as_str();
        let factor = |fits: &dyn Fn(f64) -> bool, range: &str| match &spec.by {
            None => Err(self.wrong(&spec.does, format!("`{does}` needs `by`, a factor {range}; add it"))),
            Some(by) if by.get_ref().is_finite() && fits(*by.get_ref()) => Ok(*by.get_ref()),
            Some(by) => {
                let message =
                    format!("`by` is {} and `{does}` needs a factor {range}; change it", by.get_ref());
                Err(self.wrong(by, message))
            }
        };
        let effect = match does {
            "boost" => Effect::Boost { by: factor(&|by| by > 1.0, "above 1")? },
            "bury" => Effect::Bury { by: factor(&|by| by > 0.0 && by < 1.0, "between 0 and 1")? },
            "exclude" => Effect::Exclude,
            "pin" => {
                let at = spec.at.as_ref();
                let place =
                    at.and_then(|at| usize::try_from(*at.get_ref()).ok()).filter(|at| (1..=100).contains(at));
                let missing = || "`pin` needs `at`, a place from 1 to 100; give one".to_owned();
                let at = place.ok_or_else(|| match at {
                    Some(at) => self.wrong(at, missing()),
                    None => self.wrong(&spec.does, missing()),
                });
                Effect::Pin { at: at? }
            }
            other => {
                let known = ["boost", "bury", "pin", "exclude"];
                let nearest = nearest_name(other, known.into_iter());
                let nearest = nearest.map(|n| format!(", did you mean `{n}`?")).unwrap_or_default();
                let message = format!("a rule cannot `{other}`{nearest}; it can {}", known.join(", "));
                return Err(self.wrong(&spec.does, message));
            }
        };
        if let (Some(by), Effect::Pin { .. } | Effect::Exclude) = (&spec.by, effect) {
            return Err(self.wrong(by, format!("`{does}` has no use for `by`; drop it")));
        }
        if let (Some(at), Effect::Boost { .. } | Effect::Bury { .. } | Effect::Exclude) = (&spec.at, effect) {
            return Err(self.wrong(at, format!("`{does}` has no use for `at`; drop it")));
        }
        Ok(effect)
    }

    fn day(&self, day: &Spanned<Day>) -> Result<String, SteeringError> {
        let text = day.get_ref().to_string();
        match parse_date(&text) {
            Some(_) if text.len() == 10 => Ok(text),
            _ => Err(self.wrong(day, format!("`{text}` is not a day; write one as in 2026-12-31"))),
        }
    }

    fn predicate(&self, written: &Spanned<toml::Value>) -> Result<Predicate, SteeringError> {
        let shape = "`items` is not a condition; write { field = \"…\", op = \"eq\", value = … }, or { all = [ … ] }, { any = [ … ] } \
                     or { not = … } of such";
        let predicate = Predicate::deserialize(written.get_ref().clone());
        let predicate = predicate.map_err(|_| self.wrong(written, shape.to_owned()))?;
        resolve(&predicate, self.snapshot).map_err(|error| {
            let nearest: Vec<_> = error.nearest.iter().map(|n| format!("`{}`", n.value)).collect();
            let nearest =
                if nearest.is_empty() { String::new() } else { format!("; nearest: {}", nearest.join(", ")) };
            self.wrong(written, format!("{}{nearest}", error.message))
        })
    }

    fn field(&self, name: &Spanned<String>) -> Result<&crate::Field, SteeringError> {
        let catalog: &Catalog = self.snapshot.catalog();
        catalog.field(name.get_ref()).ok_or_else(|| {
            let names = catalog.fields.iter().map(|f| f.name.as_str());
            let nearest = nearest_name(name.get_ref(), names.clone());
            let nearest = nearest.map(|n| format!(", did you mean `{n}`?")).unwrap_or_default();
            let names = names.collect::<Vec<_>>().join(", ");
            self.wrong(
                name,
                format!("there is no field `{}`{nearest}; the fields are {names}", name.get_ref()),
            )
        })
    }

    fn wrong<T>(&self, place: &Spanned<T>, message: String) -> SteeringError {
        self.file.wrong(self.file.line(&place.span()), message)
    }
}
