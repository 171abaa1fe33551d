//! A simulated user: somebody who wants one item of a catalogue, cannot name it, and has so many turns of patience.
//!
//! A [`User`] begins with a vague request made of some of what is true of the target, looks at what is shown, and answers: it
//! accepts the target, insists on what was said and not heeded, adds something true that the shown items are not, or turns one of
//! them down. It knows the target's row and the catalogue's statistics, and never says the target's title or id. It is a machine
//! without input or output: [`converse`] lets it talk to a [`Partner`], and [`measures`] says what that was worth. The same seed
//! and target give the same user. With a [`Speaker`], a model says the same in its own words, and what it says is checked.
//!
//! Simulated users compare systems; they do not predict how satisfied people would be (Balog and Zhai, "User simulation for
//! evaluation of information access systems", SIGIR-AP 2023). Answers that follow from hidden wishes are as in Christakopoulou,
//! Radlinski and Hofmann, "Towards conversational recommender systems", KDD 2016; a hidden target item by whose attributes the
//! user answers, as in Sun and Zhang, "Conversational recommender system", SIGIR 2018, and in Lei et al. (EAR), WSDM 2020.

mod conversation;
mod facts;
mod measure;
mod phrases;
mod speaker;
mod user;

pub use conversation::{Conversation, Exchange, Partner, converse};
pub use facts::{Fact, facts};
pub use measure::measures;
pub use phrases::{Style, reveals};
pub use speaker::{Speaker, Spoken};
pub use user::{Act, Reaction, User, Utterance};
