//! What all runs of a comparison amount to: every metric by traffic, interquartile means over all traffic, paired tests
//! with Holm's correction, probabilities of improvement and performance profiles.
//!
//! A test pairs runs that share traffic, day and seed. Where a traffic has several test days, a day's mean over its
//! seeds is one pair, because seeds of one day are not independent of each other; where it has a single day, each seed
//! is one.
//!
//! Left out: the verdicts by traffic, which look at cost and violations together (`verdict`).

use super::{Cell, Comparison, METRICS, Metric, metric_of, run::blocks};
use crate::{
    contenders,
    statistics::{
        Bootstrap, Estimate, Stratum, estimate, holm, interquartile_estimate, mean,
        probability_of_improvement, profile, signed_rank,
    },
};
use serde::Serialize;

/// A family of tests claims something wrong with at most this chance.
const LEVEL: f64 = 0.05;
/// Thresholds of a performance profile.
const THRESHOLDS: usize = 51;
/// Profiles do not go below this score: what is worse is bad enough.
const LOWEST_THRESHOLD: f64 = -1.0;

/// One metric of one autoscaler on one traffic.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricRow {
    /// Name of the traffic.
    pub traffic: String,
    /// Name of the autoscaler.
    pub autoscaler: String,
    /// Key of the metric.
    pub metric: &'static str,
    /// Mean with its interval over days and seeds; absent where the metric does not apply.
    pub estimate: Option<Estimate>,
}

/// One metric of one autoscaler over all traffic.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Aggregate {
    /// Name of the autoscaler.
    pub autoscaler: String,
    /// Key of the metric.
    pub metric: &'static str,
    /// Interquartile mean over all runs with its stratified bootstrap interval; absent where the metric does not apply.
    pub iqm: Option<Estimate>,
}

/// What a test shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// The candidate's figure is lower.
    Lower,
    /// The candidate's figure is higher.
    Higher,
    /// No difference shown, which does not show that there is none.
    Nothing,
}

/// Candidate less baseline in one metric over all traffic.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairTest {
    /// Name of the candidate.
    pub candidate: String,
    /// Name of the baseline.
    pub baseline: String,
    /// Key of the metric.
    pub metric: &'static str,
    /// Unit of the difference.
    pub unit: &'static str,
    /// Mean difference with its stratified bootstrap interval.
    pub difference: Estimate,
    /// Pairs that differ.
    pub pairs: usize,
    /// Effect size of the signed ranks, −1…1.
    pub rank_biserial: f64,
    /// Wilcoxon's signed-rank test.
    pub p_value: f64,
    /// The same after Holm's correction for all tests of the comparison.
    pub p_holm: f64,
    /// What it shows at 5 %.
    pub shown: Shown,
}

/// How likely a run of the candidate scores higher than one of the baseline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Improvement {
    /// Name of the candidate.
    pub candidate: String,
    /// Name of the baseline.
    pub baseline: String,
    /// Probability, mean over traffic, on the shared score.
    pub probability: Estimate,
}

/// Share of an autoscaler's runs above each threshold of the shared score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Profile {
    /// Name of the autoscaler.
    pub autoscaler: String,
    /// Thresholds, rising.
    pub thresholds: Vec<f64>,
    /// Share of runs above each, with its pointwise interval.
    pub shares: Vec<Estimate>,
}

/// What all runs amount to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Analysis {
    /// Who everybody is tested against; absent where nobody else took part.
    pub baseline: Option<String>,
    /// Every metric by traffic and autoscaler.
    pub by_traffic: Vec<MetricRow>,
    /// Every metric over all traffic.
    pub aggregate: Vec<Aggregate>,
    /// Everybody against the baseline.
    pub tests: Vec<PairTest>,
    /// Everybody against the baseline.
    pub improvement: Vec<Improvement>,
    /// Of everybody.
    pub profiles: Vec<Profile>,
    /// The tests in words, a sentence for each candidate.
    pub sentences: Vec<String>,
}

/// A metric that is tested, in percent of the baseline's or as it is.
struct Tested {
    key: &'static str,
    relative: bool,
    unit: &'static str,
    words: [&'static str; 2],
}

const TESTED: [Tested; 3] = [
    Tested { key: "requested_core_hours", relative: true, unit: "%", words: ["costs less", "costs more"] },
    Tested {
        key: "violation_percent",
        relative: false,
        unit: "points of time",
        words: ["violates the SLO less", "violates the SLO more"],
    },
    Tested {
        key: "shared_score",
        relative: false,
        unit: "of the shared score",
        words: ["scores lower", "scores higher"],
    },
];

impl Analysis {
    /// Of all runs of `comparison`.
    pub fn of(comparison: &Comparison) -> Self {
        let runs = Runs::new(comparison);
        if runs.names.is_empty() {
            return Self::default();
        }
        let baseline = runs.baseline();
        let rivals: Vec<&str> = runs.names.iter().copied().filter(|name| *name != baseline).collect();
        let mut tests: Vec<PairTest> = rivals
            .iter()
            .flat_map(|candidate| TESTED.iter().map(|tested| runs.test(candidate, baseline, tested)))
            .collect();
        let adjusted = holm(&tests.iter().map(|test| test.p_value).collect::<Vec<_>>());
        for (test, p) in tests.iter_mut().zip(adjusted) {
            test.p_holm = p;
            // Test and interval must agree before anything is claimed.
            let Estimate { low, high, .. } = test.difference;
            test.shown = match () {
                () if p <= LEVEL && high < 0.0 => Shown::Lower,
                () if p <= LEVEL && low > 0.0 => Shown::Higher,
                () => Shown::Nothing,
            };
        }
        let scores = |name: &str| runs.strata(name, metric_of("shared_score")).unwrap_or_default();
        let against = scores(baseline);
        let improvement = rivals
            .iter()
            .map(|candidate| Improvement {
                candidate: (*candidate).to_owned(),
                baseline: baseline.to_owned(),
                probability: probability_of_improvement(&scores(candidate), &against),
            })
            .collect();
        let sentences = rivals
            .iter()
            .map(|candidate| {
                let own: Vec<&PairTest> = tests.iter().filter(|t| t.candidate == **candidate).collect();
                sentence(candidate, baseline, runs.traffic.len(), &own)
            })
            .collect();
        Self {
            baseline: (!rivals.is_empty()).then(|| baseline.to_owned()),
            by_traffic: runs.by_traffic(),
            aggregate: runs.aggregate(),
            improvement,
            profiles: runs.profiles(),
            sentences,
            tests,
        }
    }

    /// The least corrected p-value that the number of pairs allows, where that is too large for any claim.
    pub fn least_p(&self) -> Option<f64> {
        let most = self.tests.iter().map(|test| test.pairs).max()?;
        let least = (2f64.powi(1 - most as i32) * self.tests.len() as f64).min(1.0);
        (least > LEVEL).then_some(least)
    }

    /// The interquartile mean of one metric of one autoscaler.
    pub fn iqm(&self, autoscaler: &str, metric: &str) -> Option<Estimate> {
        self.aggregate.iter().find(|a| a.autoscaler == autoscaler && a.metric == metric)?.iqm
    }

    /// The mean of one metric of one autoscaler on one traffic.
    pub fn mean(&self, traffic: &str, autoscaler: &str, metric: &str) -> Option<Estimate> {
        let found =
            |row: &&MetricRow| row.traffic == traffic && row.autoscaler == autoscaler && row.metric == metric;
        self.by_traffic.iter().find(found)?.estimate
    }
}

/// All runs by who and where.
struct Runs<'a> {
    names: Vec<&'a str>,
    traffic: Vec<&'a str>,
    cells: &'a [Cell],
}

impl<'a> Runs<'a> {
    fn new(comparison: &'a Comparison) -> Self {
        let distinct = |of: fn(&Cell) -> &str| {
            let mut found: Vec<&str> = Vec::new();
            for cell in &comparison.cells {
                if !found.contains(&of(cell)) {
                    found.push(of(cell));
                }
            }
            found
        };
        Self {
            names: distinct(|c| &c.autoscaler),
            traffic: distinct(|c| &c.traffic),
            cells: &comparison.cells,
        }
    }

    fn baseline(&self) -> &'a str {
        let takes_part = |name: &&str| self.names.contains(name);
        let usual = [contenders::CALIBRATED, contenders::DEFAULT].into_iter().find(takes_part);
        self.names.iter().copied().find(|name| Some(*name) == usual).unwrap_or(self.names[0])
    }

    fn of(&self, traffic: &str, name: &str) -> Vec<&'a Cell> {
        self.cells.iter().filter(|c| c.traffic == traffic && c.autoscaler == name).collect()
    }

    /// `[traffic][day][seed]`; absent where the metric does not apply to every run.
    fn strata(&self, name: &str, metric: &Metric) -> Option<Vec<Stratum>> {
        let applies = |c: &Cell| c.autoscaler != name || (metric.of)(&c.score).is_some();
        self.cells.iter().all(applies).then(|| {
            let value = |s: &super::Score| (metric.of)(s).unwrap_or_default();
            self.traffic.iter().map(|traffic| blocks(&self.of(traffic, name), value)).collect()
        })
    }

    fn by_traffic(&self) -> Vec<MetricRow> {
        let mut rows = Vec::new();
        for metric in &METRICS {
            for &autoscaler in &self.names {
                let strata = self.strata(autoscaler, metric);
                for (at, &traffic) in self.traffic.iter().enumerate() {
                    rows.push(MetricRow {
                        traffic: traffic.to_owned(),
                        autoscaler: autoscaler.to_owned(),
                        metric: metric.key,
                        estimate: strata.as_ref().map(|strata| metric.possible(estimate(&strata[at]))),
                    });
                }
            }
        }
        rows
    }

    fn aggregate(&self) -> Vec<Aggregate> {
        let of = |metric: &Metric, name: &str| Aggregate {
            autoscaler: name.to_owned(),
            metric: metric.key,
            iqm: self.strata(name, metric).map(|strata| metric.possible(interquartile_estimate(&strata))),
        };
        METRICS.iter().flat_map(|metric| self.names.iter().map(|name| of(metric, name))).collect()
    }

    fn test(&self, candidate: &str, baseline: &str, tested: &Tested) -> PairTest {
        let metric = metric_of(tested.key);
        let strata: Vec<Stratum> = self
            .traffic
            .iter()
            .map(|traffic| {
                pairs(&self.of(traffic, candidate), &self.of(traffic, baseline), metric, tested.relative)
            })
            .collect();
        let rank = signed_rank(&strata.iter().flat_map(units).collect::<Vec<_>>());
        let difference = Bootstrap::default().estimate_blocks(&strata, |strata| {
            let day = |stratum: &Stratum| mean(&stratum.iter().map(|b| mean(b)).collect::<Vec<_>>());
            strata.iter().map(day).sum::<f64>() / strata.len() as f64
        });
        PairTest {
            candidate: candidate.to_owned(),
            baseline: baseline.to_owned(),
            metric: tested.key,
            unit: tested.unit,
            difference,
            pairs: rank.pairs,
            rank_biserial: rank.rank_biserial,
            p_value: rank.p_value,
            p_holm: rank.p_value,
            shown: Shown::Nothing,
        }
    }

    fn profiles(&self) -> Vec<Profile> {
        let metric = metric_of("shared_score");
        let lowest = self.cells.iter().filter_map(|c| (metric.of)(&c.score)).fold(0.0, f64::min);
        let low = lowest.max(LOWEST_THRESHOLD);
        let thresholds: Vec<f64> =
            (0..THRESHOLDS).map(|i| low + (1.0 - low) * i as f64 / (THRESHOLDS - 1) as f64).collect();
        let of = |name: &&str| {
            let shares = profile(&self.strata(name, metric)?, &thresholds);
            let (autoscaler, thresholds) = ((*name).to_owned(), thresholds.clone());
            Some(Profile { autoscaler, thresholds, shares })
        };
        self.names.iter().filter_map(of).collect()
    }
}

/// Differences of runs that share day and seed, `[day][seed]`. A baseline that was run with one seed only is paired
/// with every seed of the candidate.
fn pairs(ours: &[&Cell], theirs: &[&Cell], metric: &Metric, relative: bool) -> Stratum {
    let mut days: Vec<(&str, Vec<f64>)> = Vec::new();
    for mine in ours {
        let same_day = || theirs.iter().filter(|c| c.day == mine.day);
        let twin = same_day().find(|c| c.seed == mine.seed).or_else(|| same_day().next());
        let values = twin.and_then(|twin| (metric.of)(&mine.score).zip((metric.of)(&twin.score)));
        let Some((a, b)) = values else { continue };
        let difference = if relative { 100.0 * (a / b.max(1e-9) - 1.0) } else { a - b };
        match days.iter_mut().find(|(day, _)| *day == mine.day) {
            Some((_, found)) => found.push(difference),
            None => days.push((&mine.day, vec![difference])),
        }
    }
    days.into_iter().map(|(_, found)| found).collect()
}

/// Independent pairs of a traffic: its days, or the seeds of its only day.
fn units(stratum: &Stratum) -> Vec<f64> {
    match &stratum[..] {
        [only] => only.clone(),
        days => days.iter().map(|day| mean(day)).collect(),
    }
}

fn sentence(candidate: &str, baseline: &str, traffics: usize, tests: &[&PairTest]) -> String {
    let figures = |test: &PairTest| {
        let decimals = if test.unit == "%" { 1 } else { 2 };
        let Estimate { mean, low, high } = test.difference;
        let [mean, low, high] = [mean, low, high].map(|value| signed(value, decimals));
        format!("{mean} {} [{low}, {high}], p {}", test.unit, p_value(test.p_holm))
    };
    let part = |test: &&PairTest| {
        let words = TESTED.iter().find(|tested| tested.key == test.metric).map(|tested| tested.words);
        let words = words.unwrap_or_default();
        match test.shown {
            Shown::Lower => format!("{} ({})", words[0], figures(test)),
            Shown::Higher => format!("{} ({})", words[1], figures(test)),
            Shown::Nothing => {
                let what = metric_of(test.metric).heading;
                format!("no difference shown in {what} ({})", figures(test))
            }
        }
    };
    let over = if traffics == 1 { "on one traffic".to_owned() } else { format!("over {traffics} traffics") };
    let parts: Vec<String> = tests.iter().map(part).collect();
    format!("{candidate} against {baseline} {over}: {}.", parts.join("; "))
}

/// `+0.12`, or a dash for what is not finite.
fn signed(value: f64, decimals: usize) -> String {
    if value.is_finite() { format!("{value:+.decimals$}") } else { "–".to_owned() }
}

/// `= 0.031`, or `< 0.001`.
fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("= {p:.3}") }
}

#[cfg(test)]
mod tests {
    use super::super::{AutoscalerSummary, Score};
    use super::*;

    /// Two traffics of five days, two seeds; the candidate's cost and violations relative to the baseline's.
    fn comparison(cost: impl Fn(usize) -> f64) -> Comparison {
        let mut comparison = crate::report::fixture::comparison();
        comparison.cells.clear();
        comparison.autoscalers.truncate(2);
        for (traffic, day, seed) in (0..20).map(|i| (i / 10, i / 2 % 5, i % 2)) {
            for (name, factor) in [("hpa", 1.0), ("new", cost(traffic * 5 + day))] {
                let core_hours = (100.0 + 7.0 * day as f64 + 0.1 * seed as f64) * factor;
                comparison.cells.push(Cell {
                    autoscaler: name.to_owned(),
                    traffic: format!("t{traffic}"),
                    day: format!("d{day}"),
                    seed: seed as u64,
                    score: Score { core_hours, shared: 1.0 - core_hours / 300.0, ..Score::default() },
                });
            }
        }
        let summary = |name: &str| AutoscalerSummary { name: name.into(), description: String::new() };
        comparison.autoscalers = vec![summary("hpa"), summary("new")];
        comparison
    }

    #[test]
    fn a_difference_on_every_day_is_shown() {
        let analysis = Analysis::of(&comparison(|i| 0.9 - 0.001 * i as f64));
        let cost = &analysis.tests[0];
        assert_eq!((cost.shown, cost.pairs, cost.rank_biserial), (Shown::Lower, 10, -1.0));
        assert!(cost.p_holm > cost.p_value && cost.p_holm <= LEVEL, "{cost:?}");
        let text = &analysis.sentences[0];
        assert!(text.contains("new against hpa over 2 traffics: costs less (-10."), "{text}");
        assert!(text.contains("no difference shown in SLO violated"), "{text}");
        assert!(analysis.improvement[0].probability.mean > 0.6);
    }

    #[test]
    fn a_difference_that_changes_its_sign_from_day_to_day_is_not() {
        let analysis = Analysis::of(&comparison(|i| if i % 2 == 0 { 0.97 } else { 1.03 }));
        assert!(analysis.tests.iter().all(|test| test.shown == Shown::Nothing));
        assert!(analysis.sentences[0].contains("no difference shown in cost on requests"));
    }

    #[test]
    fn too_few_pairs_for_any_claim_are_told() {
        assert_eq!(Analysis::of(&comparison(|_| 0.9)).least_p(), None);
        let mut few = comparison(|_| 0.9);
        few.cells.retain(|cell| cell.traffic == "t0");
        // Five days give no p below 2 / 32; there are three tests.
        assert_eq!(Analysis::of(&few).least_p(), Some(3.0 / 16.0));
    }

    #[test]
    fn a_metric_that_does_not_apply_has_no_figure() {
        let analysis = Analysis::of(&comparison(|_| 1.0));
        assert_eq!(analysis.iqm("hpa", "node_hours"), None);
        assert_eq!(analysis.mean("t0", "hpa", "node_hours"), None);
        assert!(analysis.mean("t1", "new", "requested_core_hours").is_some());
    }

    #[test]
    fn seeds_of_one_day_are_pairs_only_where_there_is_no_other_day() {
        assert_eq!(units(&vec![vec![1.0, 2.0, 3.0]]).len(), 3);
        assert_eq!(units(&vec![vec![1.0, 3.0], vec![5.0]]), [2.0, 5.0]);
    }
}
