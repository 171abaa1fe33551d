use super::{Better, Cutoff, Family, MetricInfo, Scope, Unit};

/// Every metric there is, by family, in the order in which they are shown.
pub fn registry() -> &'static [MetricInfo] {
    REGISTRY
}

const BASE: MetricInfo = MetricInfo {
    name: "",
    also: &[],
    cutoff: Cutoff::None,
    family: Family::Ranking,
    scope: Scope::Case,
    definition: "",
    source: "",
    better: Better::Higher,
    unit: Unit::Share,
};
const RANKING: MetricInfo = MetricInfo { cutoff: Cutoff::Required, ..BASE };
const PLANNING: MetricInfo = MetricInfo { family: Family::Planning, ..BASE };
const CONSTRAINTS: MetricInfo = MetricInfo { family: Family::Constraints, ..BASE };
const CLAIMS: MetricInfo = MetricInfo { family: Family::Claims, ..BASE };
const SIMULATION: MetricInfo = MetricInfo { family: Family::Simulation, better: Better::Lower, ..BASE };
const BEYOND: MetricInfo =
    MetricInfo { family: Family::Beyond, cutoff: Cutoff::Required, scope: Scope::Run, ..BASE };
const COST: MetricInfo = MetricInfo {
    family: Family::Cost,
    scope: Scope::Usage,
    better: Better::Lower,
    source: "counted by the driver of the run",
    ..BASE
};

const REGISTRY: &[MetricInfo] = &[
    MetricInfo {
        name: "ndcg",
        also: &["ndcg_cut"],
        cutoff: Cutoff::Optional,
        definition: "Normalised discounted cumulative gain: the sum over ranks i to k of rel(i) / log2(i + 1), over the same sum \
                     of the best possible ranking of the judged items. The gain is linear, the judgment itself.",
        source: "Järvelin and Kekäläinen, TOIS 2002; trec_eval `ndcg_cut`, `ndcg`",
        ..RANKING
    },
    MetricInfo {
        name: "mrr",
        also: &["recip_rank", "rr"],
        cutoff: Cutoff::Optional,
        definition: "Mean reciprocal rank: 1 / rank of the first relevant item; 0 where none is among the first k.",
        source: "Voorhees, TREC-8 1999; trec_eval `recip_rank`; with a cutoff, `RR@k` of ir_measures",
        ..RANKING
    },
    MetricInfo {
        name: "hit",
        also: &["success", "hit_rate", "hr"],
        definition: "Whether a relevant item is among the first k.",
        source: "trec_eval `success`",
        ..RANKING
    },
    MetricInfo {
        name: "recall",
        definition: "The relevant items among the first k, of all relevant items.",
        source: "trec_eval `recall`",
        ..RANKING
    },
    MetricInfo {
        name: "precision",
        also: &["p"],
        definition: "The relevant items among the first k, over k, also where fewer came back.",
        source: "trec_eval `P`",
        ..RANKING
    },
    MetricInfo {
        name: "map",
        also: &["ap", "map_cut"],
        cutoff: Cutoff::Optional,
        definition: "Mean average precision: the precision at the rank of each relevant item among the first k, summed, over the \
                     number of all relevant items.",
        source: "Buckley and Voorhees, SIGIR 2000; trec_eval `map`, `map_cut`",
        ..RANKING
    },
    MetricInfo {
        name: "judged",
        definition: "The judged items among the first k, relevant or not, over k or as many as came back. Where it is low, other \
                     figures rest on items that nobody looked at: `segue eval label`.",
        source: "`Judged@k` of ir_measures",
        ..RANKING
    },
    MetricInfo {
        name: "plan_validity",
        definition: "Plans in which every step has a name of its own, calls a tool that there is, refers to what comes before \
                     it, and has arguments that the tool accepts; of all plans.",
        source: "Segue, `Plan::validate` and the tools' own `resolve`",
        ..PLANNING
    },
    MetricInfo {
        name: "first_arguments",
        also: &["first_attempt_arguments"],
        definition: "Conditions that were asked for and hold in the first plan, before any correction; of all that were asked \
                     for. Compared by meaning; in conversations also by what they select, on the same field. None hold where a \
                     model failed at once and the rules planned for it.",
        source: "slot accuracy of Rastogi et al. (SGD), AAAI 2020, with conditions for slots",
        ..PLANNING
    },
    MetricInfo {
        name: "final_arguments",
        definition: "Conditions that were asked for and hold in what was executed in the end; of all that were asked for. \
                     Compared by meaning.",
        source: "slot accuracy of Rastogi et al. (SGD), AAAI 2020, with conditions for slots",
        ..PLANNING
    },
    MetricInfo {
        name: "unasked_arguments",
        definition: "Conditions in what was executed that nobody asked for; of all conditions in it.",
        source: "1 − precision of slots, Rastogi et al. (SGD), AAAI 2020",
        better: Better::Lower,
        ..PLANNING
    },
    MetricInfo {
        name: "call_accuracy",
        definition: "Expected calls that were made, of the expected and the superfluous together: each call once, tool and \
                     every argument equal by meaning.",
        source: "AST match of Patil et al. (BFCL), ICML 2025, as the Jaccard index of calls",
        ..PLANNING
    },
    MetricInfo {
        name: "call_exact",
        definition: "Service calls with the expected method and every expected slot at its value, and no other slot; free text after \
                     folding.",
        source: "exact match of service calls; Rastogi et al. (SGD), AAAI 2020, with a call for a state",
        ..PLANNING
    },
    MetricInfo {
        name: "joint_slots",
        definition: "Product over all slots of a service call: 1 or 0 for categorical values and superfluous slots, the similarity of \
                     the sorted words for free text; 0 for another method.",
        source: "joint goal accuracy of Rastogi et al. (SGD), AAAI 2020, `schema_guided_dst/metrics.py`",
        ..PLANNING
    },
    MetricInfo {
        name: "slot_accuracy",
        definition: "Expected slots of service calls, each with how right its value is, of all expected slots.",
        source: "average goal accuracy of Rastogi et al. (SGD), AAAI 2020, over all slots",
        ..PLANNING
    },
    MetricInfo {
        name: "method_accuracy",
        definition: "Cases in which exactly one call is made, and of the expected method.",
        source: "active intent accuracy of Rastogi et al. (SGD), AAAI 2020",
        ..PLANNING
    },
    MetricInfo {
        name: "ast_match",
        definition: "Cases whose calls are those of the possible answers, in any order: the function, each argument's type and value, \
                     no argument missing or unexpected.",
        source: "AST match of Patil et al. (BFCL), ICML 2025, `ast_checker` of bfcl-eval 2026.3.23",
        ..PLANNING
    },
    MetricInfo {
        name: "tool_precision",
        definition: "Tools called that were expected, of the tools called; each tool counts once. 1 where none was expected and \
                     none called.",
        source: "van Rijsbergen, Information Retrieval, 1979",
        ..PLANNING
    },
    MetricInfo {
        name: "tool_recall",
        definition: "Tools expected that were called, of the tools expected; each tool counts once. 1 where none was expected.",
        source: "van Rijsbergen, Information Retrieval, 1979",
        ..PLANNING
    },
    MetricInfo {
        name: "tool_f1",
        definition: "Harmonic mean of the precision and recall of a case's tools.",
        source: "van Rijsbergen, Information Retrieval, 1979",
        ..PLANNING
    },
    MetricInfo {
        name: "order_tau",
        definition: "Kendall's tau of the order of the calls that expectation and plan share: (pairs in the same order − pairs in \
                     the other) / pairs. Cases that share fewer than two calls do not count.",
        source: "Kendall, Biometrika 1938 (tau-a)",
        unit: Unit::Correlation,
        ..PLANNING
    },
    MetricInfo {
        name: "order_exact",
        definition: "Whether the tools called are those expected, in their order, and no others.",
        source: "trajectory exact match, as in LangChain `agentevals`",
        ..PLANNING
    },
    MetricInfo {
        name: "references",
        definition: "Items that a request refers to (\"like Alien\", \"the second one\") and the plan is given, of all that it refers to.",
        source: "slot accuracy of Rastogi et al. (SGD), AAAI 2020, with items for slots",
        ..PLANNING
    },
    MetricInfo {
        name: "plan_exact",
        definition: "Plans in which every condition that was asked for holds and no other, the kinds of tools are those that it takes, \
                     and every item referred to is found; of all plans.",
        source: "joint goal accuracy of Rastogi et al. (SGD), AAAI 2020, with the tools",
        ..PLANNING
    },
    MetricInfo {
        name: "constraint_satisfaction",
        definition: "Pairs of an item shown and a hard condition that the item's row satisfies, of all such pairs. An unknown \
                     value satisfies nothing.",
        source: "commonsense and hard-constraint micro pass rate of Xie et al. (TravelPlanner), ICML 2024",
        ..CONSTRAINTS
    },
    MetricInfo {
        name: "earlier_violation",
        definition: "Items shown that violate a hard condition of an earlier turn which still holds, of the items shown while \
                     there was such a condition.",
        source: "Segue; the conversational case of the above",
        better: Better::Lower,
        ..CONSTRAINTS
    },
    MetricInfo {
        name: "claim_support",
        definition: "Claims that the evidence bears out, of all claims that were made.",
        source: "FActScore, Min et al., EMNLP 2023, with catalogue rows and calls as the knowledge",
        ..CLAIMS
    },
    MetricInfo {
        name: "hallucinated_items",
        definition: "Items that are not in the catalogue and titles named without being among the items shown; of all items \
                     shown and titles named.",
        source: "Segue; object hallucination CHAIR_i of Rohrbach et al., EMNLP 2018, with items for objects",
        better: Better::Lower,
        ..CLAIMS
    },
    MetricInfo {
        name: "target_found",
        also: &["success_within_patience"],
        definition: "Whether the item that a simulated user wants, or one of them, was shown within the user's patience.",
        source: "Balog and Zhai, SIGIR-AP 2023; success rate at t of Lei et al. (EAR), WSDM 2020",
        better: Better::Higher,
        ..SIMULATION
    },
    MetricInfo {
        name: "turns_to_target",
        also: &["turns_to_success"],
        definition: "Turns until the wanted item was shown; one more than the user's patience where it never was. Conversations \
                     in which every turn failed do not count.",
        source: "Balog and Zhai, SIGIR-AP 2023; average turn of Lei et al. (EAR), WSDM 2020",
        unit: Unit::Turns,
        ..SIMULATION
    },
    MetricInfo {
        name: "target_regret",
        also: &["regret"],
        definition: "What is lost against lists with the wanted item first: 1 − 1 / log2(1 + rank), 1 where it is not shown, summed \
                     over the turns until it is, over the turns of the user's patience. 0: shown first in the first turn.",
        source: "regret of bandits, Auer, Cesa-Bianchi and Fischer, Machine Learning 2002, with the discount of Järvelin and \
                 Kekäläinen, TOIS 2002, as the reward",
        ..SIMULATION
    },
    MetricInfo {
        name: "repetition",
        definition: "Items shown that the user had turned down in so many words, of the items shown since something was.",
        source: "Segue; rejected items leave the candidates in the protocol of Lei et al. (EAR), WSDM 2020",
        ..SIMULATION
    },
    MetricInfo {
        name: "coverage",
        also: &["catalogue_coverage", "catalog_coverage"],
        definition: "Items of the catalogue that are among the first k of at least one list, of all items of the catalogue.",
        source: "Ge, Delgado-Battenfeld and Jannach, RecSys 2010",
        ..BEYOND
    },
    MetricInfo {
        name: "gini",
        definition: "Inequality of how often the n items of the catalogue are among the first k: Σ (2i − n − 1) x(i) / (n Σ x(i)), \
                     the counts x in ascending order and i from 1, items never shown included. 0: all equally often; near 1: one \
                     item only.",
        source: "Gini 1912; Shani and Gunawardana, Recommender Systems Handbook, 2011",
        better: Better::Lower,
        ..BEYOND
    },
    MetricInfo {
        name: "novelty",
        definition: "Mean self-information of the first k items, −log2 of the share of users who have interacted with the item; \
                     an item without any counts as if one user had.",
        source: "Vargas and Castells, RecSys 2011; Zhou et al., PNAS 2010",
        scope: Scope::Case,
        unit: Unit::Bits,
        ..BEYOND
    },
    MetricInfo {
        name: "diversity",
        also: &["ild", "intra_list_diversity"],
        definition: "Intra-list diversity: 1 − mean similarity of the pairs among the first k. Lists of fewer than two items do \
                     not count.",
        source: "Ziegler et al., WWW 2005; Vargas and Castells, RecSys 2011",
        scope: Scope::Case,
        unit: Unit::Dissimilarity,
        ..BEYOND
    },
    MetricInfo {
        name: "popularity_lift",
        definition: "Relative change of the mean popularity from users' profiles to their lists: (G − P) / P, where G and P are \
                     the means over users of the mean popularity of the first k and of the profile. 0: as popular as what \
                     users choose themselves; far below 0 is a bias too.",
        source: "Abdollahpouri et al., RecSys 2020; ΔGAP of Abdollahpouri et al., RMSE 2019",
        better: Better::Lower,
        unit: Unit::RelativeChange,
        scope: Scope::Case,
        ..BEYOND
    },
    MetricInfo {
        name: "latency",
        also: &["ms"],
        definition: "Mean wall time of a case.",
        unit: Unit::Milliseconds,
        ..COST
    },
    MetricInfo {
        name: "latency_p50",
        definition: PERCENTILE,
        source: TYPE_7,
        scope: Scope::Run,
        unit: Unit::Milliseconds,
        ..COST
    },
    MetricInfo {
        name: "latency_p95",
        definition: PERCENTILE,
        source: TYPE_7,
        scope: Scope::Run,
        unit: Unit::Milliseconds,
        ..COST
    },
    MetricInfo {
        name: "latency_p99",
        definition: PERCENTILE,
        source: TYPE_7,
        scope: Scope::Run,
        unit: Unit::Milliseconds,
        ..COST
    },
    MetricInfo {
        name: "model_calls",
        definition: "Mean number of questions to a model in a case.",
        unit: Unit::Calls,
        ..COST
    },
    MetricInfo {
        name: "input_tokens",
        definition: "Mean number of tokens that models read in a case.",
        unit: Unit::Tokens,
        ..COST
    },
    MetricInfo {
        name: "output_tokens",
        definition: "Mean number of tokens that models wrote in a case.",
        unit: Unit::Tokens,
        ..COST
    },
    MetricInfo {
        name: "tokens",
        definition: "Mean number of tokens that models read and wrote in a case.",
        unit: Unit::Tokens,
        ..COST
    },
    MetricInfo {
        name: "cost",
        also: &["money"],
        definition: "Mean price of a case, by the workspace's prices.",
        unit: Unit::Money,
        ..COST
    },
];

const PERCENTILE: &str =
    "This percentile of the wall time of the cases, failed ones too, linear between the two nearest.";
const TYPE_7: &str = "Hyndman and Fan, The American Statistician 1996, type 7 (the default of numpy and R)";
