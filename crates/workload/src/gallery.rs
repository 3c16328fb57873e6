//! Workloads with names, for listings, load tests and comparisons.
//!
//! The four `boutique_*` plans are those of the Online Boutique load tests of `GRLScaler` (ntu-ben/GRLScaler,
//! `loadtest/onlineboutique`). Left out: anything tuned to one application; scale them with
//! [`crate::combine::Scale`].

use crate::{
    Workload,
    shape::{
        ConstantConfig, DiurnalConfig, FlashCrowdConfig, Harmonic, Level, MmppConfig, RampConfig, StepConfig,
    },
    shipped,
};
use std::f64::consts::FRAC_PI_2;

/// A workload with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// Name, as on the command line.
    pub name: &'static str,
    /// One sentence for a listing.
    pub description: &'static str,
    /// What it is.
    pub workload: Workload,
}

/// The workload called `name`.
pub fn find(name: &str) -> Option<Named> {
    all().into_iter().find(|named| named.name == name)
}

/// Every named workload, the [`shipped`] recordings last.
pub fn all() -> Vec<Named> {
    let named = |name, description, workload| Named { name, description, workload };
    let constant = |rate| Workload::Constant(ConstantConfig { rate });
    let mut all = vec![
        named("boutique_offpeak", "100 requests/s", constant(100.0)),
        named("boutique_peak", "400 requests/s", constant(400.0)),
        named(
            "boutique_rush",
            "100 requests/s, 800 from 180 s to 480 s",
            steps(&[(0.0, 100.0), (180.0, 800.0), (480.0, 100.0)]),
        ),
        named(
            "boutique_fluctuating",
            "50, 300, 50 and 800 requests/s, a quarter of 15 min each",
            steps(&[(0.0, 50.0), (225.0, 300.0), (450.0, 50.0), (675.0, 800.0)]),
        ),
        named(
            "ramp",
            "0 to 500 requests/s within an hour: where does the application saturate?",
            Workload::Ramp(RampConfig { from: 0.0, to: 500.0, start_secs: 0.0, length_secs: 3600.0 }),
        ),
        named("diurnal", "day and night around 200 requests/s, quiet weekends (from a Monday)", diurnal()),
        named(
            "diurnal_noisy",
            "the same with 15 % autocorrelated noise",
            Workload::Noise {
                sigma: 0.15,
                phi: 0.9,
                grid_secs: 60.0,
                horizon_secs: 14.0 * 86_400.0,
                of: Box::new(diurnal()),
            },
        ),
        named(
            "flash_crowd",
            "tenfold crowd after an hour, within 5 min, for 20 min, then fading",
            flash_crowd(),
        ),
        named(
            "bursts",
            "100 requests/s with bursts of 400: 10 min quiet, 2 min burst on average",
            Workload::Mmpp(MmppConfig {
                low: 100.0,
                high: 400.0,
                low_secs: 600.0,
                high_secs: 120.0,
                horizon_secs: 14.0 * 86_400.0,
            }),
        ),
    ];
    all.extend(shipped::ALL.map(|recording| Named {
        name: recording.name,
        description: recording.description,
        workload: Workload::Replay { trace: recording.name.to_owned(), days: None, peak: None, speed: 1.0 },
    }));
    all
}

fn steps(levels: &[(f64, f64)]) -> Workload {
    let levels = levels.iter().map(|&(at_secs, rate)| Level { at_secs, rate }).collect();
    Workload::Step(StepConfig { levels })
}

fn diurnal() -> Workload {
    Workload::Diurnal(DiurnalConfig {
        base: 200.0,
        harmonics: vec![
            Harmonic { amplitude: 0.6, phase: -FRAC_PI_2 },
            Harmonic { amplitude: 0.2, phase: FRAC_PI_2 },
        ],
        week: [1.0, 1.0, 1.0, 1.0, 1.0, 0.6, 0.5],
    })
}

fn flash_crowd() -> Workload {
    Workload::FlashCrowd(FlashCrowdConfig {
        baseline: 60.0,
        peak_factor: 10.0,
        onset_secs: 3600.0,
        ramp_secs: 300.0,
        plateau_secs: 1200.0,
        decay_secs: 1800.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use trimtab_model::Seconds;

    #[test]
    fn every_named_workload_builds_and_survives_a_round_trip_through_toml() {
        for named in all() {
            let text = toml::to_string(&named.workload).unwrap();
            assert_eq!(toml::from_str::<Workload>(&text).unwrap(), named.workload, "{text}");
            let built = named.workload.build(1).unwrap();
            assert!(built.mean(Seconds(0.0), Seconds(86_400.0)).0 > 0.0, "{}", named.name);
            assert_eq!(find(named.name).unwrap(), named);
        }
    }
}
