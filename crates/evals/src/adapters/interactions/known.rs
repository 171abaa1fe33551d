//! What is known of users at a point of time, what they did next, and the two rankings that rest on that alone.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use segue_catalog::{Ordinal, Scored, Snapshot};

use crate::adapters::AdapterError;

/// Where time is cut: shares of all interactions, in the order of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Split {
    known: f64,
    seen: f64,
}

impl Split {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "test" => Some(Self { known: 0.8, seen: 1.0 }),
            "dev" => Some(Self { known: 0.6, seen: 0.8 }),
            _ => None,
        }
    }
}

/// One interaction.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Interaction {
    pub(super) user: String,
    pub(super) item: Ordinal,
    pub(super) liked: bool,
    pub(super) time: i64,
}

#[derive(Debug, Default)]
struct Profile {
    /// In the order of time.
    liked: Vec<Ordinal>,
    disliked: BTreeSet<Ordinal>,
    /// Liked after the cut.
    wanted: BTreeSet<Ordinal>,
}

/// What is known, and what is to be found.
#[derive(Debug)]
pub(super) struct Known {
    profiles: BTreeMap<String, Profile>,
    /// Who liked an item.
    fans: BTreeMap<Ordinal, BTreeSet<usize>>,
    /// What each user liked, by the position of the user.
    liked: Vec<BTreeSet<Ordinal>>,
}

impl Known {
    /// Reads the interactions of a catalogue. One whose value is below `at_least` is known, and nothing that was wanted.
    pub(super) fn read(
        snapshot: &Snapshot,
        split: Split,
        at_least: Option<f64>,
    ) -> Result<Self, AdapterError> {
        let table = snapshot.table("interactions");
        let untimed: i64 = snapshot.with_connection(|c| {
            let sql = format!("SELECT count(*) FROM {table} WHERE time IS NULL");
            c.query_row(&sql, [], |row| row.get(0))
        })?;
        if untimed > 0 {
            let message =
                format!("{untimed} interactions have no time; name its column with `time` in the mapping");
            return Err(AdapterError::Unfit(message));
        }
        let all = snapshot.with_connection(|c| {
            let sql = format!("SELECT user, ordinal, value, time FROM {table} ORDER BY time, user, ordinal");
            let mut statement = c.prepare(&sql)?;
            let rows = statement.query_map([], |row| {
                let value: Option<f64> = row.get(2)?;
                let liked = at_least.is_none_or(|least| value.is_some_and(|value| value >= least));
                Ok(Interaction { user: row.get(0)?, item: row.get(1)?, liked, time: row.get(3)? })
            })?;
            rows.collect()
        })?;
        Ok(Self::of(all, split))
    }

    /// Of interactions in the order of time.
    pub(super) fn of(all: Vec<Interaction>, split: Split) -> Self {
        // What happened at the same moment is on the same side.
        let cut = |share: f64| {
            let at = (share * all.len() as f64).round() as usize;
            all.get(at.saturating_sub(1)).filter(|_| at > 0).map_or(i64::MIN, |i| i.time)
        };
        let (until, end) = (cut(split.known), cut(split.seen));
        let mut profiles: BTreeMap<String, Profile> = BTreeMap::new();
        for Interaction { user, item, liked, time } in all.into_iter().take_while(|i| i.time <= end) {
            let profile = profiles.entry(user).or_default();
            let met = profile.liked.contains(&item) || profile.disliked.contains(&item);
            if time > until {
                if liked && !met {
                    profile.wanted.insert(item);
                }
            } else if !met {
                if liked {
                    profile.liked.push(item);
                } else {
                    profile.disliked.insert(item);
                }
            }
        }
        let liked: Vec<BTreeSet<Ordinal>> =
            profiles.values().map(|p| p.liked.iter().copied().collect()).collect();
        let mut fans: BTreeMap<Ordinal, BTreeSet<usize>> = BTreeMap::new();
        for (user, items) in liked.iter().enumerate() {
            for item in items {
                fans.entry(*item).or_default().insert(user);
            }
        }
        Self { profiles, fans, liked }
    }

    /// Users with something liked and something to find, with how much of each.
    pub(super) fn askable(&self) -> impl Iterator<Item = (&str, usize, usize)> {
        let sizes = self.profiles.iter().map(|(user, p)| (user.as_str(), p.liked.len(), p.wanted.len()));
        sizes.filter(|(_, liked, wanted)| *liked > 0 && *wanted > 0)
    }

    /// What a user liked, the last at the end.
    pub(super) fn liked(&self, user: &str) -> &[Ordinal] {
        self.profiles.get(user).map(|p| p.liked.as_slice()).unwrap_or_default()
    }

    pub(super) fn disliked(&self, user: &str) -> impl Iterator<Item = Ordinal> {
        self.profiles.get(user).into_iter().flat_map(|p| p.disliked.iter().copied())
    }

    /// What is to be found.
    pub(super) fn wanted(&self, user: &str) -> impl Iterator<Item = Ordinal> {
        self.profiles.get(user).into_iter().flat_map(|p| p.wanted.iter().copied())
    }

    /// What a user had to do with before the cut.
    pub(super) fn met(&self, user: &str) -> BTreeSet<Ordinal> {
        self.liked(user).iter().copied().chain(self.disliked(user)).collect()
    }

    /// How many users liked each item.
    pub(super) fn users_of(&self) -> BTreeMap<Ordinal, u64> {
        self.fans.iter().map(|(item, fans)| (*item, fans.len() as u64)).collect()
    }

    /// Users with something liked.
    pub(super) fn users(&self) -> u64 {
        self.liked.iter().filter(|items| !items.is_empty()).count() as u64
    }

    /// What most users liked, first.
    pub(super) fn popular(&self) -> Vec<Scored> {
        ranked(self.fans.iter().map(|(item, fans)| (*item, fans.len() as f64)))
    }

    /// Item-based neighbours: the cosine of two items is the number of users who liked both over the root of the product of those
    /// who liked either, and an item's score the sum of its cosines with what the user liked (Deshpande and Karypis,
    /// "Item-based top-N recommendation algorithms", TOIS 2004).
    pub(super) fn neighbours(&self, liked: &[Ordinal]) -> Vec<Scored> {
        let mut scores: BTreeMap<Ordinal, f64> = BTreeMap::new();
        let none = BTreeSet::new();
        let size = |item: &Ordinal| self.fans.get(item).unwrap_or(&none).len() as f64;
        for one in liked {
            let mut both: BTreeMap<Ordinal, u32> = BTreeMap::new();
            for items in self.fans.get(one).unwrap_or(&none).iter().filter_map(|user| self.liked.get(*user)) {
                for item in items {
                    *both.entry(*item).or_default() += 1;
                }
            }
            for (item, n) in both {
                *scores.entry(item).or_default() += f64::from(n) / (size(one) * size(&item)).sqrt();
            }
        }
        ranked(scores.into_iter())
    }
}

/// Highest score first, equal ones in the order of the catalogue.
fn ranked(scores: impl Iterator<Item = (Ordinal, f64)>) -> Vec<Scored> {
    let mut scored: Vec<Scored> = scores.map(|(item, score)| Scored { item, score }).collect();
    scored.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| Reverse(b.item).cmp(&Reverse(a.item))));
    scored
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interaction(user: &str, item: Ordinal, liked: bool, time: i64) -> Interaction {
        Interaction { user: user.to_owned(), item, liked, time }
    }

    fn known(split: &str) -> Known {
        let all = vec![
            interaction("a", 1, true, 1),
            interaction("b", 1, true, 2),
            interaction("a", 2, true, 3),
            interaction("b", 2, true, 4),
            interaction("a", 3, false, 5),
            interaction("c", 2, true, 6),
            interaction("b", 4, true, 7),
            interaction("c", 5, true, 7),
            interaction("a", 4, true, 8),
            interaction("a", 1, true, 9),
        ];
        Known::of(all, Split::named(split).unwrap())
    }

    #[test]
    fn what_comes_after_the_cut_is_wanted_and_helps_nobody() {
        let test = known("test");
        // Eight of ten are known, and with the eighth all of its moment.
        assert_eq!(test.askable().collect::<Vec<_>>(), [("a", 2, 1)]);
        assert_eq!((test.liked("a"), test.wanted("a").collect::<Vec<_>>()), (&[1, 2][..], vec![4]));
        assert_eq!(test.met("a"), [1, 2, 3].into());
        assert_eq!(test.users_of(), [(1, 2), (2, 3), (4, 1), (5, 1)].into());

        let dev = known("dev");
        assert_eq!(dev.askable().collect::<Vec<_>>(), [("b", 2, 1), ("c", 1, 1)]);
        assert_eq!(dev.wanted("b").collect::<Vec<_>>(), [4]);
        assert_eq!(dev.users_of(), [(1, 2), (2, 3)].into(), "nothing of the last fifth is seen");
        assert_eq!(Split::named("train"), None);
    }

    #[test]
    fn rankings_are_those_worked_out_by_hand() {
        let test = known("test");
        let order = |scored: Vec<Scored>| scored.iter().map(|s| s.item).collect::<Vec<_>>();
        assert_eq!(order(test.popular()), [2, 1, 4, 5]);
        // a liked 1 and 2: 4 was liked by b, who liked both; 5 by c, who liked 2.
        let scored = test.neighbours(test.liked("a"));
        let score = |item| scored.iter().find(|s| s.item == item).map(|s| s.score);
        assert_eq!(score(4), Some(1.0 / 2.0_f64.sqrt() + 1.0 / 3.0_f64.sqrt()));
        assert_eq!(score(5), Some(1.0 / 3.0_f64.sqrt()));
    }
}
