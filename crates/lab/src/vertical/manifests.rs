//! Settings of the VPA as what a cluster takes: a `VerticalPodAutoscaler` for each container, and above them the flags of the recommender.
//!
//! Which pods a container belongs to is not in a recording: deployments are taken to be called as the containers. What an object has no
//! field for, or one behind an alpha gate (`oomBumpUpRatio`, `memoryAggregationIntervalSeconds`: `PerVPAConfig`), is a flag. Left out:
//! other vertical autoscalers, which get a sentence.

use super::{
    cases::{Case, Recording},
    registry::{KnownVertical, exact_config},
};
use crate::{Result, contenders::Settings, manifest::to_yaml, tuning::autoscaler::Manifests};
use std::fmt::Write as _;
use trimtab_control::{
    vertical::{ExactConfig, Mode},
    vpa::{
        ContainerPolicy, Resource, ResourceList, ResourcePolicy, UpdatePolicy,
        manifest::{Manifest, TargetRef},
    },
};

/// Longest name of an object that is a label, too, as a deployment's should be.
const LONGEST: usize = 63;

/// The manifests of a vertical autoscaler with `settings` for every container of `recordings`.
///
/// # Errors
/// Settings that do not fit together.
pub(super) fn manifests(
    known: &KnownVertical,
    settings: &Settings,
    recordings: &[Recording],
) -> Result<Manifests> {
    let Some(config) = exact_config(known, settings)? else {
        return Ok(Manifests::None(format!(
            "{} is no Kubernetes object: it needs a recommender of its own, so there is no YAML to apply.",
            known.name
        )));
    };
    let mut text = head(known, settings, &config);
    let mut names: Vec<String> = Vec::new();
    for case in recordings.iter().flat_map(|recording| &recording.cases) {
        let name = object_name(&case.container, &names);
        text += "---\n";
        text += &to_yaml(&object(&name, &config, case))?;
        names.push(name);
    }
    Ok(Manifests::Yaml(text))
}

fn head(known: &KnownVertical, settings: &Settings, config: &ExactConfig) -> String {
    let set = settings.text();
    let mut text = format!(
        "# {}{}{set}\n# For deployments called as the recorded containers: put your own names.\n",
        known.name,
        if set.is_empty() { "" } else { ":" }
    );
    let flags = config.recommender_flags();
    if flags.is_empty() {
        text += "# The recommender's flags stay at upstream's defaults.\n";
    } else {
        text += "# Percentiles, margins and half-lives are no fields of a VerticalPodAutoscaler. They are flags of the recommender and hold for\n# every VPA that it serves; without them these objects do something else. Arguments of the container of vpa-recommender:\n";
        for flag in flags {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "#   - {flag}");
        }
    }
    if config.mode != Mode::Off {
        text += "# The updater leaves pods alone where fewer than two replicas live, unless `minReplicas: 1` is under updatePolicy.\n";
    }
    if config.mode == Mode::InPlace {
        text += "# updateMode InPlace needs the VPA's feature gate InPlace.\n";
    }
    text
}

fn object(name: &str, config: &ExactConfig, case: &Case) -> Manifest {
    let least = config.min_allowed();
    let resources = if case.has_memory { &Resource::ALL[..] } else { &[Resource::Cpu] };
    let policy = ContainerPolicy {
        container: "*".to_owned(),
        min_allowed: ResourceList { memory: least.memory.filter(|_| case.has_memory), ..least },
        controlled_resources: Some(resources.to_vec()),
        ..ContainerPolicy::default()
    };
    let update = UpdatePolicy { mode: config.mode.upstream(), ..UpdatePolicy::default() };
    let (api_version, kind) = ("apps/v1".to_owned(), "Deployment".to_owned());
    let target = TargetRef { api_version, kind, name: name.to_owned() };
    Manifest::new(name, target, &update, &ResourcePolicy { containers: vec![policy] })
}

/// A name that Kubernetes takes and that is not among `taken`: small letters, digits and dashes, with a number where it would come twice.
fn object_name(container: &str, taken: &[String]) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let plain: String = container.chars().map(letter).collect();
    let cut = |length: usize| {
        let cut: String = plain.trim_matches('-').chars().take(length).collect();
        let cut = cut.trim_matches('-');
        if cut.is_empty() { "container".to_owned() } else { cut.to_owned() }
    };
    let first = cut(LONGEST);
    let numbered = (2..).map(|number| format!("{}-{number}", cut(LONGEST - 6)));
    let mut names = std::iter::once(first).chain(numbered);
    names.find(|name| !taken.contains(name)).expect("numbers do not end")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{manifest::from_yaml, vertical::CaseConfig};
    use trimtab_workload::usage::UsageWorkload;

    fn yaml(name: &str, settings: &str) -> (String, Vec<Manifest>) {
        let series = UsageWorkload::example("alibaba").unwrap().build().unwrap();
        let case = Case::of(&series, &CaseConfig::default());
        let named = |container: &str, has_memory| Case {
            container: container.to_owned(),
            has_memory,
            ..case.clone()
        };
        let cases = vec![named("m_1932", true), named("m-1932", true), named("PlanetLab.node", false)];
        let recordings = [Recording { name: "made-up".to_owned(), remark: String::new(), cases }];
        let known = crate::vertical::find(name).unwrap();
        let settings = Settings::parse_for(name, known.parameters, settings).unwrap();
        let Manifests::Yaml(text) = manifests(known, &settings, &recordings).unwrap() else {
            panic!("no YAML")
        };
        let config = exact_config(known, &settings).unwrap().unwrap();
        let names = ["m-1932", "m-1932-2", "planetlab-node"];
        let objects = names.iter().zip(&recordings[0].cases).map(|(name, case)| object(name, &config, case));
        (text, objects.collect())
    }

    #[test]
    fn the_yaml_read_back_is_the_objects_that_were_meant() {
        let set = "safety_margin=0.05,target_cpu_percentile=0.98,min_cpu_millicores=100,min_memory_mb=300";
        for (name, settings) in [("vpa", ""), ("vpa", set), ("vpa_in_place", set), ("vpa", "mode=off")] {
            let (text, objects) = yaml(name, settings);
            let documents: Vec<&str> = text.split("---\n").skip(1).collect();
            assert_eq!(documents.len(), objects.len());
            for (document, object) in documents.iter().zip(&objects) {
                assert_eq!(
                    from_yaml::<Manifest>("kubernetes.yaml", document).unwrap(),
                    *object,
                    "{document}"
                );
            }
            assert_eq!(text.contains("updateMode: InPlaceOrRecreate"), name == "vpa_in_place", "{text}");
            assert_eq!(
                text.contains("cpu: 100m") && text.contains("memory: 300Mi"),
                settings == set,
                "{text}"
            );
            assert!(!documents[2].contains("memory"), "memory was not recorded: {}", documents[2]);
        }
    }

    #[test]
    fn what_no_object_says_is_a_flag_by_upstreams_name() {
        let (text, _) = yaml(
            "vpa",
            "safety_margin=0.05,target_cpu_percentile=0.98,cpu_half_life_hours=5.3,min_memory_mb=100,min_cpu_millicores=100",
        );
        let flags: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("#   - ")).collect();
        // The simulated upper bound does not lie below the target.
        assert_eq!(
            flags,
            [
                "--recommendation-margin-fraction=0.05",
                "--target-cpu-percentile=0.98",
                "--recommendation-upper-bound-cpu-percentile=0.98",
                "--cpu-histogram-decay-half-life=5.3h",
                "--pod-recommendation-min-memory-mb=100",
            ]
        );
        assert!(yaml("vpa", "").0.contains("stay at upstream's defaults"));
        let window = crate::vertical::find("window").unwrap();
        let none = manifests(window, &Settings::default(), &[]).unwrap();
        assert!(matches!(none, Manifests::None(why) if why.contains("window is no Kubernetes object")));
    }
}
