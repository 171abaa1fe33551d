//! Interactions of users with items, split in time: what is to be found is what users did after a point of time, and nothing that was
//! done after it is known. All items that a user has not met by then are ranked (no sampled candidates: Krichene and Rendle, "On
//! sampled metrics for item recommendation", KDD 2020); one point for all users, so that nobody's future helps another (Ji et al.,
//! "A critical study on data leakage in recommender system offline evaluation", TOIS 2023).
//!
//! `test` knows the first 80 % of all interactions and looks for what comes after; `dev` knows 60 %, looks for the next 20 %, and
//! sees nothing of the rest. A case is a user with something known that was liked and something to find.

mod known;

use std::collections::BTreeMap;
use std::path::Path;

use futures_util::future::BoxFuture;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;
use segue_agent::{MAX_ITEMS, ShownItem, TurnOptions};
use segue_catalog::{Ordinal, Scored, Snapshot};
use serde_json::json;

use self::known::{Known, Split};
use super::library::library;
use super::mapped::{Mapped, mapped};
use super::systems::{Found, Systems};
use super::{AdapterError, Preparing, Surroundings};
use crate::metrics::beyond::{Popularity, counts_distinct, diversity, novelty};
use crate::metrics::{Family, Metric, ranking};
use crate::suite::{Answered, Case, CaseError, Search, Suite, System, Task, Variant};
use crate::{CaseUsage, Measure};

/// How many of a user's last liked items stand for the user where words are searched for, and where an agent is told.
const LAST: usize = 10;
/// How many items of a ranking are kept in a result's details.
const SHOWN: usize = 10;

/// Interactions that are ready to run.
#[derive(Debug)]
pub(super) struct Interactions {
    snapshot: Snapshot,
    systems: Systems,
    known: Known,
    popularity: Popularity,
    cases: Vec<Case>,
    metrics: Vec<Metric>,
    depends: Vec<(String, String)>,
}

pub(super) fn open(
    suite: &Suite,
    folder: &Path,
    surroundings: &Surroundings,
    progress: &mut dyn FnMut(Preparing),
) -> Result<Interactions, AdapterError> {
    let fits = |metric: &Metric| matches!(metric.info.family, Family::Ranking | Family::Beyond);
    if let Some(metric) = suite.metrics.iter().find(|metric| !fits(metric)) {
        let message = format!("`{metric}` cannot be measured on interactions");
        return Err(AdapterError::Unfit(message));
    }
    if let Some(metric) = suite.metrics.iter().find(|m| m.info.name == "diversity" && !suite.data.embeddings)
    {
        let message = format!("`{metric}` is by meaning; leave it out, or `embeddings = false`");
        return Err(AdapterError::Unfit(message));
    }
    let split = Split::named(&suite.data.split).ok_or_else(|| {
        let split = &suite.data.split;
        AdapterError::Unfit(format!(
            "the split `{split}` should be `test` (the last fifth) or `dev` (the fifth before)"
        ))
    })?;
    let Mapped { dataset, source } = mapped(suite, folder, |dataset| dataset.users = None)?;
    if dataset.interactions.is_none() {
        let message = format!("the mapping of `{}` has no table `[interactions]`", dataset.name);
        return Err(AdapterError::Unfit(message));
    }
    let name = format!("interactions-{}", dataset.name);
    let make = |_: &Path| Ok(dataset.clone());
    let library = library(&name, &source, &make, &suite.data, surroundings, progress)?;
    let snapshot = library.engine.snapshot().clone();
    let known = Known::read(&snapshot, split, suite.data.at_least)?;
    let systems = Systems::new(suite, library.engine, surroundings)?;
    let cases = cases(suite, &known);
    if cases.is_empty() {
        let message =
            "no user has something liked before the split and something to find after it".to_owned();
        return Err(AdapterError::Unfit(message));
    }
    let users_of = known.users_of();
    let users_of = users_of.into_iter().map(|(item, n)| (systems.id(item).to_owned(), n)).collect();
    let popularity = Popularity { users_of, users: known.users() };
    let mut depends = systems.depends()?;
    depends.push(("catalogue".to_owned(), library.content));
    depends.push(("interactions".to_owned(), source));
    depends.push(("items".to_owned(), snapshot.catalog().items.to_string()));
    depends.push(("users drawn with".to_owned(), suite.seed.to_string()));
    depends.extend(library.embedder.map(|embedder| ("embeddings".to_owned(), embedder)));
    let metrics = suite.metrics.clone();
    Ok(Interactions { snapshot, systems, known, popularity, cases, metrics, depends })
}

/// The users that can be asked, or as many as the suite wants, drawn by its seed.
fn cases(suite: &Suite, known: &Known) -> Vec<Case> {
    let case = |(user, liked, wanted): (&str, usize, usize)| Case {
        id: user.to_owned(),
        cluster: user.to_owned(),
        request: format!("user {user}: {liked} liked, {wanted} to find"),
    };
    let mut cases: Vec<Case> = known.askable().map(case).collect();
    if let Some(limit) = suite.data.limit {
        cases.shuffle(&mut Pcg64::seed_from_u64(suite.seed));
        cases.truncate(limit);
    }
    cases
}

impl Interactions {
    /// What a variant ranks for a user, best first; what the user has met may be among it.
    async fn ranked(&self, variant: &Variant, user: &str) -> Result<Found, CaseError> {
        let liked = self.known.liked(user);
        let last: Vec<Ordinal> = liked.iter().rev().take(LAST).copied().collect();
        match &variant.system {
            System::Search(Search::Popular) => Ok(Found::of("popular", self.known.popular())),
            System::Search(Search::Neighbours) => Ok(Found::of("neighbours", self.known.neighbours(liked))),
            System::Search(_) | System::Fusion { .. } => {
                let rows = self.snapshot.rows(&last).map_err(CaseError::of)?;
                let titles: Vec<&str> = rows.iter().map(|row| row.title(self.snapshot.catalog())).collect();
                self.systems.find(variant, &titles.join(" ")).await
            }
            System::Agent { .. } => {
                let mut session = self.systems.session();
                let rows = self.snapshot.rows(&last).map_err(CaseError::of)?;
                let catalog = self.snapshot.catalog();
                let shown = |row: &segue_catalog::Row| ShownItem {
                    id: row.id(catalog).to_owned(),
                    title: row.title(catalog).to_owned(),
                };
                session.shown = rows.iter().map(shown).collect();
                let ids: Vec<String> = session.shown.iter().map(|item| item.id.clone()).collect();
                let disliked: Vec<String> =
                    self.known.disliked(user).map(|item| self.systems.id(item).to_owned()).collect();
                session.rate(&ids, &disliked);
                let options = TurnOptions { k: Some(MAX_ITEMS), ..TurnOptions::default() };
                let request = format!("more {} like these", catalog.name);
                self.systems.turn(&variant.name, &mut session, &request, options).await
            }
        }
    }

    fn measures(&self, user: &str, items: &[Scored], ranked: &[&str]) -> BTreeMap<String, Measure> {
        let ordinals: BTreeMap<&str, Ordinal> =
            ranked.iter().zip(items).map(|(id, s)| (*id, s.item)).collect();
        let alike = |a: &str, b: &str| self.systems.cosine(*ordinals.get(a)?, *ordinals.get(b)?);
        let grades = self.known.wanted(user).map(|item| (self.systems.id(item), 1)).collect();
        let profile = self.known.liked(user).iter().map(|item| self.popularity.share(self.systems.id(*item)));
        let profile = mean(profile);
        let measure = |metric: &Metric| {
            let k = metric.k.unwrap_or(usize::MAX);
            let first = || ranked.iter().take(k);
            match metric.info.name {
                "novelty" => novelty(ranked, k, &self.popularity),
                "diversity" => diversity(ranked, k, alike),
                // Over users: the sum of (shown − profile) over the sum of profiles.
                "popularity_lift" => match mean(first().map(|id| self.popularity.share(id))) {
                    Some(shown) => {
                        let profile = profile.unwrap_or_default();
                        Measure { value: shown - profile, weight: profile }
                    }
                    None => Measure::share(0, 0),
                },
                _ => ranking::measure(*metric, ranked, &grades),
            }
        };
        let of_cases = self.metrics.iter().filter(|metric| !counts_distinct(**metric));
        of_cases.map(|metric| (metric.to_string(), measure(metric))).collect()
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0_u32), |(sum, n), value| (sum + value, n + 1));
    (n > 0).then(|| sum / f64::from(n))
}

impl Task for Interactions {
    fn count(&self) -> usize {
        self.cases.len()
    }

    fn cases(&self) -> Box<dyn Iterator<Item = Result<Case, AdapterError>> + Send + '_> {
        Box::new(self.cases.iter().cloned().map(Ok))
    }

    fn depends(&self) -> Vec<(String, String)> {
        self.depends.clone()
    }

    fn finish(&self) -> Result<(), AdapterError> {
        self.systems.finish()
    }

    fn item(&self, id: &str) -> Result<Vec<(String, String)>, CaseError> {
        self.systems.item(id)
    }

    fn tools(&self, variant: &Variant) -> Vec<String> {
        self.systems.tools(variant)
    }

    fn answer<'a>(
        &'a self,
        variant: &'a Variant,
        case: &'a Case,
    ) -> BoxFuture<'a, Result<Answered, CaseError>> {
        Box::pin(async move {
            let mut found = self.ranked(variant, &case.id).await?;
            let met = self.known.met(&case.id);
            found.items.retain(|scored| !met.contains(&scored.item));
            let ranked: Vec<&str> = self.systems.ids(&found.items).collect();
            let metrics = self.measures(&case.id, &found.items, &ranked);
            let most = self.metrics.iter().filter(|m| counts_distinct(**m)).filter_map(|m| m.k).max();
            let shown = ranked.iter().take(most.unwrap_or(0)).map(|id| (*id).to_owned()).collect();
            let titles = self.systems.titles(found.items.get(..SHOWN).unwrap_or(&found.items))?;
            let best = ranked.iter().zip(titles).zip(&found.items);
            let best: Vec<_> = best.map(|((id, title), s)| json!([id, title, s.score])).collect();
            let place = |id: &str| ranked.iter().position(|r| *r == id).map(|p| p + 1);
            let wanted: BTreeMap<&str, Option<usize>> = self
                .known
                .wanted(&case.id)
                .map(|item| self.systems.id(item))
                .map(|id| (id, place(id)))
                .collect();
            let detail = json!({ "request": case.request, "ranking": best, "places_of_wanted": wanted });
            let fallback = found.fallback();
            Ok(Answered { metrics, usage: found.usage, tools: found.tools, fallback, shown, detail })
        })
    }
}

impl Found {
    fn of(name: &str, items: Vec<Scored>) -> Self {
        Self { items, tools: vec![name.to_owned()], usage: CaseUsage::default(), turn: None }
    }
}
